//! Our own dialect, `plimsoll/v1`.

mod check;
mod raw;
mod scalar;
mod shape;
mod valid;

pub(crate) use raw::RawFile;
pub(crate) use shape::FILE;
pub(crate) use valid::slos;
