//! Fills the placements of a page as it streams.
//!
//! Decisions are made where a placement begins; nothing is held back, and nothing is known of what comes. So a placement without slots is
//! filled only where its author says `data-pf-plain`; of any other it is known at its end that nothing could be written, and the page is
//! told to decide for it.

use crate::slots::{self, SLOT, VOID};
use crate::visit::{Decision, Visit};
use lol_html::errors::AttributeNameError;
use lol_html::html_content::{ContentType, Element};
use lol_html::{HtmlRewriter, OutputSink, Settings, element};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A placement whose end has not come yet.
struct Frame {
    decision: Decision,
    slots: Cell<usize>,
    /// Is its own content left out? What stands in it is then met all the same, and is nothing.
    is_replaced: bool,
}

type Frames = Rc<RefCell<Vec<Rc<Frame>>>>;

/// A rewriter of one page for one visit, into `sink`. UTF-8 is expected.
pub fn rewriter<'visit, S: OutputSink + 'visit>(visit: &'visit RefCell<Visit>, sink: S) -> HtmlRewriter<'visit, S> {
    let frames = Frames::default();
    let selector = format!("[data-petitfour], [{}]", SLOT.join("], ["));
    let settings = Settings {
        element_content_handlers: vec![element!(selector, move |element| Ok(meet(element, visit, &frames)?))],
        // A page that is not well formed goes through as it is.
        strict: false,
        ..Settings::new()
    };
    HtmlRewriter::new(settings, sink)
}

/// What becomes of one element: a placement, a slot, or both.
fn meet(element: &mut Element<'_, '_>, visit: &RefCell<Visit>, frames: &Frames) -> Result<(), AttributeNameError> {
    if frames.borrow().last().is_some_and(|frame| frame.is_replaced) {
        return Ok(());
    }
    if let Some(placement) = element.get_attribute("data-petitfour") {
        // What a server has decided already, or an origin's own page says, is not decided again.
        if element.has_attribute("data-pf-decision") {
            return Ok(());
        }
        let decision = visit.borrow_mut().decide(&placement);
        for (name, value) in decision.marks() {
            element.set_attribute(name, &value)?;
        }
        let is_replaced = decision.content.is_some() && element.has_attribute("data-pf-plain");
        if let Some(content) = decision.content.as_ref().filter(|_| is_replaced) {
            element.set_inner_content(&slots::plain(content, visit.borrow().base()), ContentType::Html);
        }
        let frame = Rc::new(Frame { decision, slots: Cell::new(0), is_replaced });
        let Some(ends) = element.end_tag_handlers() else {
            // No end tag: an image is a placement and its only slot.
            return fill(element, &frame, visit);
        };
        let (open, ending) = (Rc::clone(frames), Rc::clone(&frame));
        ends.push(Box::new(move |end| {
            open.borrow_mut().retain(|frame| !Rc::ptr_eq(frame, &ending));
            if ending.decision.content.is_some() && !ending.is_replaced && ending.slots.get() == 0 {
                end.before(VOID, ContentType::Html);
            }
            Ok(())
        }));
        frames.borrow_mut().push(frame);
        if is_replaced {
            return Ok(());
        }
    }
    let frame = frames.borrow().last().cloned();
    match frame {
        Some(frame) if SLOT.iter().any(|slot| element.has_attribute(slot)) => fill(element, &frame, visit),
        _ => Ok(()),
    }
}

fn fill(slot: &mut Element<'_, '_>, frame: &Frame, visit: &RefCell<Visit>) -> Result<(), AttributeNameError> {
    let Some(content) = &frame.decision.content else { return Ok(()) };
    frame.slots.set(frame.slots.get() + 1);
    slots::fill(slot, content, visit.borrow().base())
}
