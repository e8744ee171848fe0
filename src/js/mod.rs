//! The JavaScript face: the only place that knows JavaScript, on wasm32-unknown-unknown alone.
//!
//! The module that every visitor downloads speaks numbers and bytes. Names and texts cross once and come back as numbers;
//! the inputs of a decision are written by JavaScript into a block of `f64`, and its answer is read from a block of `u32`.
//! Two further modules of the same crate are loaded on demand: the lens, when someone looks, speaks objects; the reader,
//! when there is a consent signal or an identifier to read, has functions alone.

#[cfg(petitfour_lens)]
mod lens;
#[cfg(petitfour_reader)]
mod reader;
#[cfg(not(petitfour_reader))]
mod session;

/// Where the modules allocate. The one static: it holds free memory, and nothing of a visitor.
#[global_allocator]
static HEAP: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// A panic stops the module where it stands, as it did with the standard library, whose words nobody could read: places in
/// sources, and what formats them, were 457 bytes. The lens has the library, through serde-wasm-bindgen.
#[cfg(not(petitfour_lens))]
#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
