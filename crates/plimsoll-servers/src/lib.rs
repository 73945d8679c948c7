//! What a configuration says of servers, in the same words wherever one stands: how they let us in and
//! whom we trust ([`Access`]), and what is probed ([`ProberConfig`]).

#![forbid(unsafe_code)]

mod access;
mod authorization;
pub mod prober;

pub use access::{Access, PASSWORD, PASSWORD_FILE, StoreAddress, TLS_CONFIG};
pub use access::{check_address, check_identity, check_trust, no_store, one_of_two};
pub use authorization::{AUTHORIZATION, Authorization};
pub use prober::ProberConfig;
