//! What discovery finds.

use super::files::FileFinder;
use super::names::{self, NameFinder};
use crate::config::{Discovery, TargetGroup};
use std::collections::BTreeMap;

/// What one way of discovery says now.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) groups: Vec<TargetGroup>,
    /// Why it isn't all that there is.
    pub(super) error: Option<String>,
}

/// One way of discovery.
#[derive(Debug)]
pub(super) enum Finder {
    /// What it says is said for ever.
    Static(Vec<TargetGroup>),
    Files(FileFinder),
    Names(Box<NameFinder>),
}

impl Finder {
    /// Makes a finder.
    ///
    /// # Errors
    /// The system doesn't say whom to ask for names.
    pub(super) fn new(discovery: &Discovery) -> Result<Self, String> {
        Ok(match discovery {
            Discovery::Static(groups) => Self::Static(groups.clone()),
            Discovery::Files { patterns, refresh } => {
                Self::Files(FileFinder::new(patterns.clone(), *refresh))
            }
            Discovery::Names { names, records, port, refresh } => {
                let resolver = names::resolver()
                    .map_err(|error| format!("dns_sd_configs: no name server: {error}"))?;
                Self::Names(Box::new(NameFinder {
                    resolver,
                    names: names.clone(),
                    records: *records,
                    port: *port,
                    refresh: *refresh,
                    known: BTreeMap::new(),
                    is_asked: false,
                }))
            }
        })
    }

    /// Returns what is known at once.
    pub(super) fn first(&self) -> Found {
        match self {
            Self::Static(groups) => Found { groups: groups.clone(), error: None },
            Self::Files(files) => files.found(),
            Self::Names(_) => Found::default(),
        }
    }

    /// Returns what it says as soon as it is news.
    pub(super) async fn next(&mut self) -> Found {
        match self {
            Self::Static(_) => std::future::pending().await,
            Self::Files(files) => files.next().await,
            Self::Names(names) => names.next().await,
        }
    }
}
