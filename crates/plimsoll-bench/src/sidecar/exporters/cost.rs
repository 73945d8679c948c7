//! What watching costs, ours and theirs, at the same interval over the same minute.

use super::pair::{Pair, page};
use super::{INTERVAL, SETTLE};
use crate::sidecar::ours;
use crate::slo::process::Server;
use crate::table::{Goal, Row, Table};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

const MIB: f64 = 1_048_576.0;

/// What one server costs.
struct Cost {
    processor_ms: f64,
    resident_mib: f64,
    page_kib: f64,
}

/// Measures every pair, and one sidecar with all collectors beside all exporters together.
pub(super) async fn measure(pairs: [&Pair; 4], table: &mut Table) {
    let collectors: String = pairs.iter().map(|pair| pair.collectors.as_str()).collect();
    let all = ours::watching(&collectors, &crate::slo::folder("beside-all"));
    tokio::time::sleep(SETTLE).await;
    let servers = pairs.iter().flat_map(|pair| [&pair.ours, &pair.peer]).chain([&all]);
    let costs = over_a_minute(&servers.collect::<Vec<_>>()).await;
    let both = || pairs.iter().zip(costs.chunks_exact(2));
    for (pair, costs) in both() {
        let [ours, peer] = costs else { continue };
        compare(pair.peer_name, ours, peer, table);
    }
    let sum = |of: fn(&Cost) -> f64| both().map(|(_, costs)| costs.get(1).map_or(0.0, of)).sum();
    let peers = Cost {
        processor_ms: sum(|cost| cost.processor_ms),
        resident_mib: sum(|cost| cost.resident_mib),
        page_kib: sum(|cost| cost.page_kib),
    };
    if let Some(all) = costs.last() {
        compare("all four", all, &peers, table);
    }
}

fn compare(peer_name: &'static str, ours: &Cost, peer: &Cost, table: &mut Table) {
    let no_more = Goal::AtMost(1.0);
    for (what, unit, goal, of) in [
        ("processor time a minute", "ms", no_more, (|of| of.processor_ms) as fn(&Cost) -> f64),
        ("resident memory", "MiB", no_more, |of| of.resident_mib),
        ("size of a scrape", "KiB", Goal::None, |of| of.page_kib),
    ] {
        let what = format!("{}: {what}", peer_name.trim_end_matches("-exporter"));
        let rounds = vec![(of(ours), of(peer))];
        table.add(Row { what, unit, peer_name, rounds, goal });
    }
}

/// Scrapes all of them each second for a minute.
async fn over_a_minute(servers: &[&Server]) -> Vec<Cost> {
    let before: Vec<_> = servers.iter().map(|server| server.used()).collect();
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut sizes = vec![0; servers.len()];
    for _ in 0..MINUTE.as_secs() / INTERVAL.as_secs() {
        ticks.tick().await;
        for (server, size) in servers.iter().zip(&mut sizes) {
            *size = page(server.address).await.len();
        }
    }
    ticks.tick().await;
    let costs = servers.iter().zip(before).zip(sizes);
    costs
        .map(|((server, before), size)| Cost {
            processor_ms: before.processor_s(server.used()) * 1e3,
            resident_mib: server.resident() / MIB,
            page_kib: size as f64 / 1024.0,
        })
        .collect()
}
