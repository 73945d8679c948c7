//! Probers: the keys that describe one, and what is made of them.

mod config;
mod shape;

pub use config::{BandsConfig, ProberConfig, StoreConfig};
pub use shape::{
    BANDS, EDGES, NAME, ORIGIN, POLL, STORES, TIMEOUT, check_probers, check_stores, some_length,
};
