//! Processor time and memory for the same SLOs, with and without a month behind them.

use super::daemon::Setting;
use super::process::{Server, watch};
use super::service::Target;
use super::{Extent, prometheus, sleep_s};
use crate::table::{Goal, Row, Table};

const PEER: &str = "Prometheus 3.15";
const SLOS: usize = 1_000;
const DAYS: u64 = 30;

/// Our two daemons, whose difference is what an SLO costs.
const OURS: [usize; 2] = [100, 1_000];

pub(super) fn without_history(table: &mut Table, extent: Extent) {
    let target = Target::serve(SLOS);
    let mut peer = prometheus::start("prometheus", &target, SLOS, 0);
    let mut ours = Setting::new("ours", &target, SLOS).start();
    peer.await_ready();
    ours.await_ready();
    sleep_s(extent.warm_s);
    let [peer_load, our_load] = watch([&peer, &ours], extent.watch_s as f64);
    table.add(Row {
        what: "CPU, 1,000 SLOs: ours each second, theirs each 15 s".into(),
        unit: "cores",
        peer_name: PEER,
        rounds: vec![(our_load.whole, peer_load.whole)],
        goal: Goal::CheaperBy(100.0),
    });
    table.add(Row {
        what: "resident memory, 1,000 SLOs".into(),
        unit: "MB",
        peer_name: PEER,
        rounds: vec![(ours.resident() / 1e6, peer.resident() / 1e6)],
        goal: Goal::CheaperBy(5.0),
    });
}

pub(super) fn with_history(table: &mut Table, extent: Extent) {
    let target = Target::serve(SLOS);
    let start =
        |slos: usize| prometheus::start(&format!("prometheus-{slos}-month"), &target, slos, DAYS);
    let mut peers = extent.history.map(start);
    let mut bytes_each = 0.0;
    let mut ours = OURS.map(|slos| {
        let setting = Setting::new(&format!("ours-{slos}-month"), &target, slos);
        bytes_each = setting.live_a_month().bytes_each();
        setting.start()
    });
    for server in peers.iter_mut().chain(&mut ours) {
        server.await_ready();
    }
    sleep_s(extent.warm_s);
    let [few_peer, many_peer] = &peers;
    let [few, many] = &ours;
    let servers: [&Server; 4] = [few_peer, many_peer, few, many];
    let [few_peer, many_peer, few, many] =
        watch(servers, extent.watch_s as f64).map(|load| load.whole);
    let each = |few: f64, many: f64, slos: [usize; 2]| (many - few) / (slos[1] - slos[0]) as f64;
    table.add(Row {
        what: "CPU of one more SLO with 30 days behind it".into(),
        unit: "µs/s",
        peer_name: PEER,
        rounds: vec![(
            1e6 * each(few, many, OURS),
            1e6 * each(few_peer, many_peer, extent.history),
        )],
        goal: Goal::CheaperBy(2_000.0),
    });
    table.add(Row::alone("memory of a 30-day SLO's windows", "KiB", bytes_each / 1024.0, 16.0));
}
