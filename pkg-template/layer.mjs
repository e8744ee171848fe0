/**
 * The page's own queues of calls, such as Google's `dataLayer`: what is in them, and what will be.
 *
 * A queue stays the page's. Its `push` is called first, with what it was called with, and its answer is the answer;
 * whoever replaces `push` later (Google's own tags do) calls this one in turn.
 */
const observed = new WeakMap();

/**
 * Tells `listener` each entry of the queue `name` of this page, those that are there first. A queue that is not there is
 * begun, as the page's own snippet would. Whatever `listener` throws stays here.
 */
export function observe(name, listener) {
  const queue = (globalThis[name] ??= []);
  if (typeof queue?.push !== "function") return;
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
  if (Array.isArray(queue)) queue.slice().forEach((entry) => tell(listener, entry));
}

function tell(listener, entry) {
  try {
    listener(entry);
  } catch {
    // The page's own call goes on.
  }
}
