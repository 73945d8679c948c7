//! Bounded windows over what targets expose: resets, gaps and staleness are settled here, so that
//! an SLO reads integers of good, bad and unknown.
//!
//! The way of a sample: [`Store::ingest`] finds its role in each SLO (`select`), turns counters
//! into increases (`increase`), settles them per target and SLO into counts (`account`), and adds
//! those to the SLO's slices (`tier`), which a [`Ledger`] shows as windows. [`Archive`] keeps all
//! of it in a file, so that a restart forgets nothing.
//!
//! Nothing here reads a clock, opens a socket or knows a wire format.

#![forbid(unsafe_code)]

mod account;
mod amendment;
mod archive;
mod aside;
mod birth;
mod books;
mod checkpoint;
mod column;
mod composite;
mod excluded;
mod feed;
mod gap;
mod increase;
mod journal;
mod kept;
mod kept_feed;
mod lag;
mod ledger;
mod level;
mod past;
mod recent;
mod reckoning;
mod relabel;
mod replay;
mod select;
mod silence;
mod so_far;
mod steps;
mod store;
mod tally;
mod target;
mod tier;
mod wire;
mod wiring;

pub use archive::{
    Archive, ArchiveError, Correction, CorrectionError, HistoryPoint, Mark, NewCorrection,
    OpenError,
};
pub use archive::{Backup, ExportError, ImportError};
pub use checkpoint::Checkpoint;
pub use ledger::Ledger;
pub use level::LevelView;
pub use past::{Filled, Past, Precedence};
pub use recent::Recent;
pub use relabel::{LabelMap, RelabelAction, RelabelRule, Relabeling};
pub use store::{Limits, Store, StoreError};
pub use target::{Target, TargetIndex};
