/**
 * Fills the placements of a page as it streams through a Node server, by the rules of `rewriter.mjs`.
 *
 * parse5 names the tags and leaves everything else byte for byte. It knows no tree, so the end of an element is found by counting
 * tags of its name.
 */
import { RewritingStream } from "parse5-html-rewriting-stream";
import { KINDS, VOID } from "./slots.mjs";

const EMPTY = new Set("area base br col embed hr img input link meta source track wbr".split(" "));

/** A stream of text; `after` is called when its last character is out. */
export function filler(visit, after) {
  const stream = new RewritingStream();
  /** Placements that are open, the innermost last; and what is left out until its end: another's text, or a plain placement's. */
  const inside = [];
  let skipped = null;

  const get = ({ attrs }, name) => attrs.find((attribute) => attribute.name === name)?.value;
  const set = (tag, name, value) => {
    const found = tag.attrs.find((attribute) => attribute.name === name);
    if (found) found.value = value;
    else tag.attrs.push({ name, value });
  };
  const opens = (tag) => !EMPTY.has(tag.tagName) && !tag.selfClosing;

  const fill = (tag, content) => {
    const plan = visit.slot(tag.tagName, (kind) => get(tag, `data-pf-${kind}`), content);
    for (const [name, value] of plan.set) set(tag, name, value);
    tag.attrs = tag.attrs.filter(({ name }) => !plan.remove.includes(name));
    if (plan.hide) set(tag, "hidden", "");
    return plan.text;
  };

  stream.on("startTag", (tag, raw) => {
    if (skipped) {
      if (tag.tagName === skipped.name && opens(tag)) skipped.depth++;
      return;
    }
    for (const frame of inside) if (frame.name === tag.tagName && opens(tag)) frame.depth++;
    const placement = get(tag, "data-petitfour");
    let instead = null;
    let changed = false;
    if (placement !== undefined && get(tag, "data-pf-decision") === undefined) {
      const decision = visit.decide(placement);
      for (const [name, value] of visit.marks(decision)) set(tag, name, value);
      changed = true;
      if (decision.content && get(tag, "data-pf-plain") !== undefined) instead = { html: visit.plain(decision.content) };
      else inside.push({ name: tag.tagName, depth: 1, decision, slots: 0, closed: !opens(tag) });
    }
    const frame = inside.at(-1);
    if (!instead && frame?.decision.content && KINDS.some((kind) => get(tag, `data-pf-${kind}`) !== undefined)) {
      frame.slots++;
      changed = true;
      const text = fill(tag, frame.decision.content);
      if (text !== null) instead = { text };
    }
    if (frame?.closed) inside.pop();
    if (changed) stream.emitStartTag(tag);
    else stream.emitRaw(raw);
    if (!instead || !opens(tag)) return;
    if (instead.html !== undefined) stream.emitRaw(instead.html);
    else stream.emitText({ text: instead.text });
    skipped = { name: tag.tagName, depth: 1 };
  });

  stream.on("endTag", ({ tagName }, raw) => {
    if (skipped) {
      if (tagName !== skipped.name || --skipped.depth) return;
      skipped = null;
    }
    for (const frame of [...inside]) {
      if (frame.name !== tagName || --frame.depth) continue;
      inside.splice(inside.indexOf(frame), 1);
      if (frame.decision.content && !frame.slots) stream.emitRaw(VOID);
    }
    stream.emitRaw(raw);
  });

  for (const kind of ["text", "comment", "doctype"]) {
    stream.on(kind, (_, raw) => {
      if (!skipped) stream.emitRaw(raw);
    });
  }
  stream.on("end", after);
  // A page that is left half way: what was decided for it was decided.
  stream.on("close", after);
  return stream;
}
