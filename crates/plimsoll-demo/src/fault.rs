//! The faults: each changes how the service behaves, and none touches an instrument.

use plimsoll_runtime::clock::Clock;
use plimsoll_spec::Length;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// One thing that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card network answers in 400 ms instead of a few.
    SlowDependency,
    /// A batch job keeps the ledger locked for 100 ms at a time.
    LockHog,
    /// The billing consumer stops reading.
    StalledConsumer,
    /// The exposure snapshot is no longer refreshed.
    StaleSnapshot,
    /// A partner's import offers more orders than the workers can fulfil.
    QueueFlood,
    /// Charges commit whoever charged the same card since they read it.
    UnguardedCommits,
    /// Two transfers lock the same two accounts, each in its own order.
    Deadlock,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 7] = [
        Self::SlowDependency,
        Self::LockHog,
        Self::StalledConsumer,
        Self::StaleSnapshot,
        Self::QueueFlood,
        Self::UnguardedCommits,
        Self::Deadlock,
    ];

    /// Returns the name that the command line takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowDependency => "slow-dependency",
            Self::LockHog => "lock-hog",
            Self::StalledConsumer => "stalled-consumer",
            Self::StaleSnapshot => "stale-snapshot",
            Self::QueueFlood => "queue-flood",
            Self::UnguardedCommits => "unguarded-commits",
            Self::Deadlock => "deadlock",
        }
    }

    /// Returns the name of the SLO that it breaks. A deadlock breaks none: no request waits for these
    /// two, and nothing else would tell that they never end.
    pub fn breaks(self) -> Option<&'static str> {
        match self {
            Self::SlowDependency => Some("auth-latency"),
            Self::LockHog => Some("lock-wait"),
            Self::StalledConsumer => Some("consumer-lag"),
            Self::StaleSnapshot => Some("fresh-under-load"),
            Self::QueueFlood => Some("queue-not-full"),
            Self::UnguardedCommits => Some("charged-once"),
            Self::Deadlock => None,
        }
    }

    /// Says what would see it, if it can't be seen from outside the service.
    pub fn unseen_from_outside(self) -> Option<&'static str> {
        match self {
            Self::SlowDependency | Self::LockHog | Self::StalledConsumer | Self::QueueFlood => None,
            Self::StaleSnapshot => Some(
                "how old the state is that a request reads stands in the service's memory alone: a \
                 FreshnessProbe in the service sees it, or a prober if the state is in a store",
            ),
            Self::UnguardedCommits => Some(
                "what a decision had read when it committed only the service knows: a DecisionPoint in \
                 it sees it",
            ),
            Self::Deadlock => Some(
                "these two wait for locks of an async runtime, which no thread waits for; and Rust's own \
                 std::sync::Mutex names no owner: the library's locks see it, and of a program that uses \
                 glibc's mutexes the process collector does",
            ),
        }
    }

    /// Finds a fault by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

/// A fault and when it happens, counted from readiness: `lock-hog@10s+20s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledFault {
    /// What breaks.
    pub fault: Fault,
    /// When, after the demo is ready.
    pub start: Duration,
    /// For how long.
    pub length: Duration,
}

/// Why a text is no [`ScheduledFault`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseFaultError {
    /// It isn't `NAME@START+LENGTH`.
    Form(String),
    /// There is no such fault.
    Name(String),
    /// A time isn't `90s`, `1500ms` or `2m`.
    Time(String),
}

impl fmt::Display for ParseFaultError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => {
                write!(out, "{text:?} is not NAME@START+LENGTH, as slow-dependency@10s+20s")
            }
            Self::Name(name) => {
                let names: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
                write!(out, "no fault is called {name:?}; there are {}", names.join(", "))
            }
            Self::Time(text) => write!(out, "{text:?} is no time, as 1500ms, 20s or 2m"),
        }
    }
}

impl std::error::Error for ParseFaultError {}

impl FromStr for ScheduledFault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let form = || ParseFaultError::Form(text.to_owned());
        let (name, times) = text.split_once('@').ok_or_else(form)?;
        let (start, length) = times.split_once('+').ok_or_else(form)?;
        let fault = Fault::named(name).ok_or_else(|| ParseFaultError::Name(name.to_owned()))?;
        Ok(Self { fault, start: parse_time(start)?, length: parse_time(length)? })
    }
}

/// Reads a time in Prometheus's syntax.
///
/// # Errors
/// The text is no such time.
pub fn parse_time(text: &str) -> Result<Duration, ParseFaultError> {
    text.parse::<Length>()
        .map(|length| length.0)
        .map_err(|_| ParseFaultError::Time(text.to_owned()))
}

/// The switches that the service looks at; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Switches(Arc<watch::Sender<[bool; Fault::ALL.len()]>>);

impl Switches {
    /// Says whether `fault` is on.
    pub fn is_on(&self, fault: Fault) -> bool {
        self.0.borrow()[fault as usize]
    }

    /// Turns `fault` on or off.
    pub fn set(&self, fault: Fault, on: bool) {
        self.0.send_modify(|switches| switches[fault as usize] = on);
    }

    /// Tells every change of a switch, from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<[bool; Fault::ALL.len()]> {
        self.0.subscribe()
    }
}

/// Returns what turns each of the faults on when its time has come, and off again.
pub(crate) fn schedule(
    faults: &[ScheduledFault],
    switches: &Switches,
    clock: &Arc<dyn Clock>,
) -> impl Iterator<Item = impl Future<Output = ()> + Send + 'static> {
    faults.iter().map(|what| break_later(*what, switches.clone(), clock.clone()))
}

async fn break_later(what: ScheduledFault, switches: Switches, clock: Arc<dyn Clock>) {
    tokio::time::sleep(what.start).await;
    hold(switches, what.fault, what.length, clock).await;
}

/// Turns `fault` on for `length`, and says so in the log.
pub async fn hold(switches: Switches, fault: Fault, length: Duration, clock: Arc<dyn Clock>) {
    switches.set(fault, true);
    let name = fault.name();
    tracing::info!(fault = name, at_ms = clock.now().0, "fault begins");
    tokio::time::sleep(length).await;
    switches.set(fault, false);
    tracing::info!(fault = name, at_ms = clock.now().0, "fault ends");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_reads_as_it_is_written() {
        assert_eq!(
            "lock-hog@1m+1500ms".parse(),
            Ok(ScheduledFault {
                fault: Fault::LockHog,
                start: Duration::from_secs(60),
                length: Duration::from_millis(1500),
            })
        );
    }

    #[test]
    fn a_wrong_schedule_says_what_is_wrong() {
        let reason = |text: &str| text.parse::<ScheduledFault>().unwrap_err().to_string();
        assert!(reason("lock-hog").contains("is not NAME@START+LENGTH"));
        assert!(reason("lock-hig@1s+1s").contains("there are slow-dependency, lock-hog"));
        assert!(reason("lock-hog@1+1s").contains("\"1\" is no time"));
    }
}
