//! The guest: takes the origin's page, fills its placements as it streams, and hands over to the browser.
//!
//! A guest starts fresh for every request. What is to be known at once, the bundle and the levels of the visitor's own shop, is in the
//! cache of the point of presence; between a visitor and the page stands one fetch, the origin's. What is to be told to the collector, and
//! looking for something newer, come after the last byte.

#[cfg(target_os = "wasi")]
mod guest;

#[cfg(target_os = "wasi")]
fn main() {
    guest::answer();
}

#[cfg(not(target_os = "wasi"))]
fn main() {
    eprintln!("This is a guest of Fastly Compute: build it with --target wasm32-wasip1 (edge/fastly/README.md).");
    std::process::exit(2);
}
