//! Our own dialect, `plimsoll/v1`.

mod check;
mod composite;
mod exclusion;
mod raw;
mod scalar;
mod shape;
mod sum;
mod valid;

pub(crate) use raw::RawFile;
pub(crate) use shape::FILE;
pub(crate) use valid::slos;
