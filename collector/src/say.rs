//! Lines for whoever runs the collector, on stderr.
//!
//! stderr may be a file on the very disk that is full. `eprintln!` panics then, and would take the writer's thread with it: a line that
//! cannot be written is let go.

/// Writes a line to stderr, if that is possible.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        drop(writeln!(std::io::stderr().lock(), $($text)*));
    }};
}
