//! Which keys there are and what each takes. Where Prometheus has a key, it is Prometheus's.

mod access;
mod alerting;
mod discovery;
mod prober;
mod relabel;
mod scalar;
mod scrape;

pub(super) use discovery::GROUPS;
use plimsoll_spec::{MapShape, Shape, Size, later, optional, required};
use std::time::Duration;

/// The scrape interval, when the file says none: fast enough that a page takes seconds.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// The whole file.
pub(super) static DAEMON: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("listen", Shape::Text(scalar::listen)),
        optional("data_dir", Shape::TEXT),
        optional("external_url", Shape::Text(scalar::web_url)),
        optional("global", Shape::Map(&GLOBAL)),
        optional("scrape_configs", Shape::List(&Shape::Map(&scrape::SCRAPE))),
        optional("push_configs", Shape::List(&Shape::Map(&PUSH))),
        optional("probers", Shape::List(&Shape::Map(&prober::PROBER))),
        optional("slo_files", Shape::List(&Shape::TEXT)),
        optional("alerting", Shape::Map(&alerting::ALERTING)),
        optional("limits", Shape::Map(&LIMITS)),
        optional("web_config", Shape::TEXT),
        optional("backends", Shape::Table(scalar::any_name, &Shape::Map(&BACKEND))),
        later("scrape_config_files", "list the jobs under scrape_configs"),
        later("rule_files", "Prometheus evaluates rules; give SLOs under slo_files"),
        later(
            "remote_write",
            "the daemon forwards nothing; what is written to it comes in under /api/v1/write",
        ),
        later("remote_read", "the daemon reads what it scrapes itself"),
        later("storage", "its state goes to data_dir"),
        later(
            "otlp",
            "it is taken under /v1/metrics; say under push_configs how often to expect it",
        ),
        later("tracing", "leave it out"),
    ],
    check: Some(|view, faults| {
        scrape::check_jobs(view, faults);
        prober::check_names(view, faults);
    }),
});

static GLOBAL: MapShape = MapShape {
    keys: &[
        optional("scrape_interval", Shape::Text(scalar::interval)),
        optional("scrape_timeout", Shape::Text(scalar::some_length)),
        optional("external_labels", Shape::LABELS),
        optional("body_size_limit", Shape::parsed::<Size>()),
        optional("sample_limit", Shape::Integer(0..=u32::MAX as u64)),
        later("evaluation_interval", "SLOs are evaluated at each scrape interval"),
        later("scrape_protocols", "the daemon asks for OpenMetrics, then for text"),
        later("query_log_file", "leave it out"),
        later("label_limit", "bound series with limits.series_per_target"),
        later("target_limit", "leave it out"),
    ],
    check: Some(scrape::check_timeout),
};

static PUSH: MapShape = MapShape {
    keys: &[
        required("job_name", Shape::TEXT),
        required("expect_every", Shape::Text(scalar::interval)),
    ],
    check: None,
};

static BACKEND: MapShape = MapShape {
    keys: &[
        required("url", Shape::Text(scalar::web_url)),
        optional("timeout", Shape::Text(scalar::some_length)),
        optional("interval", Shape::Text(scalar::interval)),
        optional("retention", Shape::Text(scalar::some_length)),
        access::BASIC_AUTH,
        access::AUTHORIZATION,
        access::TLS_CONFIG,
    ],
    check: Some(access::check_access),
};

static LIMITS: MapShape = MapShape {
    keys: &[
        optional("body", Shape::parsed::<Size>()),
        optional("series_per_target", Shape::Integer(1..=u32::MAX as u64)),
        optional("label_sets_per_family", Shape::Integer(1..=u32::MAX as u64)),
        optional("disk", Shape::parsed::<Size>()),
    ],
    check: None,
};
