/**
 * The page's own queues of calls, such as Google's `dataLayer`: what is in them, and what will be.
 *
 * A queue stays the page's. Its `push` is called first, with what it was called with, and its answer is the answer;
 * whoever replaces `push` later (Google's own tags do) calls this one in turn. A page may also put another object in the
 * queue's place (a snippet that comes after us, a library that has loaded), so the global becomes an accessor where the
 * page lets it. Whatever a listener throws stays here.
 */
const observed = new WeakMap();

/** Tells `listener` each entry of the queue `name` of this page, now and to come, those that are there first. */
export const observe = (name, listener) => watch(name, (queue) => Array.isArray(queue) && listen(queue, listener));

/** Calls `met` with the object that the global `name` holds, and with each that takes its place. */
export function watch(name, met) {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  let held = globalThis[name];
  const meet = () => held && typeof held === "object" && tell(met, held);
  meet();
  // One that was declared with `var` cannot become an accessor; it keeps its queue, as a rule.
  if (before?.configurable === false) return;
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: true,
    get: () => (before?.get ? before.get() : held),
    set(value) {
      before?.set?.(value);
      if (value === held) return;
      held = value;
      meet();
    },
  });
}

/** Tells `listener` each entry of `queue`. */
export function listen(queue, listener) {
  let listeners = observed.get(queue);
  if (!listeners) {
    const { push } = queue;
    const heard = [];
    queue.push = function (...entries) {
      try {
        return push.apply(this, entries);
      } finally {
        entries.forEach((entry) => heard.forEach((listen) => tell(listen, entry)));
      }
    };
    observed.set(queue, (listeners = heard));
  }
  listeners.push(listener);
  queue.slice().forEach((entry) => tell(listener, entry));
}

function tell(listener, entry) {
  try {
    listener(entry);
  } catch {
    // The page's own call goes on.
  }
}
