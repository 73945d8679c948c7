//! A stream whose group was given a part and asks no more, while nothing is produced either.

use super::{INTERVAL, Pair, Sight, exporter};
use crate::table::Table;
use plimsoll_tests::redis::Redis;
use tokio::task::JoinSet;

const PEER: &str = "redis-exporter";

/// Clients that wait for a list that stays empty.
const BLOCKED: usize = 3;

pub(super) struct Scene {
    pub(super) pair: Pair,
    server: std::sync::Arc<Redis>,
    /// When the first entry that the group wasn't given was added.
    next_s: f64,
    _blocked: JoinSet<()>,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let server = std::sync::Arc::new(Redis::start().await);
        let peer = exporter::start("redis-exporter", "-web.listen-address", |command| {
            command.args(["-redis.addr", &server.url, "-check-streams", "*"]);
        });
        let collectors =
            format!("redis:\n- {{label: redis, url: {:?}, interval: {INTERVAL:?}}}\n", server.url);
        let pair = Pair::start(collectors, peer, PEER);
        run(&server, "XGROUP CREATE orders billing 0 MKSTREAM").await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            let id: String = server.ask(&["XADD", "orders", "*", "k", "v"]).await;
            ids.push(id);
        }
        run(&server, "XREADGROUP GROUP billing c COUNT 2 STREAMS orders >").await;
        let next_ms: f64 = ids[2].split('-').next().and_then(|ms| ms.parse().ok()).expect("a time");
        let mut blocked = JoinSet::new();
        for _ in 0..BLOCKED {
            let server = server.clone();
            blocked.spawn(async move { run(&server, "BLPOP empty 25").await });
        }
        Self { pair, server, next_s: next_ms / 1e3, _blocked: blocked }
    }

    pub(super) async fn look(&self, table: &mut Table) {
        let (ours, peer) = self.pair.scrape().await;
        let (seconds, micros): (f64, f64) = self.server.ask(&["TIME"]).await;
        let waited_s = seconds + micros / 1e6 - self.next_s;
        let mine = |family: &str| {
            ours.get(family, &[("group", "billing"), ("server", "redis"), ("topic", "orders")])
        };
        let theirs =
            |family: &str, group: &str| peer.all(family, &["stream=\"orders\"", group]).next();
        // The ids are times: from the last that was given to the last that was added.
        let last = theirs("redis_stream_last_generated_id", "");
        let given = theirs("redis_stream_group_last_delivered_id", "group=\"billing\"");
        let between_s = last.zip(given).map(|(last, given)| (last - given) / 1e3);
        let sight =
            |what, unit, truth, ours, peer| Sight { what, unit, truth, within: 0.0, ours, peer };
        let pending = theirs("redis_stream_group_messages_pending", "group=\"billing\"");
        let blocked = ours.value("concurrency_redis_blocked_clients{server=\"redis\"}");
        for sight in [
            sight(
                "stalled group: entries it wasn't given",
                "",
                3.0,
                mine("concurrency_consumer_lag"),
                None,
            ),
            Sight {
                within: 1.5,
                ..sight(
                    "stalled group: how long the next entry has waited",
                    "s",
                    waited_s,
                    mine("concurrency_consumer_lag_seconds"),
                    between_s,
                )
            },
            sight(
                "stalled group: entries given and not acknowledged",
                "",
                2.0,
                mine("concurrency_redis_pending"),
                pending,
            ),
            sight(
                "clients that wait in BLPOP",
                "",
                BLOCKED as f64,
                blocked,
                peer.value("redis_blocked_clients"),
            ),
        ] {
            table.add(sight.row(PEER));
        }
    }
}

async fn run(server: &Redis, command: &str) {
    let _: ::redis::Value = server.ask(&command.split(' ').collect::<Vec<_>>()).await;
}
