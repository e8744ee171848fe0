/**
 * Fills the placements of a page as it streams through a Worker's `HTMLRewriter`.
 *
 * Decisions are made where a placement begins; nothing is held back, and nothing is known of what comes. So a placement without
 * slots is filled only where its author says `data-pf-plain`; of any other it is known at its end that nothing could be
 * written, and the page is told to decide for it.
 */
import { KINDS, PLACEMENT, SLOT, VOID } from "./slots.mjs";

const MET = `${PLACEMENT},${SLOT}`;

/** The answer of an origin, personalised for `visit`; `after` is called when its last byte is out. */
export function personalise(response, visit, after, Rewriter = globalThis.HTMLRewriter) {
  const inside = [];
  const rewriter = new Rewriter()
    .on(MET, {
      element(element) {
        // What stands in a content that is left out is met all the same, and is nothing.
        if (inside.at(-1)?.replaced) return;
        const name = element.getAttribute("data-petitfour");
        if (name !== null) {
          // What a server has decided already, or an origin's own page says, is not decided again.
          if (element.hasAttribute("data-pf-decision")) return;
          const decision = visit.decide(name);
          for (const [name, value] of visit.marks(decision)) element.setAttribute(name, value);
          const replaced = !!decision.content && element.hasAttribute("data-pf-plain");
          if (replaced) element.setInnerContent(visit.plain(decision.content), { html: true });
          const frame = { decision, slots: 0, replaced };
          try {
            element.onEndTag((end) => {
              inside.splice(inside.indexOf(frame), 1);
              if (decision.content && !replaced && !frame.slots) end.before(VOID, { html: true });
            });
          } catch {
            // No end tag: an image is a placement and its only slot.
            return fill(element, decision, visit);
          }
          inside.push(frame);
          if (replaced) return;
        }
        const frame = inside.at(-1);
        if (!frame?.decision.content || (name !== null && !KINDS.some((kind) => element.hasAttribute(`data-pf-${kind}`)))) return;
        frame.slots++;
        fill(element, frame.decision, visit);
      },
    })
    .onDocument({ end: after });
  return rewriter.transform(response);
}

function fill(element, { content }, visit) {
  if (!content) return;
  const { text, set, remove, hide } = visit.slot(element.tagName, (kind) => element.getAttribute(`data-pf-${kind}`), content);
  for (const [name, value] of set) element.setAttribute(name, value);
  for (const name of remove) element.removeAttribute(name);
  if (hide) element.setAttribute("hidden", "");
  if (text !== null) element.setInnerContent(text);
}
