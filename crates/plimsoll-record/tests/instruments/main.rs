//! The recorder as its users see it: through instruments and snapshots alone.

#![allow(clippy::expect_used)] // A test fails by it.

mod registry;
mod seen;
mod threads;
