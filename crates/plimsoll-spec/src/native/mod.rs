//! Our own dialect, `plimsoll/v1`.

mod check;
mod composite;
mod exclusion;
mod raw;
mod scalar;
mod shape;
mod sum;
mod valid;

pub(crate) use check::{by_label, unreachable};
pub(crate) use scalar::{Burn, Name, Rolling, SomeLength};
pub(crate) use valid::file;
