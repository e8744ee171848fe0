/**
 * The outbox: sync messages that wait for the collector.
 *
 * A message leaves the queue only when the collector has answered: 2xx (stored on disk) or a final refusal. A
 * beacon gets no answer, so what it carried is sent once more later; the collector counts a message by
 * (replica, sequence), so twice is once.
 *
 * Bound: 64 messages and 48 KiB of base64. Past it the oldest are dropped (`queue/dropped`): a collector that
 * is down, or a blocked address, must not fill the visitor's storage.
 */
import { decode, encode } from "./storage.mjs";

const QUEUE = "petitfour.queue";
const MESSAGES = 64;
const CHARACTERS = 48 * 1024;

/** Answers after which sending the same bytes again would only be refused again. */
const FINAL = [400, 401, 403, 413];

const FIRST_WAIT = 1e3;
const LONGEST_WAIT = 3e5;

export function openOutbox(host, store, report, may, emit, leaves) {
  const beaconed = new Set();
  let memory = [];
  let sending = null;
  let failures = 0;
  let held = false;

  const read = () => (may() ? (store.read(QUEUE) ?? "").split(" ").filter(Boolean) : memory);

  const write = (list) => {
    let size = list.join(" ").length;
    while (list.length > MESSAGES || size > CHARACTERS) {
      size -= list.shift().length + 1;
      report("queue/dropped");
    }
    if (!may()) memory = list;
    else if (list.length) store.write(QUEUE, list.join(" "));
    else store.remove(QUEUE);
  };

  const erase = () => {
    memory = [];
    beaconed.clear();
    store.remove(QUEUE);
  };

  let pumping = null;

  /** One run at a time; whoever asks meanwhile waits for the same one. */
  const pump = () => (pumping ??= send().finally(() => (pumping = null)));

  async function send() {
    if (held || !host.post) return;
    for (let message; leaves() && (message = read()[0]); ) {
      sending = message;
      let status = 0;
      let bytes, after;
      try {
        bytes = decode(message);
        const answer = await host.post(bytes);
        status = answer.status;
        after = answer.headers?.get("retry-after");
      } catch {
        // No answer at all is a collector that is down; what is no message at all is refused here.
        if (!bytes) status = 400;
      }
      sending = null;
      const stored = status >= 200 && status < 300;
      if (stored || FINAL.includes(status)) {
        failures = 0;
        if (!stored) report("collector/refused");
        write(read().filter((other) => other !== message));
        emit("sent", { bytes: bytes?.length ?? 0, status });
      } else {
        report("collector/unreachable");
        held = true;
        host.later(pause(after, failures++, host), () => {
          held = false;
          pump();
        });
        return;
      }
    }
  }

  return {
    add(bytes) {
      // Without a collector nothing is to be sent, now or later.
      if (!host.post) return;
      write([...read(), encode(bytes)]);
      pump();
    },
    pump,
    erase,
    /** The `store` permission may have changed: moves what waited in memory to where it now belongs. */
    settle() {
      const waiting = memory;
      if (may() && waiting.length) {
        memory = [];
        write([...read(), ...waiting]);
      }
    },
    /** The page is going away: hands over what waits without expecting an answer. */
    beacon() {
      if (!leaves()) return;
      for (const message of read()) {
        if (message === sending || beaconed.has(message)) continue;
        const bytes = decode(message);
        if (!host.beacon?.(bytes)) return;
        beaconed.add(message);
        emit("sent", { bytes: bytes.length, status: 0 });
      }
    },
  };
}

/** How long to wait: what the collector asked for, else twice as long each time, with jitter so that visitors spread. */
const pause = (after, failures, host) => {
  const asked = after ? (/^\d+$/.test(after) ? after * 1e3 : Date.parse(after) - host.now()) : 0;
  const jitter = 0.5 + host.random(1)[0] / 512;
  return Math.max(asked || 0, Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures) * jitter);
};
