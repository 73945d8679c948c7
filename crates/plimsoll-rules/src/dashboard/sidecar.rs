//! The board of software that nobody instrumented, as sidecars see it: first what hurts, then a row for
//! each kind of collector.

use super::debug::{consumers, context, quantiles};
use super::levels::{
    self, ACCEPT_QUEUES, AMPLIFIED, LOCKS, Level, OPERATIONS, POOLS, QUEUES, UNACKNOWLEDGED,
};
use super::on_call::{ended_badly, http_responses, pushed_back};
use super::panel::{Panel, Thresholds, Unit, View};
use super::{Dashboard, Jobs, Section};
use crate::promql::{PANEL, part_of, ratio, sample};
use plimsoll_model::{Signal, catalog};

mod brokers;
mod machine;
mod process;
mod proxy;
mod servers;

/// How many bars of a kind the first row has.
const TOP: u32 = 5;

pub(super) fn dashboard() -> Dashboard {
    Dashboard {
        uid: "plimsoll-sidecar",
        title: "Plimsoll / Sidecar",
        description: "Processes, databases, brokers and services behind a proxy: who is at a limit, who \
                      waits, and for what.",
        from: "now-1h",
        jobs: Jobs::Sidecars,
        sections: vec![
            Section { title: "What hurts", panels: vec![down(), limits(), waits()] },
            Section { title: "Collectors", panels: collectors() },
            Section { title: "Proxies", panels: proxy::proxies() },
            Section { title: "Amplified gauges", panels: proxy::amplified() },
            Section { title: "Processes: threads", panels: process::threads() },
            Section { title: "Processes: locks", panels: process::locks() },
            Section { title: "Processes: files and connections", panels: process::files() },
            Section { title: "Processes: pressure and throttling", panels: process::pressure() },
            Section { title: "Host", panels: machine::host() },
            Section { title: "Pools and queues of servers", panels: servers::levels() },
            Section { title: "PostgreSQL", panels: servers::postgres() },
            Section { title: "PgBouncer, nginx and HAProxy", panels: servers::fronts() },
            Section { title: "Redis", panels: servers::redis() },
            Section {
                title: "Probed stores",
                panels: vec![context::propagation(), context::oldest_unseen()],
            },
            Section { title: "Consumers of every broker", panels: brokers::consumers() },
            Section { title: "NATS JetStream", panels: brokers::nats() },
            Section { title: "Kafka", panels: brokers::kafka() },
            Section { title: "RabbitMQ", panels: brokers::rabbitmq() },
        ],
    }
}

fn select(gauge: &Signal) -> String {
    PANEL.select(&sample(gauge), "")
}

fn top(vector: &str) -> String {
    format!("topk({TOP}, {vector})")
}

fn down() -> Panel {
    let up = format!("min by (job, collector) ({})", select(&catalog::COLLECTOR_UP));
    Panel::new(
        View::Timeline,
        Unit::Firing,
        "Collectors that are down",
        "Red while the latest look brought nothing: its series are absent meanwhile, and the \
         sidecar's page at / says why.",
    )
    .query("{{job}} {{collector}}", format!("1 - {up}"))
    .thresholds(Thresholds::Rising(1.0, 1.0))
    .runbook("PlimsollCollectorDown")
}

fn limits() -> Panel {
    let of = |level: Level| top(&ratio(&level.peak(), &level.limit()));
    let files = PANEL.max_by("process", &select(&catalog::PROCESS_FILES_USED));
    Panel::new(
        View::Bars,
        Unit::Ratio,
        "Nearest to a limit",
        "The peak of the last minute as a part of the limit, of whatever has one: what is full turns \
         work away. Look for its row below.",
    )
    .query(&OPERATIONS.legend("in flight"), of(OPERATIONS))
    .query(&POOLS.legend("in use"), of(POOLS))
    .query(&ACCEPT_QUEUES.legend("accept queue"), of(ACCEPT_QUEUES))
    .query("{{job}} {{process}} open files", top(&files))
    .query(&AMPLIFIED.legend(""), of(AMPLIFIED))
    .query(&UNACKNOWLEDGED.legend("unacknowledged"), of(UNACKNOWLEDGED))
    .thresholds(Thresholds::Rising(0.7, 0.9))
    .runbook("ConcurrencyConnectionsNearLimit")
}

fn waits() -> Panel {
    let oldest = |labels, signal| top(&PANEL.max_by(labels, &select(signal)));
    Panel::new(
        View::Bars,
        Unit::Seconds,
        "Longest waits",
        "The oldest of each kind that isn't over: requests in flight, threads and sessions at a lock, \
         clients of a pool, messages, replicas. What rises by a second per second is stuck.",
    )
    .query(&OPERATIONS.legend("in flight"), top(&OPERATIONS.oldest_age()))
    .query("{{job}} {{process}} at a lock", oldest("process", &catalog::PROCESS_LOCK_OLDEST))
    .query(&LOCKS.legend("at a lock"), top(&LOCKS.oldest_age()))
    .query(&QUEUES.legend("in the queue"), top(&QUEUES.oldest_age()))
    .query("{{job}} {{group}} {{topic}} lag", oldest("group, topic", &catalog::CONSUMER_LAG_TIME))
    .query("{{job}} {{server}} replica", oldest("server", &catalog::POSTGRES_REPLICA_LAG_TIME))
    .thresholds(Thresholds::Rising(1.0, 10.0))
    .runbook("ConcurrencyProcessLockStuck")
}

fn collectors() -> Vec<Panel> {
    let rounds = sample(&catalog::COLLECTOR_ROUNDS);
    let failed = PANEL.sum_rate("collector", &rounds, r#"result="failed""#);
    let all = PANEL.sum_rate("collector", &rounds, "");
    let dropped = PANEL.sum_rate("collector", &sample(&catalog::COLLECTOR_SERIES_DROPPED), "");
    vec![
        Panel::new(
            View::Lines,
            Unit::Seconds,
            "How long a look takes",
            "Time of the latest look. One that comes near its interval looks less often than it was \
             told to; one that passes its deadline has failed.",
        )
        .query(
            "{{job}} {{collector}}",
            PANEL.max_by("collector", &select(&catalog::COLLECTOR_ROUND_TIME)),
        )
        .thresholds(Thresholds::Rising(0.5, 1.0)),
        Panel::new(
            View::Lines,
            Unit::Ratio,
            "Looks that failed",
            "Part of the looks that brought nothing. Between none and all of them, what is looked at \
             answers late or comes and goes.",
        )
        .query("{{job}} {{collector}}", part_of(&failed, &all))
        .thresholds(Thresholds::Rising(0.01, 0.5))
        .runbook("PlimsollCollectorDown"),
        Panel::new(
            View::Lines,
            Unit::PerSecond,
            "Series beyond the bound",
            "Series per second that were left out because a family had too many. Zero is normal.",
        )
        .query("{{job}} {{collector}}", dropped)
        .runbook("PlimsollCollectorSeriesDropped"),
        Panel::new(
            View::Lines,
            Unit::Count,
            "Series hidden by another collector's",
            "Series that aren't shown because an earlier collector has the same. It should be zero.",
        )
        .query(
            "{{job}} {{collector}}",
            PANEL.max_by("collector", &select(&catalog::COLLECTOR_SERIES_HIDDEN)),
        )
        .thresholds(Thresholds::Rising(1.0, 1.0))
        .runbook("PlimsollCollectorSeriesHidden"),
    ]
}
