/**
 * What a server writes into the slots of a placement: the rules of `render.mjs`, for HTML that streams.
 *
 * A rewriter names an element and its attributes, and is told what to write. Values are never markup: a rewriter escapes
 * texts and attributes as it writes them, and what is built here is escaped here.
 */

import { safe } from "./address.mjs";

/** Texts remembered of each kind; past it the map starts again. */
const KNOWN = 1024;

/** Verdicts on addresses. A page's own address is of the web, so that they are the same for every page; reading one takes longer than deciding. */
const verdicts = new Map();

function fits(address, base, image) {
  const key = image ? `i${address}` : `a${address}`;
  let verdict = verdicts.get(key);
  if (verdict === undefined) {
    if (verdicts.size >= KNOWN) verdicts.clear();
    verdicts.set(key, (verdict = safe(address, base, image)));
  }
  return verdict;
}

/** Attributes that make an element a slot, by kind. */
export const KINDS = ["text", "html", "src", "href", "alt"];
export const SLOT = KINDS.map((kind) => `[data-pf-${kind}]`).join();
export const PLACEMENT = "[data-petitfour]";

/** Where a placement with content and without slots ends: the script then decides for it as if no server had. */
export const VOID = "<template data-pf-void></template>";

const TAGS = { src: ["img", "source", "video", "audio"], href: ["a", "area"] };

/** Kinds that can mean something on an element: what is not asked for is not fetched across a rewriter's border. */
const ASKED = { img: ["src", "alt"], source: ["src"], a: ["text", "html", "href"], area: ["href", "alt"] };
const OTHERS = ["text", "html"];
const kindsOf = (tag) => ASKED[tag] ?? (TAGS.src.includes(tag) ? ["src", "text", "html"] : OTHERS);

/** A server has no sanitizer: what stands between angle brackets is left out, and the rest is text. */
const plainText = (markup) => markup.replace(/<[^>]*>?/g, "");

/**
 * What becomes of one slot: `tag` in lower case, `field(kind)` the name of a field or null. The answer has `text` to stand in
 * it (or null), attributes to `set` (pairs) and to `remove`, and whether to `hide` it, as a creative that lacks the field asks.
 */
export function slot(tag, field, content, base) {
  const plan = { text: null, set: [], remove: [], hide: false };
  for (const kind of kindsOf(tag)) {
    const name = field(kind);
    if (name === null || name === undefined) continue;
    const value = content[name];
    if (kind === "alt") plan.set.push(["alt", value ?? ""]);
    else if (!value) {
      if (kind === "href") plan.remove.push("href");
      else plan.hide = true;
    } else if (kind === "text" || kind === "html") {
      if (tag !== "script" && tag !== "style") plan.text = kind === "html" ? plainText(value) : value;
    } else if (TAGS[kind].includes(tag) && fits(value, base, kind === "src")) plan.set.push([kind, value]);
  }
  return plan;
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escaped = (value) => String(value).replace(/[&<>"']/g, (character) => ENTITIES[character]);

/** The rendering of a placement without slots (`data-pf-plain`), as HTML. Class names are the page's to style. */
export function plain({ link, image, alt, headline, text, cta }, base) {
  const picture = image && fits(image, base, true) ? `<img class="pf-image" alt="${escaped(alt ?? "")}" src="${escaped(image)}">` : "";
  const parts = [["headline", "strong", headline], ["text", "span", text], ["cta", "span", cta]]
    .filter(([, , value]) => value)
    .map(([kind, tag, value]) => `<${tag} class="pf-${kind}">${escaped(value)}</${tag}>`);
  const inner = picture + parts.join("");
  return link && fits(link, base) ? `<a class="pf-creative" href="${escaped(link)}">${inner}</a>` : `<div class="pf-creative">${inner}</div>`;
}
