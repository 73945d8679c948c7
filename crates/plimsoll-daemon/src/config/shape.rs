//! Which keys there are and what each takes. Where Prometheus has a key, it is Prometheus's.

use plimsoll_spec::{Faults, Length, MapShape, Shape, Size, View, later, optional, required};
use reqwest::Url;
use std::net::SocketAddr;
use std::time::Duration;

/// The shortest interval that the engine keeps in step with.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The scrape interval, when the file says none: fast enough that a page takes seconds.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// The whole file.
pub(super) static DAEMON: Shape = Shape::Map(&MapShape {
    keys: &[
        optional("listen", Shape::Text(listen)),
        optional("data_dir", Shape::TEXT),
        optional("external_url", Shape::Text(web_url)),
        optional("global", Shape::Map(&GLOBAL)),
        optional("scrape_configs", Shape::List(&Shape::Map(&SCRAPE))),
        optional("slo_files", Shape::List(&Shape::TEXT)),
        optional("alerting", Shape::Map(&ALERTING)),
        optional("limits", Shape::Map(&LIMITS)),
        later("web_config", "listen on loopback and put a proxy with TLS in front"),
        later("backends", "the daemon reads what it scrapes itself"),
        later("scrape_config_files", "list the jobs under scrape_configs"),
        later("rule_files", "Prometheus evaluates rules; give SLOs under slo_files"),
        later("remote_write", "the daemon forwards nothing"),
        later("remote_read", "the daemon reads what it scrapes itself"),
        later("storage", "its state goes to data_dir"),
        later("otlp", "scrape /metrics instead"),
        later("tracing", "leave it out"),
    ],
    check: Some(check_jobs),
});

static GLOBAL: MapShape = MapShape {
    keys: &[
        optional("scrape_interval", Shape::Text(interval)),
        optional("scrape_timeout", Shape::Text(some_length)),
        optional("external_labels", Shape::LABELS),
        optional("body_size_limit", Shape::parsed::<Size>()),
        optional("sample_limit", Shape::Integer(0..=u32::MAX as u64)),
        later("evaluation_interval", "SLOs are evaluated at each scrape interval"),
        later("scrape_protocols", "the daemon asks for OpenMetrics, then for text"),
        later("query_log_file", "leave it out"),
        later("label_limit", "bound series with limits.series_per_target"),
        later("target_limit", "leave it out"),
    ],
    check: Some(check_timeout),
};

static SCRAPE: MapShape = MapShape {
    keys: &[
        required("job_name", Shape::TEXT),
        optional("static_configs", STATIC),
        optional("metrics_path", Shape::Text(path)),
        optional("scheme", Shape::Text(scheme)),
        optional("params", Shape::Table(any_name, &Shape::List(&Shape::Text(any)))),
        optional("scrape_interval", Shape::Text(interval)),
        optional("scrape_timeout", Shape::Text(some_length)),
        optional("basic_auth", Shape::Map(&BASIC_AUTH)),
        optional("authorization", Shape::Map(&AUTHORIZATION)),
        optional("tls_config", Shape::Map(&TLS)),
        optional("body_size_limit", Shape::parsed::<Size>()),
        optional("sample_limit", Shape::Integer(0..=u32::MAX as u64)),
        optional("honor_labels", Shape::Flag),
        later("honor_timestamps", "leave it out"),
        later("relabel_configs", "write the labels under static_configs"),
        later("metric_relabel_configs", "choose series with the SLO's selectors"),
        later("file_sd_configs", STATIC_ONLY),
        later("dns_sd_configs", STATIC_ONLY),
        later("http_sd_configs", STATIC_ONLY),
        later("kubernetes_sd_configs", STATIC_ONLY),
        later("consul_sd_configs", STATIC_ONLY),
        later("ec2_sd_configs", STATIC_ONLY),
        later("docker_sd_configs", STATIC_ONLY),
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
    check: Some(check_access),
};

const STATIC_ONLY: &str = "list the targets under static_configs";

const STATIC: Shape = Shape::List(&Shape::Map(&MapShape {
    keys: &[
        required("targets", Shape::List(&Shape::Text(target))),
        optional("labels", Shape::LABELS),
    ],
    check: None,
}));

static BASIC_AUTH: MapShape = MapShape {
    keys: &[
        required("username", Shape::TEXT),
        optional("password", Shape::Text(any)),
        optional("password_file", Shape::TEXT),
        later("username_file", "write the name under username"),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "password", "password_file")),
};

static AUTHORIZATION: MapShape = MapShape {
    keys: &[
        optional("type", Shape::Text(authorization_type)),
        optional("credentials", Shape::TEXT),
        optional("credentials_file", Shape::TEXT),
    ],
    check: Some(|view, faults| one_of_two(view, faults, "credentials", "credentials_file")),
};

static TLS: MapShape = MapShape {
    keys: &[
        optional("ca_file", Shape::TEXT),
        optional("cert_file", Shape::TEXT),
        optional("key_file", Shape::TEXT),
        optional("insecure_skip_verify", Shape::Flag),
        later("server_name", "name the target as its certificate does"),
        later("ca", "use ca_file"),
        later("cert", "use cert_file"),
        later("key", "use key_file"),
        later("min_version", "TLS 1.2 and 1.3 are spoken"),
        later("max_version", "TLS 1.2 and 1.3 are spoken"),
    ],
    check: Some(check_identity),
};

static ALERTING: MapShape = MapShape {
    keys: &[
        optional("alertmanagers", Shape::List(&Shape::Map(&ALERTMANAGER))),
        optional("webhooks", Shape::List(&Shape::Map(&WEBHOOK))),
        later("alert_relabel_configs", "give labels in the SLO file"),
    ],
    check: None,
};

