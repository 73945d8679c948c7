//! Reads what others push: Prometheus remote write 1.0 and 2.0, and OTLP metrics.
//!
//! Bodies are read in place, so that no body takes more memory than what is of use in it; what
//! isn't asked for by an [`Interest`](crate::Interest) is only counted.

mod exponential;
mod fields;
mod gather;
mod otlp;
mod otlp_json;
mod otlp_name;
mod point;
mod remote_write;

pub use fields::NoMessage;
pub use gather::PushError;
pub use otlp::otlp;
pub use otlp_json::otlp_json;
pub use point::{Edges, Point, PointValue, Pushed};
pub use remote_write::{remote_write_1, remote_write_2};
