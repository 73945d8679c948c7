//! From YAML to valid SLOs: every fault at once, each with its place.
//!
//! A text becomes a tree with places ([`Document`]); one walk along a [`Shape`] collects every fault;
//! only a faultless tree is deserialised. The daemon reads its configuration the same way.

#![forbid(unsafe_code)]

mod dialect;
mod document;
mod fault;
mod import;
mod lint;
mod load;
mod native;
mod openslo;
mod promql;
mod pyrra;
mod read;
mod scalar;
mod shape;
mod sloth;
mod tree;
mod walk;

pub use document::Document;
pub use fault::{Fault, Faults};
pub use lint::too_coarse;
pub use load::load;
pub use read::{SloFile, read};
pub use scalar::{Length, LengthError, Parsed, Percentage, PercentageError};
pub use scalar::{SelectorError, SelectorText, Size, SizeError};
pub use shape::{Key, MapShape, Shape, later, optional, required};
pub use tree::{Entry, Node, NodeKind, Place};
pub use walk::View;
