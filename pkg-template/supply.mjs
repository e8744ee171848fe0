/**
 * What an edge is supplied with: newer bundles and newer levels of feeds, looked for behind an answer and at most once a minute.
 */

/** Milliseconds between two looks, and how many a collector has to answer. */
const FRESH = 60_000;
const PATIENCE = 10_000;

/**
 * A supply for `edge` from the `collector` at that address; where there is none, `find()` may bring a bundle's bytes. `feeds` are names.
 * `report(code)` hears of a bundle that was refused. What does not answer is asked again a minute later.
 */
export function createSupply(edge, { collector, feeds = [], find, report = () => {} }) {
  const home = collector && String(collector).replace(/\/$/, "");
  /** The version of each feed that is known here. */
  const versions = new Map();
  let looked = -FRESH;
  let tag = null;

  const ask = async (path, headers = {}) => {
    const answer = await fetch(home + path, { headers, signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
    return answer?.status === 200 ? answer : null;
  };

  /** Whether another bundle was taken. One that does not open, or is older, is left where it is. */
  const take = async (bytes) => {
    const fault = await edge.use(new Uint8Array(bytes));
    if (fault) report(fault);
    return !fault;
  };

  const bundle = async () => {
    if (!home) {
      const found = await find?.();
      return !!found && take(found);
    }
    const answer = await ask("/bundle.pf4", tag ? { "if-none-match": tag } : {});
    if (!answer || !(await take(await answer.arrayBuffer()))) return false;
    tag = answer.headers.get("etag");
    return true;
  };

  /** What has changed in a feed since the version that is known. */
  const levels = async (name) => {
    const answer = await ask(`/v1/feeds/${encodeURIComponent(name)}?since=${versions.get(name) ?? 0}`);
    if (!answer) return;
    const { version, levels } = await answer.json();
    edge.feed(name, levels.map(({ place, item, level, as_of }) => [place, item, level, as_of]));
    versions.set(name, version);
  };

  return {
    /** A promise for the host to wait for when it is time to look, and else nothing. */
    refresh(now = Date.now()) {
      if (!(home || find) || now - looked < FRESH) return null;
      looked = now;
      return (async () => {
        // A newer bundle may name feeds and places that the one before it did not.
        if (await bundle().catch(() => false)) versions.clear();
        if (home) await Promise.allSettled(feeds.map(levels));
      })();
    },
  };
}
