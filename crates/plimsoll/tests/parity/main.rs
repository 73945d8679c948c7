//! A program on the mirrors does what it does on the originals: the same text, compiled for both, is run
//! with random operations, and every answer is compared.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

mod channels;
mod examples;
mod locks;

use plimsoll::Registry;
use proptest::prelude::*;
use std::sync::LazyLock;

/// Where the mirrors record; what it says is no part of these tests.
static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

/// How many programs are run; no file remembers those that failed.
fn programs() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

/// Operations: which, and on what.
fn operations() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0..12_u8, any::<u8>()), 1..80)
}
