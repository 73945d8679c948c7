//! Context under concurrency: what a decision had read, and how good that still was when it committed.
//!
//! A service that authorises a card reads a limit here, an exposure there, and commits. What it read
//! was derived from what others committed; while many decide at once it is older than usual, its parts
//! may never have been true together, and somebody else may have read the same and commits as well. A
//! gauge of the pipeline's lag shows none of that: it isn't weighted by decisions, doesn't know how many
//! were in flight, and doesn't know what each of them read.
//!
//! Here each decision says what it reads, and is judged when it commits:
//!
//! ```
//! use plimsoll_context::{ConflictKey, DecisionSpec, Reading, Verdict};
//! use std::time::{Duration, SystemTime};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let auth = DecisionSpec::new("card_auth", Duration::from_millis(300))
//!     .clock_error(Duration::from_millis(2))
//!     .register()?;
//! let exposure = auth.source("redis:exposure");
//!
//! let mut decision = auth.begin([ConflictKey::of("card-4711")]); // before anything is read
//! # let as_of = SystemTime::now();
//! decision.read(&exposure, Reading::as_of(as_of)); // all that was committed up to then is in it
//! # let store = async { Ok::<_, std::io::Error>(()) };
//! let committed = decision.commit(store).await?; // the store's own commit
//! assert_eq!(committed.report.verdict, Verdict::Valid);
//! assert_eq!(committed.report.conflicts.stale_keys, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is told
//!
//! - **Staleness**: how long what was read had been replaced at the commit, as bounds. A source that says
//!   only what it is *as of* gives an upper bound: nobody may have changed it since.
//! - **Spread** and **coherence gap**: how far apart the sources stood, and the least time by which what
//!   was read never existed at one instant. The gap is 0 if it did.
//! - **Verdict**: whether the staleness was within the validity window, and with it the gap, which is
//!   never longer. `valid` and `invalid` are
//!   certain, clock error included; what isn't is `unknown`, which is neither 0 nor good.
//! - **Conflicts**: whether another decision over the same key committed in between.
//!
//! All of it by the *band* of decisions in flight, latched at the decision's end: an SLO can hold "with 64
//! or more in flight", which no join of a histogram with a gauge can tell afterwards.
//!
//! # What the conflict detector claims
//!
//! By the stripes, of decisions of one kind in one process: of two that both read before the other's
//! commit, at least one is said to be stale, and never the earlier one only because of the later. Keys
//! share stripes, so a decision may be said to be stale that isn't, as often as
//! [`false_conflict_probability`] says; an aborted commit may cost another one of these. By the store's
//! versions ([`Decision::read_version`]), of all processes, exactly.
//!
//! It doesn't see what is no declared key: rows that appear where none was (phantoms), predicates, keys
//! that nobody declared. It doesn't see what happens between the data and a version that is read after
//! it. It doesn't see a commit whose future was dropped and which the store takes later. It isn't a proof
//! of serialisability, which needs cycles. [`Decision::commit_guarded`] refuses what it would count.

#![forbid(unsafe_code)]

mod bounds;
mod claims;
mod commit;
mod composite;
mod decision;
mod error;
mod false_conflict;
mod key;
mod keys;
mod point;
mod reading;
mod report;
mod series;
mod spec;
mod stripes;
mod sync;
mod time;

pub use bounds::Bounds;
pub use commit::Committing;
pub use decision::Decision;
pub use error::DecisionError;
pub use false_conflict::false_conflict_probability;
pub use key::ConflictKey;
pub use plimsoll::{Clock, ManualClock, SystemClock};
pub use point::{DecisionPoint, Source};
pub use reading::{Reading, Stamp};
pub use report::{Committed, Conflicts, Guarded, Report, Verdict};
pub use spec::DecisionSpec;
