//! Scrapes targets: one task each, so that a slow one delays no other.

mod fetch;
mod scraper;

pub(crate) use scraper::{Report, Source};
