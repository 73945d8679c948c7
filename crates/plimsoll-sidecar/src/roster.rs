//! Which collectors run, and how those of another configuration take their place.

use crate::board::{Board, Place, Slot};
use crate::config::Planned;
use crate::process::Machine;
use crate::proxy::Listeners;
use crate::sidecar::CollectorError;
use crate::{Collector, Config, Reason, World, round};
use plimsoll_record::Registry;
use plimsoll_runtime::clock::Clock;
use plimsoll_runtime::shutdown::{Stop, Stopper};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::{AbortHandle, JoinSet};

/// Collectors that have left and carry on what they have in flight, at a time. Beyond, the one that left
/// first lets go.
const LEAVING_MAX: usize = 8;

/// What every collector is built in.
pub(crate) struct Ground {
    proc_root: PathBuf,
    sys_root: PathBuf,
    machine: Arc<Machine>,
    listeners: Arc<Listeners>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    stop: Stop,
}

/// The collectors that run.
pub(crate) struct Roster {
    ground: Ground,
    board: Arc<Board>,
    members: Vec<Member>,
    /// Those that have left, the first one in front.
    leaving: VecDeque<(AbortHandle, Stopper)>,
    rounds: JoinSet<()>,
    slots: u64,
}

/// A collector that runs.
struct Member {
    planned: Planned,
    slot: Slot,
    name: Arc<str>,
    stopper: Stopper,
    rounds: AbortHandle,
}

/// A collector that is to run.
struct Recruit {
    planned: Planned,
    name: Arc<str>,
    collector: Box<dyn Collector>,
    /// What it records in: shown until its last round is over.
    own: Registry,
    stopper: Stopper,
    stop: Stop,
}

impl Ground {
    pub(crate) fn new(
        config: &Config,
        registry: Registry,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) -> Self {
        Self {
            proc_root: config.proc_root.clone(),
            sys_root: config.sys_root.clone(),
            machine: Arc::new(Machine::new(&config.proc_root)),
            listeners: Arc::default(),
            registry,
            clock,
            stop,
        }
    }
}

impl Roster {
    /// Makes one without collectors.
    pub(crate) fn new(ground: Ground, board: Arc<Board>) -> Self {
        let (members, leaving, rounds) = Default::default();
        Self { ground, board, members, leaving, rounds, slots: 0 }
    }

    /// Has these collectors from now on. One that runs already as it is planned goes on undisturbed; the
    /// others end when what they have in flight has.
    ///
    /// # Errors
    /// One of them can't be made; then nothing has changed.
    pub(crate) fn change_to(&mut self, planned: &[Planned]) -> Result<(), CollectorError> {
        check_ports(planned)?;
        let kept = self.kept(planned);
        let members = kept.iter().flatten().filter_map(|at| self.members.get(*at));
        let mut names: Vec<Arc<str>> = members.map(|member| member.name.clone()).collect();
        let mut recruits = Vec::new();
        for (plan, kept) in planned.iter().zip(&kept) {
            if kept.is_none() {
                let name = unlike(&plan.name(), &names);
                names.push(name.clone());
                recruits.push(self.recruit(plan.clone(), name)?);
            }
        }
        self.seat(planned, kept, recruits);
        Ok(())
    }

    /// Waits until the rounds of a collector have ended; none are left when it returns false.
    pub(crate) async fn ended(&mut self) -> bool {
        let Some(ended) = self.rounds.join_next().await else { return false };
        if let Err(error) = ended {
            tracing::error!(%error, "a collector's rounds ended");
        }
        true
    }

    /// Finds for each plan the member that runs so already.
    fn kept(&self, planned: &[Planned]) -> Vec<Option<usize>> {
        let runs = |member: &Member| !member.rounds.is_finished();
        let mut left: Vec<Option<&Planned>> =
            self.members.iter().map(|member| runs(member).then_some(&member.planned)).collect();
        let find = |plan| {
            let at = left.iter().position(|running| *running == Some(plan))?;
            left.get_mut(at)?.take();
            Some(at)
        };
        planned.iter().map(find).collect()
    }

