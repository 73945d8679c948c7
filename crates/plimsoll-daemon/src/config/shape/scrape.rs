//! What is scraped, and how.

use super::INTERVAL;
use super::access::{AUTHORIZATION, BASIC_AUTH, TLS_CONFIG, check_access};
use super::discovery::{DNS, FILES, GROUPS, OTHERS, check_targets};
use super::relabel::RELABELING;
use super::scalar::{any, any_name, interval, path, scheme, some_length};
use plimsoll_spec::{Faults, Length, MapShape, Shape, Size, View, later, optional, required};
use std::time::Duration;

pub(super) static SCRAPE: MapShape = MapShape {
    keys: &[
        required("job_name", Shape::TEXT),
        optional("static_configs", GROUPS),
        optional("file_sd_configs", Shape::List(&Shape::Map(&FILES))),
        optional("dns_sd_configs", Shape::List(&Shape::Map(&DNS))),
        optional("relabel_configs", RELABELING),
        optional("metric_relabel_configs", RELABELING),
        optional("metrics_path", Shape::Text(path)),
        optional("scheme", Shape::Text(scheme)),
        optional("params", Shape::Table(any_name, &Shape::List(&Shape::Text(any)))),
        optional("scrape_interval", Shape::Text(interval)),
        optional("scrape_timeout", Shape::Text(some_length)),
        BASIC_AUTH,
        AUTHORIZATION,
        TLS_CONFIG,
        optional("body_size_limit", Shape::parsed::<Size>()),
        optional("sample_limit", Shape::Integer(0..=u32::MAX as u64)),
        optional("honor_labels", Shape::Flag),
        later("honor_timestamps", "leave it out"),
        later("http_sd_configs", OTHERS),
        later("kubernetes_sd_configs", OTHERS),
        later("consul_sd_configs", OTHERS),
        later("ec2_sd_configs", OTHERS),
        later("docker_sd_configs", OTHERS),
        later("oauth2", "use authorization or basic_auth"),
        later("proxy_url", "the daemon connects directly"),
        later("proxy_from_environment", "the daemon connects directly"),
        later("no_proxy", "the daemon connects directly"),
        later("follow_redirects", "redirects are never followed"),
        later("enable_compression", "bodies are asked for uncompressed"),
        later("enable_http2", "the daemon speaks HTTP/1.1"),
        later("scrape_protocols", "the daemon asks for OpenMetrics, then for text"),
        later("fallback_scrape_protocol", "a body without a type is read as text"),
        later("label_limit", "bound series with limits.series_per_target"),
        later("target_limit", "leave it out"),
    ],
    check: Some(|view, faults| {
        check_access(view, faults);
        check_timeout(view, faults);
        check_targets(view, faults);
    }),
};

/// Returns the length under a key, when it is there and one.
fn length_of(view: &View<'_>, key: &str) -> Option<Duration> {
    view.get(key)?.text()?.parse::<Length>().ok().map(|length| length.0)
}

/// A timeout is only compared with an interval that stands beside it: one that is inherited
/// shortens an inherited timeout, as in Prometheus.
pub(super) fn check_timeout(view: &View<'_>, faults: &mut Faults) {
    let (Some(interval), Some(timeout)) =
        (length_of(view, "scrape_interval"), length_of(view, "scrape_timeout"))
    else {
        return;
    };
    if let (true, Some(place)) = (timeout > interval, view.get("scrape_timeout")) {
        faults.add(&place, "is longer than scrape_interval");
    }
}

pub(super) fn check_jobs(view: &View<'_>, faults: &mut Faults) {
    let Some(jobs) = view.get("scrape_configs") else { return };
    let inherited = view.get("global").and_then(|global| length_of(&global, "scrape_interval"));
    let inherited = inherited.unwrap_or(INTERVAL);
    let mut names = Vec::new();
    for job in jobs.items() {
        if let Some(name) = job.get("job_name") {
            if names.contains(&name.text()) {
                faults.add(&name, "another job has this name");
            }
            names.push(name.text());
        }
        let own = length_of(&job, "scrape_interval");
        if let (None, Some(place)) = (own, job.get("scrape_timeout"))
            && length_of(&job, "scrape_timeout").is_some_and(|timeout| timeout > inherited)
        {
            faults.add(&place, "is longer than the global scrape_interval");
        }
    }
}
