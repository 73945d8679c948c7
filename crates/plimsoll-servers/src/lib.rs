//! What a configuration says of servers, in the same words wherever one stands: how they let us in and
//! whom we trust ([`Access`]).

#![forbid(unsafe_code)]

mod access;

pub use access::{Access, PASSWORD, PASSWORD_FILE, TLS, TLS_CONFIG};
pub use access::{check_address, check_identity, check_trust, no_store, one_of_two};
