//! The macros of Plimsoll: a thin expansion onto the `plimsoll` crate, which re-exports them.
//!
//! Parse, validate, expand, one module each. What is wrong with a use of a macro is reported all at
//! once, each fault at its token, and the function is left as it was so that nothing else in the
//! crate breaks because of it.

#![forbid(unsafe_code)]

mod arguments;
mod catalog;
mod faults;
mod in_flight;

use proc_macro::TokenStream;

/// Counts each call of a function as one operation in flight, and records how it ended.
///
/// It goes on functions, async functions and methods, and records in the global registry:
///
/// | series | what |
/// |---|---|
/// | level `concurrency_in_flight{operation}` | how many are in flight, with limit, peak, integral, saturated time, time at each level and age of the oldest |
/// | `concurrency_operations_total{operation,outcome,band}` | how many ended, how, and how many were in flight when each began |
/// | histogram `concurrency_operation_duration_seconds{operation,outcome}` | how long each took, the cancelled and panicked ones too |
///
/// # Arguments
///
/// | argument | meaning |
/// |---|---|
/// | `name = "auth"` | the label `operation`. Required, so that renaming the function renames no series |
/// | `limit = 64` | how many may be in flight; an expression of type `u64`, read at the first call |
/// | `labels(region = expr)` | more labels; each expression is an `AsRef<str>`, read at every call, and may use the arguments |
///
/// # Example
///
/// ```
/// use plimsoll::in_flight;
///
/// struct Shop {
///     region: &'static str,
/// }
///
/// impl Shop {
///     #[in_flight(name = "authorize", limit = 64, labels(region = self.region))]
///     async fn authorize(&self, amount: u64) -> Result<u64, String> {
///         if amount > 1_000 { Err("too much".to_owned()) } else { Ok(amount) }
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let shop = Shop { region: "eu" };
/// assert!(shop.authorize(5).await.is_ok());
/// assert!(shop.authorize(5_000).await.is_err()); // counts as `error`
/// drop(shop.authorize(5)); // never polled: it never was in flight
/// # let metrics = plimsoll::text();
/// # let count = |outcome| metrics.lines().filter(|line| line.starts_with("concurrency_operations_total")
/// #     && line.contains(outcome) && line.ends_with(" 1")).count();
/// # assert_eq!((count("ok"), count("error"), count("cancelled")), (1, 1, 0), "{metrics}");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Functions that return a future
///
/// `-> impl Future`, `-> Pin<Box<dyn Future>>`, `-> BoxFuture` and the methods that `async_trait` writes
/// are in flight as an `async fn` is: from the first poll of the future until it is done or dropped.
/// What the function does before it returns the future isn't timed. A box is used as it is if the body
/// is nothing but `Box::pin(async …)`; else the future moves into another one. A future behind a type
/// alias isn't recognised, and a call ends when it is returned: write its type out.
///
/// A call that returns `impl Stream`, `Pin<Box<dyn Stream>>` or `BoxStream` is in flight until the last
/// item is out or the stream is dropped, which is `cancelled`; one that has given an `Err` is `error`.
///
/// # Cost
///
/// Without labels a call costs two clock reads and two appends to the thread's own log. With labels
/// it also hashes their values: each thread remembers the handles of 256 label sets a function, and
/// asks the registry for further ones at each call. The registry takes 2,000 label sets; what is beyond
/// goes to the value `overflow`.
///
/// # Cancellation
///
/// A returned `Err` is `error`, any other value `ok`. A future that is dropped before it is done is
/// `cancelled`, and a panic is `panicked`; in both the level comes down again. A call of an async
/// function is in flight from the first poll of its future, since until then nothing runs.
///
/// # Reading it
///
/// ```promql
/// rate(concurrency_in_flight_time_seconds_total{operation="auth"}[5m])       # exact mean in flight
/// concurrency_in_flight_peak{operation="auth"}                                # worst of the last 60 s
/// rate(concurrency_in_flight_saturated_seconds_total{operation="auth"}[5m])  # share of time at the limit
/// sum by (band) (rate(concurrency_operations_total{operation="auth",outcome="error"}[5m]))
/// ```
///
/// # Errors
///
/// It doesn't compile on a `const fn`, on a function that never returns, on a trait's function without
/// a body, on a label that the signals carry already, or with an argument that it doesn't know. The
/// body becomes a closure, so `#[track_caller]` on the function doesn't reach into it.
#[proc_macro_attribute]
pub fn in_flight(arguments: TokenStream, item: TokenStream) -> TokenStream {
    in_flight::in_flight(arguments.into(), item.into()).into()
}

/// Makes a module a service's own catalog: each static a signal, each struct a label set.
///
/// ```
/// #[plimsoll::concurrency_metrics(prefix = "shop")]
/// pub mod orders {
///     /// Where a checkout comes from.
///     pub struct Origin {
///         pub region: &'static str,
///     }
///
///     /// Checkouts between the first item and the payment.
///     pub static CHECKOUTS: Level<Origin> = level(name = "checkouts", unit = "{checkout}", limit = 64);
///
///     /// How long the payment provider took.
///     pub static PAYMENT: Duration = duration(name = "payment.time", edges = [5ms, 250ms]);
/// }
///
/// let checkout = orders::CHECKOUTS.of(&orders::Origin { region: "eu" }).enter();
/// let payment = orders::PAYMENT.start();
/// // … the payment provider is asked …
/// drop((payment, checkout));
/// # let metrics = plimsoll::text();
/// # assert!(metrics.contains(r#"shop_checkouts_peak{region="eu"} 1"#), "{metrics}");
/// # assert!(metrics.contains("shop_payment_time_seconds_count 1"), "{metrics}");
/// ```
///
/// What is recorded, at which cost, is said by the types: `plimsoll::metrics`. Everything else in the
/// module stays as it is.
///
/// # Statics
///
/// | static | arguments | unit |
/// |---|---|---|
/// | `Level` = `level(…)` | `name`, `unit`, `limit` | what it counts, as `{checkout}` |
/// | `Duration` = `duration(…)` | `name`, `edges` as `[5ms, 250ms]` | always seconds |
/// | `Counter` = `counter(…)` | `name`, `unit` | what it counts, or `By` |
/// | `Gauge` = `gauge(…)` | `name`, `unit` | `s`, `By`, `1` for a ratio, or what it counts |
///
/// The OpenTelemetry name is `prefix.name`; the Prometheus name follows from it by OpenTelemetry's own
/// rules: `shop.payment.time` in `s` is `shop_payment_time_seconds`. The first paragraph of the doc
/// comment is the help. With `Level<Origin>` there is a series for each value of the struct `Origin`.
///
/// # Label sets
///
/// Each field of a struct is a label; its type is an `AsRef<str>`: `&'static str`, or an enum, so that
/// what a client sends can't become a label by accident. A registry takes 2,000 sets a family; what is
/// beyond goes to the value `overflow`.
///
/// # Errors
///
/// It doesn't compile with a name or unit that Prometheus or OpenTelemetry would change or refuse,
/// with a series that another static of the module or Plimsoll itself exports, without a doc comment,
/// or with an argument that the kind doesn't take. Every fault is reported at its place, all at once.
#[proc_macro_attribute]
pub fn concurrency_metrics(arguments: TokenStream, item: TokenStream) -> TokenStream {
    catalog::concurrency_metrics(arguments.into(), item.into()).into()
}
