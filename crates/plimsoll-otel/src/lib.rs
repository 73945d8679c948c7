//! Plimsoll's signals in OpenTelemetry.
//!
//! Ways out, which fit together:
//!
//! | what | how |
//! |---|---|
//! | sums and levels | [`observe`] makes them observable instruments of any meter provider |
//! | histograms, exponential, with exemplars | [`Exporter`] sends them by OTLP over HTTP, with the same resource: the SDK has no observable histogram and no exemplars |
//! | in which trace | [`exemplars`] puts trace ids on slow waits and on peaks, in every format that has words for it |
//! | what a call met | [`Traced`] and [`lock_wait`] write it on the call's span |
//!
//! ```no_run
//! use opentelemetry::metrics::MeterProvider;
//! use plimsoll_otel::{Contents, Exporter, ExporterConfig, observe};
//!
//! # let provider = opentelemetry_sdk::metrics::SdkMeterProvider::default();
//! # let resource = opentelemetry_sdk::Resource::builder().build();
//! let registry = plimsoll::Registry::global();
//! observe(registry, &provider.meter("plimsoll"));
//! let exporter = Exporter::start(registry, &resource, ExporterConfig {
//!     contents: Contents::Histograms,
//!     ..ExporterConfig::default()
//! })?;
//! // … the service …
//! exporter.stop();
//! # Ok::<(), plimsoll_otel::StartError>(())
//! ```
//!
//! Without a meter provider the exporter alone does it: [`Contents::Everything`].
//!
//! # Temporality
//!
//! What the exporter sends is cumulative, from when the process's recorder began. So nothing is queued
//! and nothing is lost when a request fails: the next one says it all. What [`observe`] gives to a
//! provider leaves with the temporality that its exporter prefers; levels are cumulative even when
//! that is delta, since the sum of differences of a level tells no one how high it stands.
//!
//! # Cardinality
//!
//! A registry's families are bounded (2,000 label sets each, then `overflow`). The SDK has a limit of
//! its own, 2,000 by default, that counts the same sets.

#![forbid(unsafe_code)]

mod attribute;
mod clock;
mod exemplar;
mod export;
mod observe;
mod span;

pub use exemplar::exemplars;
pub use export::{Contents, Exporter, ExporterConfig, StartError};
pub use observe::observe;
pub use span::{Traced, TracedFuture, WaitFuture, lock_wait};