static ALERTMANAGER: MapShape = MapShape {
    keys: &[
        optional("static_configs", STATIC),
        optional("scheme", Shape::Text(scheme)),
        optional("path_prefix", Shape::Text(path)),
        optional("timeout", Shape::Text(some_length)),
        optional("api_version", Shape::Text(api_version)),
        optional("basic_auth", Shape::Map(&BASIC_AUTH)),
        optional("authorization", Shape::Map(&AUTHORIZATION)),
        optional("tls_config", Shape::Map(&TLS)),
        later("relabel_configs", STATIC_ONLY),
        later("alert_relabel_configs", "give labels in the SLO file"),
        later("file_sd_configs", STATIC_ONLY),
        later("dns_sd_configs", STATIC_ONLY),
        later("kubernetes_sd_configs", STATIC_ONLY),
        later("proxy_url", "the daemon connects directly"),
    ],
    check: Some(check_access),
};

static WEBHOOK: MapShape = MapShape {
    keys: &[required("url", Shape::Text(web_url)), optional("secret_file", Shape::TEXT)],
    check: None,
};

static LIMITS: MapShape = MapShape {
    keys: &[
        optional("body", Shape::parsed::<Size>()),
        optional("series_per_target", Shape::Integer(1..=u32::MAX as u64)),
        later("label_sets_per_family", "bound series with series_per_target"),
        later("disk", "the history of each SLO is bounded by its period"),
    ],
    check: None,
};

fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn any_name(name: &str) -> Result<(), String> {
    if name.is_empty() { Err("the name is empty".into()) } else { Ok(()) }
}

fn listen(text: &str) -> Result<(), String> {
    text.parse::<SocketAddr>()
        .map(drop)
        .map_err(|_| "must be an IP address and a port, as 127.0.0.1:9797 or [::1]:9797".into())
}

fn web_url(text: &str) -> Result<(), String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err("must be a URL that begins with http:// or https://".into()),
    }
}

fn scheme(text: &str) -> Result<(), String> {
    if matches!(text, "http" | "https") { Ok(()) } else { Err("must be http or https".into()) }
}

fn path(text: &str) -> Result<(), String> {
    if text.starts_with('/') && !text.contains(['?', '#']) {
        return Ok(());
    }
    Err("must be a path that begins with / and has no ? or #: queries go under params".into())
}

fn target(text: &str) -> Result<(), String> {
    let fits = !text.contains(['/', '?', '#', '@', ' '])
        && Url::parse(&format!("http://{text}/")).is_ok_and(|url| url.has_host());
    if fits {
        Ok(())
    } else {
        Err("must be HOST:PORT; scheme and path have keys of their own".into())
    }
}

fn api_version(text: &str) -> Result<(), String> {
    if text == "v2" { Ok(()) } else { Err("only v2 is spoken".into()) }
}

fn authorization_type(text: &str) -> Result<(), String> {
    if text.eq_ignore_ascii_case("basic") {
        return Err("use basic_auth for this".into());
    }
    let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(()) } else { Err("must be one word, as Bearer".into()) }
}

fn some_length(text: &str) -> Result<(), String> {
    let length: Length = text.parse().map_err(|error| format!("{error}"))?;
    if length.0.is_zero() { Err("must be longer than nothing".into()) } else { Ok(()) }
}

fn interval(text: &str) -> Result<(), String> {
    some_length(text)?;
    match text.parse::<Length>() {
        Ok(length) if length.0 < INTERVAL_MIN => Err("must be at least 100ms".into()),
        _ => Ok(()),
    }
}

/// Returns the length under a key, when it is there and one.
fn length_of(view: &View<'_>, key: &str) -> Option<Duration> {
    view.get(key)?.text()?.parse::<Length>().ok().map(|length| length.0)
}

fn one_of_two(view: &View<'_>, faults: &mut Faults, one: &str, other: &str) {
    match (view.get(one), view.get(other)) {
        (Some(_), Some(other)) => faults.add(&other, format!("`{one}` is given too: keep one")),
        (None, None) => faults.add_missing(view, one, format!("give it or `{other}`")),
        _ => {}
    }
}

fn check_identity(view: &View<'_>, faults: &mut Faults) {
    match (view.get("cert_file"), view.get("key_file")) {
        (Some(_), None) => faults.add_missing(view, "key_file", "cert_file needs it"),
        (None, Some(_)) => faults.add_missing(view, "cert_file", "key_file needs it"),
        _ => {}
    }
}

fn check_access(view: &View<'_>, faults: &mut Faults) {
    if let (Some(_), Some(second)) = (view.get("basic_auth"), view.get("authorization")) {
        faults.add(&second, "`basic_auth` is given too: keep one");
    }
    check_timeout(view, faults);
}

/// A timeout is only compared with an interval that stands beside it: one that is inherited
/// shortens an inherited timeout, as in Prometheus.
fn check_timeout(view: &View<'_>, faults: &mut Faults) {
    let (Some(interval), Some(timeout)) =
        (length_of(view, "scrape_interval"), length_of(view, "scrape_timeout"))
    else {
        return;
    };
    if let (true, Some(place)) = (timeout > interval, view.get("scrape_timeout")) {
        faults.add(&place, "is longer than scrape_interval");
    }
}

fn check_jobs(view: &View<'_>, faults: &mut Faults) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port_and_nothing_else() {
        for good in ["127.0.0.1:8080", "[::1]:8080", "checkout.prod:80", "checkout"] {
            assert_eq!(target(good), Ok(()), "{good}");
        }
        for bad in ["http://a:80", "a:80/metrics", "a:99999", "", "user@a:80", "a b:80"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