    /// Makes a collector, which begins nothing yet.
    fn recruit(&self, planned: Planned, name: Arc<str>) -> Result<Recruit, CollectorError> {
        let ground = &self.ground;
        let (stopper, stop) = ground.stop.part();
        let world = World {
            name: name.clone(),
            pace: planned.pace,
            proc_root: ground.proc_root.clone(),
            sys_root: ground.sys_root.clone(),
            machine: ground.machine.clone(),
            listeners: ground.listeners.clone(),
            registry: ground.registry.clone(),
            own: ground.registry.part(),
            clock: ground.clock.clone(),
            stop: stop.clone(),
        };
        let built = planned.collector.clone().build(&world);
        let collector =
            built.map_err(|reason| CollectorError { collector: name.clone(), reason })?;
        Ok(Recruit { planned, name, collector, own: world.own, stopper, stop })
    }

    /// Lets the recruits begin, in the places that nobody keeps, and those without a place end.
    fn seat(&mut self, planned: &[Planned], kept: Vec<Option<usize>>, recruits: Vec<Recruit>) {
        let mut before: Vec<Option<Member>> =
            std::mem::take(&mut self.members).into_iter().map(Some).collect();
        let mut recruits = recruits.into_iter();
        let mut places = Vec::new();
        let mut begins = Vec::new();
        for (plan, kept) in planned.iter().zip(kept) {
            let names_series = plan.names_series(planned);
            let place = |slot, name| Place { slot, name, names_series };
            if let Some(member) = kept.and_then(|at| before.get_mut(at)?.take()) {
                places.push(place(member.slot, member.name.clone()));
                self.members.push(member);
            } else if let Some(recruit) = recruits.next() {
                self.slots += 1;
                places.push(place(Slot(self.slots), recruit.name.clone()));
                begins.push((Slot(self.slots), recruit));
            }
        }
        // First, because what has no place isn't shown.
        self.board.arrange(places);
        for (slot, recruit) in begins {
            self.begin(slot, recruit);
        }
        before.into_iter().flatten().for_each(|member| self.leave(member));
    }

    fn begin(&mut self, slot: Slot, recruit: Recruit) {
        let Recruit { planned, name, collector, own, stopper, stop } = recruit;
        let rounds = round::run(collector, planned.pace, slot, self.board.clone(), stop);
        let rounds = self.rounds.spawn(async move {
            rounds.await;
            drop(own);
        });
        self.members.push(Member { planned, slot, name, stopper, rounds });
    }

    fn leave(&mut self, member: Member) {
        tracing::info!(
            collector = &*member.name,
            "ends: the configuration has it no more, or not so"
        );
        member.stopper.drain();
        self.leaving.retain(|(rounds, _)| !rounds.is_finished());
        self.leaving.push_back((member.rounds, member.stopper));
        if self.leaving.len() > LEAVING_MAX
            && let Some((_, first)) = self.leaving.pop_front()
        {
            tracing::warn!(
                "too many collectors are ending: the first lets go of what it has in flight"
            );
            first.abort();
        }
    }
}

/// Returns the name, with a number if it is taken.
fn unlike(name: &str, taken: &[Arc<str>]) -> Arc<str> {
    let is_taken = |name: &String| taken.iter().any(|taken| **taken == **name);
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !is_taken(name));
    free.unwrap_or_default().into()
}

/// Holds that no two listen at the same place: of the second one the system would say only that somebody
/// does, and of one that takes another's place not even that.
fn check_ports(planned: &[Planned]) -> Result<(), CollectorError> {
    let mut by: HashMap<SocketAddr, &Planned> = HashMap::new();
    for plan in planned {
        let Some(listens) = plan.collector.listens().filter(|address| address.port() != 0) else {
            continue;
        };
        if let Some(other) = by.insert(listens, plan) {
            let reason = format_args!("{} listens on {listens} already", other.name()).to_string();
            return Err(CollectorError {
                collector: plan.name().into(),
                reason: Reason::new(reason),
            });
        }
    }
    Ok(())
}
