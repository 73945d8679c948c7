//! Guards by the line.
//!
//! The attribute [`#[in_flight]`](macro@crate::in_flight) has the name at the crate's root, so the
//! guard's macro of the same name lives here.

pub use crate::__in_flight as in_flight;

/// Enters an operation of the global registry and gives its [`OperationGuard`](crate::OperationGuard).
///
/// ```
/// use plimsoll::{Outcome, scope};
///
/// let call = scope::in_flight!("reindex", limit = 2);
/// // … the work …
/// call.finish(Outcome::Ok);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __in_flight {
    ($name:literal) => {{
        static SITE: $crate::expansion::Site = $crate::expansion::Site::new($name);
        SITE.operation(|| ::core::option::Option::None).enter()
    }};
    ($name:literal, limit = $limit:expr) => {{
        static SITE: $crate::expansion::Site = $crate::expansion::Site::new($name);
        SITE.operation(|| ::core::option::Option::Some($limit)).enter()
    }};
}
