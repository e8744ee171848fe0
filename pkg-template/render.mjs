/**
 * Puts a creative into a placement, and takes it out again.
 *
 * Content comes from a bundle, and a bundle may be wrong or hostile: everything is written as text or as a
 * checked attribute, never parsed as markup, except through `Element.setHTML`, whose sanitizer drops scripts.
 * No string reaches an injection sink, so the page may demand Trusted Types, and no inline style or script
 * appears, so it may forbid them.
 */

import { safe } from "./address.mjs";

/** Slots by attribute: how a field of the creative is written into an element, and whether it may be. */
const SLOTS = {
  text(slot, value) {
    if (!slot.matches("script, style")) replace(slot, value);
  },
  html(slot, value) {
    if (slot.matches("script, style")) return;
    // Without a sanitizer the markup is shown as it is written, which is ugly and safe.
    if (slot.setHTML) slot.setHTML(value);
    else replace(slot, value);
  },
  src(slot, value) {
    if (slot.matches("img, source, video, audio") && safe(value, document.baseURI, true)) slot.setAttribute("src", value);
  },
  href(slot, value) {
    if (slot.matches("a, area") && safe(value, document.baseURI)) slot.setAttribute("href", value);
  },
  alt: (slot, value) => slot.setAttribute("alt", value),
};

const SELECTOR = Object.keys(SLOTS).map((kind) => `[data-pf-${kind}]`).join();

const slotsOf = (placement) => [...(placement.matches(SELECTOR) ? [placement] : []), ...placement.querySelectorAll(SELECTOR)];

/** Whether `placement`, which a server filled, still says what `content` does: a framework may have put its own there since. */
export function shows(placement, content) {
  const slots = slotsOf(placement);
  // Markup was cleaned, and an address that could run script was never written.
  const holds = (slot, kind, value = "") =>
    kind === "html" ||
    (kind === "text" ? slot.textContent.trim() === value.trim() : (slot.getAttribute(kind) ?? "") === value) ||
    (/src|href/.test(kind) && !safe(value, document.baseURI, true));
  return slots.length
    ? slots.every((slot) =>
        Object.keys(SLOTS).every((kind) => {
          const field = slot.getAttribute(`data-pf-${kind}`);
          return field === null || slot.hidden || holds(slot, kind, content[field]);
        }),
      )
    : [content.headline, content.text, content.cta].every((part) => !part || placement.textContent.includes(part));
}

/** Writes as markup what a server, which has no sanitizer, wrote as text. */
export const enrich = (placement, content) =>
  slotsOf(placement).forEach((slot) => {
    const value = content[slot.getAttribute("data-pf-html")];
    if (value && slot.setHTML) SLOTS.html(slot, value);
  });

/** Shows `content` in `placement`; the answer is a function that brings the default content back, node for node. */
export function render(placement, content) {
  const slots = slotsOf(placement);
  const undo = [];
  if (!slots.length) {
    const children = [...placement.childNodes];
    placement.replaceChildren(plain(content));
    undo.push(() => placement.replaceChildren(...children));
  }
  for (const slot of slots) {
    undo.push(remember(slot));
    for (const kind in SLOTS) {
      const field = slot.getAttribute(`data-pf-${kind}`);
      if (field === null) continue;
      const value = content[field];
      if (value) SLOTS[kind](slot, value);
      // The default's picture beside another product's words would be a lie: what the creative lacks is hidden.
      else if (kind === "alt") slot.setAttribute("alt", "");
      else if (kind === "href") slot.removeAttribute("href");
      else slot.hidden = true;
    }
  }
  return () => undo.reverse().forEach((fn) => fn());
}

const replace = (slot, value) => slot.replaceChildren(value);

/** What a slot is before a creative is written into it. */
function remember(slot) {
  const children = [...slot.childNodes];
  const attributes = ["src", "href", "alt", "hidden"].map((name) => [name, slot.getAttribute(name)]);
  const leaf = slot.matches("[data-pf-text], [data-pf-html]");
  return () => {
    if (leaf) slot.replaceChildren(...children);
    for (const [name, value] of attributes) {
      if (value === null) slot.removeAttribute(name);
      else slot.setAttribute(name, value);
    }
  };
}

/** The rendering of a placement without slots. Class names are the page's to style. */
function plain({ link, image, alt, headline, text, cta }) {
  const linked = link && safe(link, document.baseURI);
  const creative = element(linked ? "a" : "div", "creative");
  if (linked) creative.setAttribute("href", link);
  if (image && safe(image, document.baseURI, true)) {
    const picture = element("img", "image");
    picture.setAttribute("alt", alt ?? "");
    picture.setAttribute("src", image);
    creative.append(picture);
  }
  for (const [kind, tag, value] of [["headline", "strong", headline], ["text", "span", text], ["cta", "span", cta]]) {
    if (!value) continue;
    const part = element(tag, kind);
    part.append(value);
    creative.append(part);
  }
  return creative;
}

function element(tag, kind) {
  const made = document.createElement(tag);
  made.className = `pf-${kind}`;
  return made;
}
