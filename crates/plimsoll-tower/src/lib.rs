//! A tower layer that records what an HTTP service has in flight, and how each request ended.
//!
//! ```
//! use plimsoll_tower::ConcurrencyLayer;
//! use tower_layer::Layer;
//!
//! # #[derive(Clone)] struct Service;
//! # struct MatchedPath(String);
//! # impl MatchedPath { fn as_str(&self) -> &str { &self.0 } }
//! let layer = ConcurrencyLayer::named("authorize")
//!     .limit(64)
//!     .route(|request| request.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
//! let service = layer.layer(Service);
//! ```
//!
//! With axum it is `Router::layer(layer)`, and `MatchedPath` is `axum::extract::MatchedPath`, which
//! axum's router puts into the extensions before the layers of its routes run. Where there is no
//! router, the closure matches `request.uri` against the templates that it knows. The path itself is
//! never a label: clients choose it, and each value would be a set of series for ever.

#![forbid(unsafe_code)]

mod body;
mod future;
mod layer;
mod request;

pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use layer::{Concurrency, ConcurrencyLayer};
