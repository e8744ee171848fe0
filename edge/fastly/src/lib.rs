//! The edge on Fastly Compute: the origin's page streams through, and its placements are filled on the way.
//!
//! The same as the Worker of `edge/cloudflare/`, in Rust over the native engine (`docs/edge.md`, `docs/adr/0010-the-edge-hands-over.md`).
//! Here is what does not know its host: a [`Visit`] is one request, [`page::rewriter`] writes what it decided into the markup, [`head`] has the
//! rules for headers. `main.rs` is the guest.
//!
//! Whatever is wrong becomes a code, and the origin's page goes through.
//!
//! Absent: records of events at the edge (a guest has no page to hear them from).

mod cookies;
pub mod head;
pub mod page;
mod slots;
mod visit;

pub use cookies::{Cookies, others};
pub use visit::{Asked, Decision, Shown, Visit};
