/**
 * The outbox: sync messages that wait for the collector.
 *
 * A message leaves the queue only when the collector has said that it has it: by answering it (2xx, or a final refusal), or
 * by naming it in the answer to another. While the page is there messages go by `fetch`, one after the other, because its
 * answer is wanted. When the page goes, what waits goes by beacon, which gets no answer: those messages stay, marked, and
 * the next answer tells which of them have arrived; the others are sent again.
 *
 * One message is never kept: the tombstone, by which the collector forgets. It would keep on this device the pseudonym that is
 * to be forgotten. It is sent at once, again while there is no answer, and by beacon when the page goes; then it is gone.
 *
 * Bound: 64 messages and 48 KiB of base64. Past it the oldest are dropped (`queue/dropped`): a collector that
 * is down, or a blocked address, must not fill the visitor's storage.
 */
import { decode, encode } from "./storage.mjs";

/**
 * When the collector last answered (base 36; 0 never), then the messages. The key is there as soon as anything was to be
 * sent under this pseudonym, and stays when all is sent: whoever is forgotten then has something to be forgotten.
 */
const QUEUE = "petitfour.queue";
const MESSAGES = 64;
const CHARACTERS = 48 * 1024;

/** Before a message that went by beacon. */
const MARK = "~";

/** What the browser lets all requests that outlive a page carry together; some of it is left to the page itself. */
const BUDGET = 60 * 1024;

/** For so long after an answer no other is needed soon: segments change by the hour, not by the page. */
const FRESH = 3e5;

/** Answers after which sending the same bytes again would only be refused again. */
export const FINAL = [400, 401, 403, 413];

const FIRST_WAIT = 1e3;
const LONGEST_WAIT = 3e5;

/**
 * `heard` takes an answer's bytes into the session and gives its fault; `has` says whether that answer named a message;
 * `leaves` whether anything may leave now.
 */
export function openOutbox(host, store, report, may, emit, { heard, has, leaves }) {
  let memory = null;
  let sending = 0;
  let failures = 0;
  let held = false;
  let leaving = false;
  let pumping = null;
  let tombstones = [];
  /** Rises when a pseudonym is forgotten: an answer to what was sent before says nothing of who comes after. */
  let era = 0;

  const read = () => (may() ? store.read(QUEUE) : memory)?.split(" ") ?? [];
  const messages = () => read().slice(1).filter(Boolean);
  const answered = () => parseInt(read()[0] ?? 0, 36) || 0;
  /** Did an answer come lately? */
  const fresh = () => host.now() - answered() < FRESH && host.now() >= answered();

  const write = (list, time = answered()) => {
    let size = list.join(" ").length;
    while (list.length > MESSAGES || size > CHARACTERS) {
      size -= list.shift().length + 1;
      report("queue/dropped");
    }
    const text = [time.toString(36), ...list].join(" ");
    if (may()) store.write(QUEUE, text);
    else memory = text;
  };

  /** A message's bytes; none when something else has written there. */
  const bytesOf = (message) => {
    try {
      return decode(message.replace(MARK, ""));
    } catch {
      return null;
    }
  };

  const erase = () => {
    era++;
    memory = null;
    store.remove(QUEUE);
  };

  /** The next to go: what asks to forget, then what has not gone yet. */
  const next = () => tombstones[0] ?? (leaves() ? messages().find((message) => message[0] !== MARK) : undefined);

  const acknowledge = (message, complete) => {
    tombstones = tombstones.filter((other) => other !== message);
    // Forgotten meanwhile: nothing may be begun anew.
    if (!read().length) return;
    const left = messages().filter((other) => other !== message);
    // An answer is complete: a beacon that it does not name has not arrived.
    if (!complete) return write(left);
    const arrived = (other) => {
      const bytes = bytesOf(other);
      return bytes && has(bytes);
    };
    write(left.filter((other) => !arrived(other)).map((other) => other.replace(MARK, "")), host.now());
  };

  /** One run at a time; whoever asks meanwhile waits for the same one, and for what came when it had looked for the last time. */
  const pump = () =>
    (pumping ??= send().finally(() => {
      pumping = null;
      return host.post && !held && next() && pump();
    }));

  async function send() {
    if (held || !host.post) return;
    for (let message; (message = next()); ) {
      const begun = era;
      const bytes = bytesOf(message);
      let status = bytes ? 0 : 400;
      let after, body;
      try {
        sending = bytes.length;
        const answer = await host.post(bytes);
        status = answer.status;
        after = answer.headers?.get("retry-after");
        if (status === 200) body = new Uint8Array(await answer.arrayBuffer());
      } catch {
        // No answer at all is a collector that is down.
      }
      sending = 0;
      const stored = status >= 200 && status < 300;
      if (stored || FINAL.includes(status)) {
        failures = 0;
        if (!stored) report("collector/refused");
        const fault = body?.length && begun === era ? heard(body) : null;
        report(fault);
        acknowledge(message, fault === "");
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
      write([...messages(), encode(bytes)]);
      if (!leaving) pump();
    },
    pump,
    erase,
    /** What waits may not leave any more; that something has left is still known. */
    drop: () => read().length && write([]),
    fresh,
    /** Has anything been sent, or was to be, under the present pseudonym? */
    used: () => (memory ?? store.read(QUEUE)) !== null,
    /** Asks the collector to forget; `bytes` are the tombstone. */
    bury(bytes) {
      tombstones.push(encode(bytes));
      pump();
    },
    /** The `store` permission may have changed: moves what waited in memory to where it now belongs. */
    settle() {
      if (!may() || !memory) return;
      const waiting = memory.split(" ");
      memory = null;
      write([...messages(), ...waiting.slice(1)], Math.max(answered(), parseInt(waiting[0], 36)));
    },
    /** The page is going away: `flush` adds what is to go too, and all of it is handed over without expecting an answer. */
    leave(flush) {
      leaving = true;
      flush();
      leaving = false;
      if (!host.beacon) return pump();
      let left = BUDGET - sending;
      const gone = new Set();
      for (const message of [...tombstones, ...(leaves() ? messages() : [])]) {
        // A collector that asked for a pause gets it, as long as nothing is lost by waiting.
        if (message[0] === MARK || (held && may() && !tombstones.includes(message))) continue;
        const bytes = bytesOf(message);
        if (!bytes) continue;
        if ((left -= bytes.length) < 0) break;
        // A browser without beacons, or whose visitor forbids them, may still have the other way.
        if (!host.beacon(bytes)) host.post(bytes).catch(() => {});
        gone.add(message);
        emit("sent", { bytes: bytes.length, status: 0 });
      }
      if (gone.size && messages().length) write(messages().map((message) => (gone.has(message) ? MARK + message : message)));
    },
  };
}

/** How long to wait: what the collector asked for, else twice as long each time, with jitter so that visitors spread. */
const pause = (after, failures, host) => {
  const asked = after ? (/^\d+$/.test(after) ? after * 1e3 : Date.parse(after) - host.now()) : 0;
  const jitter = 0.5 + host.random(1)[0] / 512;
  return Math.max(asked || 0, Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures) * jitter);
};
