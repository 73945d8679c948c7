//! What a look at a group says: its series, and what they are without.

use super::NEEDS;
use super::descriptors::Descriptors;
use super::find::MEMBERS_MAX;
use super::group::{Group, Member};
use super::locks::{Queue, Ranked};
use super::state::State;
use crate::Reading;
use plimsoll_model::catalog;

impl Group {
    pub(super) fn report(&self, ranked: &Ranked) -> Reading {
        let mut reading = Reading::default();
        self.write_cycles(&mut reading);
        self.write_sums(&mut reading);
        self.write_threads(&mut reading);
        self.write_files(&mut reading);
        self.write_locks(ranked, &mut reading);
        self.sockets.write(&self.labels, &mut reading);
        self.pressure.write(&self.labels, &mut reading);
        reading
    }

    /// Says who waits for whom in a circle; first, so that no other note takes its place.
    fn write_cycles(&self, reading: &mut Reading) {
        let known = || self.members.values().filter(|member| is_seen(member));
        if known().next().is_some() {
            let cycles: usize = known().map(|member| member.graph.cycles().len()).sum();
            reading.gauge(&catalog::PROCESS_WAIT_CYCLES, &self.labels, cycles as f64);
        }
        for cycle in self.members.values().flat_map(|member| member.graph.cycles()) {
            reading.deadlock(cycle.clone());
        }
        if let Some(error) = self.members.values().find_map(|member| member.graph.refused()) {
            reading.note(format_args!(
                "without who has the locks: reading mem fails ({error}); {NEEDS}"
            ));
        }
    }

    fn write_locks(&self, ranked: &Ranked, reading: &mut Reading) {
        if !self.members.values().any(|member| member.threads.blind().is_none()) {
            return;
        }
        // That nobody waits is known: the first rank says so.
        let nobody = [Queue::default()];
        let queues = if ranked.queues.is_empty() { &nobody[..] } else { &ranked.queues };
        for (rank, queue) in (1..).zip(queues) {
            let labels = self.labels.with("rank", &rank.to_string()).unwrap_or_default();
            let waiters = f64::from(queue.waiters);
            reading.gauge(&catalog::PROCESS_LOCK_WAITERS, &labels, waiters);
            let oldest_s = queue.oldest.as_secs_f64();
            reading.gauge(&catalog::PROCESS_LOCK_OLDEST, &labels, oldest_s);
            let standing_s = queue.standing.as_secs_f64();
            reading.gauge(&catalog::PROCESS_LOCK_STANDING, &labels, standing_s);
        }
        reading.gauge(&catalog::PROCESS_CONVOYS, &self.labels, ranked.convoys as f64);
        reading.seconds(&catalog::PROCESS_LOCK_WAIT, &self.labels, ranked.waited.as_nanos());
    }

    fn write_sums(&self, reading: &mut Reading) {
        let sums = self.sums();
        reading.seconds(&catalog::PROCESS_CPU_TIME, &self.labels, sums.cpu_ns());
        let wait_ns = u128::from(sums.threads.wait_ns);
        // A kernel without this account says 0 of threads that have run.
        let is_counted =
            |member: &Member| member.threads.all().iter().any(|thread| thread.sched.slices > 0);
        if wait_ns > 0 || self.members.values().any(is_counted) {
            reading.seconds(&catalog::PROCESS_RUN_QUEUE_WAIT, &self.labels, wait_ns);
        }
        for (kind, count) in ["voluntary", "involuntary"].into_iter().zip(sums.threads.switches) {
            let labels = self.labels.with("kind", kind).unwrap_or_default();
            reading.count(&catalog::PROCESS_CONTEXT_SWITCHES, &labels, count);
        }
        reading.gauge(&catalog::PROCESS_MEMBERS, &self.labels, self.members.len() as f64);
        reading.count(&catalog::PROCESS_STARTS, &self.labels, self.starts);
        if self.members.len() == MEMBERS_MAX {
            reading.note(format_args!("without processes beyond the first {MEMBERS_MAX}"));
        }
    }

    fn write_threads(&self, reading: &mut Reading) {
        let threads = || self.members.values().flat_map(|member| member.threads.all());
        let blind = self.members.values().find_map(|member| member.threads.blind());
        let all_blind = self.members.values().all(|member| member.threads.blind().is_some());
        for (state, name) in State::ALL {
            let count = threads().filter(|thread| thread.state == Some(state)).count();
            let is_known = match state {
                State::Lock | State::Idle | State::Io => !all_blind,
                State::Sleeping => blind.is_some() || count > 0,
                State::Running | State::Uninterruptible | State::Other => true,
            };
            if is_known {
                let labels = self.labels.with("state", name).unwrap_or_default();
                reading.gauge(&catalog::PROCESS_THREADS, &labels, count as f64);
            }
        }
        if let Some(blind) = blind {
            let which = if all_blind { "any" } else { "every" };
            reading.note(format_args!("without what threads of {which} process wait for: {blind}"));
        }
        let unread = threads().filter(|thread| thread.state.is_none()).count();
        if unread > 0 {
            reading.note(format_args!("without what {unread} threads do: they take turns"));
        }
        let beyond: u64 = self.members.values().map(|member| member.threads.beyond()).sum();
        if beyond > 0 {
            reading.note(format_args!("without {beyond} threads: there are too many to look at"));
        }
    }

    fn write_files(&self, reading: &mut Reading) {
        let looks = || self.members.values().map(|member| member.descriptors);
        let known = || looks().filter_map(Result::ok);
        if known().next().is_some() {
            let open: u64 = known().map(|files| files.open).sum();
            reading.gauge(&catalog::PROCESS_FILES, &self.labels, open as f64);
        }
        if let Some(used) = known().filter_map(Descriptors::used).reduce(f64::max) {
            reading.gauge(&catalog::PROCESS_FILES_USED, &self.labels, used);
        }
        if let Some(error) = looks().find_map(Result::err) {
            reading.note(format_args!("without open files: listing fd fails ({error}); {NEEDS}"));
        }
    }
}

/// Says whether who waits for whom can be seen of a process.
fn is_seen(member: &Member) -> bool {
    member.threads.blind().is_none() && member.graph.refused().is_none()
}
