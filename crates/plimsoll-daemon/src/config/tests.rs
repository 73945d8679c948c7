use super::valid::{Credentials, Secret};
use super::*;
use std::path::Path;
use std::time::Duration;

fn good() -> (Config, std::path::PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let config = Config::read(&folder.join("good.yml"));
    (config.unwrap_or_else(|faults| panic!("{faults:?}")), folder)
}

#[test]
fn a_job_inherits_what_it_does_not_say() {
    let (config, folder) = good();
    let job = &config.jobs[0];
    assert_eq!((job.interval.as_millis(), job.timeout.as_millis()), (1_000, 800));
    let Discovery::Static(groups) = &job.discoveries[0] else { panic!("static comes first") };
    assert_eq!(groups[0].targets, ["127.0.0.1:8080", "[::1]:8080"]);
    assert_eq!(groups[0].labels["zone"], "a");
    assert_eq!((job.scheme.as_str(), job.metrics_path.as_str()), ("http", "/metrics"));
    assert_eq!(job.params["match"], ["a b", "c"]);
    assert_eq!(
        (job.bounds.body_bytes, job.bounds.samples, job.bounds.series),
        (64 << 20, None, 1000)
    );
    let Credentials::Basic { username, password: Secret::File(file) } = &job.access.credentials
    else {
        panic!("{:?}", job.access);
    };
    assert_eq!((username.as_str(), file), ("reader", &folder.join("password")));
}

#[test]
fn a_job_says_its_own() {
    let (config, folder) = good();
    let job = &config.jobs[1];
    assert_eq!((job.scheme.as_str(), job.metrics_path.as_str()), ("https", "/probe/metrics"));
    assert_eq!((job.interval.as_secs(), job.timeout.as_millis()), (30, 800));
    assert_eq!((job.bounds.body_bytes, job.bounds.samples), (1 << 20, Some(5_000)));
    assert!(job.honor_labels);
    assert_eq!(job.access.tls.ca_file, Some(folder.join("ca.pem")));
    let Credentials::Header { scheme, .. } = &job.access.credentials else {
        panic!("{:?}", job.access);
    };
    assert_eq!(scheme, "Bearer");
    assert!(!format!("{config:?}").contains("hush"), "a secret is shown");
}

#[test]
fn sinks_and_paths_are_resolved() {
    let (config, folder) = good();
    let urls: Vec<_> = config.alertmanagers.iter().map(|each| each.url.as_str()).collect();
    assert_eq!(urls, ["http://127.0.0.1:9093/am/", "http://b.example:9093/am/"]);
    assert_eq!(config.alertmanagers[0].timeout, Duration::from_secs(2));
    assert_eq!(config.data_dir, folder.join("state"));
    assert_eq!(config.webhooks[0].url.as_str(), "https://hooks.example/x");
}

#[test]
fn a_timeout_is_never_longer_than_the_interval() {
    let text = "scrape_configs: [{job_name: a, static_configs: [{targets: ['a:1']}]}]";
    let config = Config::parse(Path::new("a.yml"), text).expect("good");
    let job = &config.jobs[0];
    assert_eq!((job.interval.as_secs(), job.timeout.as_secs()), (1, 1));
}
