//! The macros of Plimsoll: a thin expansion onto the `plimsoll` crate, which re-exports them.
//!
//! Parse, validate, expand, one module each. What is wrong with a use of a macro is reported all at
//! once, each fault at its token, and the function is left as it was so that nothing else in the
//! crate breaks because of it.

#![forbid(unsafe_code)]

mod expand;
mod parse;
mod validate;

use proc_macro::TokenStream;

/// Counts each call of a function as one operation in flight, and records how it ended.
///
/// It goes on functions, async functions and methods, and records in the global registry:
///
/// - the level `concurrency_in_flight{operation}`, with its peak, integral and saturated time;
/// - `concurrency_operations_total{operation,outcome,band}`;
/// - the histogram `concurrency_operation_duration_seconds{operation,outcome}`.
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `name = "auth"` | the label `operation`. Required, so that renaming the function renames no series |
/// | `limit = 64` | how many may be in flight; an expression of type `u64`, read at the first call |
/// | `labels(region = expr)` | more labels; each expression is an `AsRef<str>`, read at every call, and may use the arguments |
///
/// # Outcomes
///
/// A returned `Err` is `error`, any other value `ok`. A future that is dropped before it is done is
/// `cancelled`, and a panic is `panicked`; in both the level comes down again. A call of an async
/// function is in flight from the first poll of its future, since until then nothing runs.
///
/// # Cost
///
/// Without labels a call costs two clock reads and two appends to the thread's own log. With labels
/// it also hashes their values.
///
/// # Errors
///
/// It doesn't compile on a `const fn`, on a function that returns a future without being `async`
/// (what such a function does itself is over before its future runs), on a label that the signals
/// carry already, or with an argument that it doesn't know.
#[proc_macro_attribute]
pub fn in_flight(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::in_flight(arguments.into(), item.into()).into()
}
