/**
 * Tells a collector what visits left, after their answers: several visitors' messages together.
 */
import { FINAL } from "./queue.mjs";

/** Milliseconds for which messages are gathered, how many go at once, and how many wait at most. */
const GATHER = 250;
const MESSAGES = 64;
const LIMIT = 1024;

/** Milliseconds that a collector has to answer. A host may end a sending that takes longer, and nobody is told. */
const PATIENCE = 10_000;

/** Messages as `POST /v1/syncs` takes them: each after its length. */
function packed(messages) {
  const body = new Uint8Array(messages.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const message of messages) {
    view.setUint32(at, message.length, true);
    body.set(message, at + 4);
    at += 4 + message.length;
  }
  return body;
}

/**
 * An outbox to the `collector` at that address, together with a server write `key` and one by one without; to nobody without an address. What
 * could not be sent waits for the next, up to a bound. A final refusal is as good as an answer: sent again it would be refused again.
 */
export function createOutbox({ collector, key } = {}) {
  let waiting = [];
  let flushing = null;
  let began = 0;
  const post = (path, body, headers) => fetch(String(collector).replace(/\/$/, "") + path, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) });
  const send = async (messages) => {
    const answers = key
      ? [await post("/v1/syncs", packed(messages), { authorization: `Basic ${btoa(`${key}:`)}` })]
      : await Promise.all(messages.map((message) => post("/v1/sync", message)));
    return answers.every(({ ok, status }) => ok || FINAL.includes(status));
  };
  const flush = async () => {
    await new Promise((resolve) => setTimeout(resolve, GATHER));
    while (waiting.length) {
      const some = waiting.slice(0, MESSAGES);
      if (!(await send(some).catch(() => false))) break;
      waiting = waiting.filter((message) => !some.includes(message));
    }
    flushing = null;
  };
  return {
    /**
     * A promise for the host to wait for when this call began the sending, which takes the others along. Whoever finds one under
     * way has nothing to wait for: a Worker would keep each request's context alive for another's.
     */
    add(messages) {
      if (!collector || !messages.length) return null;
      waiting.push(...messages);
      if (waiting.length > LIMIT) waiting = waiting.slice(-LIMIT);
      if (flushing && Date.now() - began < GATHER + 2 * PATIENCE) return null;
      began = Date.now();
      return (flushing = flush());
    },
  };
}
