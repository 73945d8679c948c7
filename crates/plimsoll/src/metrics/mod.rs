//! A service's own catalog: signals that are typed, named once, and recorded as exactly as ours.
//!
//! [`#[concurrency_metrics]`](macro@crate::concurrency_metrics) goes on a module of statics. Each static
//! is one signal, its doc comment the help of its series; each struct is a label set, so that a label
//! that is forgotten or misspelt doesn't compile.
//!
//! ```
//! #[plimsoll::concurrency_metrics(prefix = "shop")]
//! mod orders {
//!     /// Where a checkout comes from.
//!     pub struct Origin {
//!         pub region: &'static str,
//!         pub tier: Tier,
//!     }
//!
//!     pub enum Tier { Free, Paid }
//!
//!     impl AsRef<str> for Tier {
//!         fn as_ref(&self) -> &str {
//!             match self { Self::Free => "free", Self::Paid => "paid" }
//!         }
//!     }
//!
//!     /// Checkouts between the first item and the payment.
//!     pub static CHECKOUTS: Level<Origin> = level(name = "checkouts", unit = "{checkout}", limit = 64);
//!
//!     /// How long the payment provider took.
//!     pub static PAYMENT: Duration = duration(name = "payment.time", edges = [5ms, 250ms]);
//!
//!     /// Orders that were turned away.
//!     pub static REFUSED: Counter = counter(name = "orders.refused", unit = "{order}");
//! }
//!
//! let checkout = orders::CHECKOUTS.of(&orders::Origin { region: "eu", tier: orders::Tier::Paid }).enter();
//! orders::REFUSED.increment();
//! # let text = plimsoll::text();
//! # assert!(text.contains("# HELP shop_orders_refused_total Orders that were turned away."), "{text}");
//! # assert!(text.contains(r#"shop_checkouts{region="eu",tier="paid"} 1"#), "{text}");
//! drop(checkout);
//! ```
//!
//! Asking a signal for its series hashes the labels' values and looks into the thread's own memory of
//! 256 sets. Where even that counts, ask once and keep the series: it is small, and cloned freely.

mod counter;
mod duration;
mod gauge;
mod level;
mod metric;

pub use counter::{Counter, CounterSeries};
pub use duration::{Duration, DurationSeries, Timer};
pub use gauge::{Gauge, GaugeSeries};
pub use level::{Level, LevelGuard, LevelSeries};
pub use metric::{LabelSet, Metric, Series};
