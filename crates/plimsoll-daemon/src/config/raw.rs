//! The file as it was written; every key means the same as in Prometheus.

use plimsoll_servers::ProberConfig;
use plimsoll_spec::{Length, Parsed, Size};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) listen: Option<String>,
    pub(super) data_dir: Option<String>,
    pub(super) external_url: Option<String>,
    /// Read from its own file, so that its faults are told with the others.
    #[serde(rename = "web_config")]
    pub(super) _web_config: Option<String>,
    pub(super) global: RawGlobal,
    pub(super) scrape_configs: Vec<RawScrape>,
    pub(super) push_configs: Vec<RawPush>,
    pub(super) probers: Vec<ProberConfig>,
    pub(super) backends: BTreeMap<String, RawBackend>,
    /// Read from the tree instead, so that the faults of these files are told with the others.
    #[serde(rename = "slo_files")]
    pub(super) _slo_files: Vec<String>,
    pub(super) alerting: RawAlerting,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGlobal {
    pub(super) scrape_interval: Option<Parsed<Length>>,
    pub(super) scrape_timeout: Option<Parsed<Length>>,
    pub(super) external_labels: BTreeMap<String, String>,
    pub(super) body_size_limit: Option<Parsed<Size>>,
    pub(super) sample_limit: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawScrape {
    pub(super) job_name: String,
    #[serde(default)]
    pub(super) static_configs: Vec<RawStatic>,
    pub(super) metrics_path: Option<String>,
    pub(super) scheme: Option<String>,
    #[serde(default)]
    pub(super) params: BTreeMap<String, Vec<String>>,
    pub(super) scrape_interval: Option<Parsed<Length>>,
    pub(super) scrape_timeout: Option<Parsed<Length>>,
    #[serde(flatten)]
    pub(super) access: RawAccess,
    pub(super) body_size_limit: Option<Parsed<Size>>,
    pub(super) sample_limit: Option<u32>,
    #[serde(default)]
    pub(super) honor_labels: bool,
    #[serde(default)]
    pub(super) file_sd_configs: Vec<RawFiles>,
    #[serde(default)]
    pub(super) dns_sd_configs: Vec<RawDns>,
    #[serde(default)]
    pub(super) relabel_configs: Vec<RawRelabel>,
    #[serde(default)]
    pub(super) metric_relabel_configs: Vec<RawRelabel>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawBackend {
    pub(super) url: String,
    pub(super) timeout: Option<Parsed<Length>>,
    pub(super) interval: Option<Parsed<Length>>,
    pub(super) retention: Option<Parsed<Length>>,
    #[serde(flatten)]
    pub(super) access: RawAccess,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPush {
    pub(super) job_name: String,
    pub(super) expect_every: Parsed<Length>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFiles {
    pub(super) files: Vec<String>,
    pub(super) refresh_interval: Option<Parsed<Length>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDns {
    pub(super) names: Vec<String>,
    pub(super) r#type: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) refresh_interval: Option<Parsed<Length>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRelabel {
    pub(super) source_labels: Vec<String>,
    pub(super) separator: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) action: Option<String>,
    pub(super) target_label: Option<String>,
    pub(super) replacement: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatic {
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

/// How a server wants to be spoken to. serde can't refuse unknown keys of a structure that holds this one
/// among its own: the shape has done so.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawAccess {
    pub(super) basic_auth: Option<RawBasicAuth>,
    pub(super) authorization: Option<RawAuthorization>,
    pub(super) tls_config: RawTls,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBasicAuth {
    pub(super) username: String,
    pub(super) password: Option<String>,
    pub(super) password_file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthorization {
    pub(super) r#type: Option<String>,
    pub(super) credentials: Option<String>,
    pub(super) credentials_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) ca_file: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) insecure_skip_verify: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAlerting {
    pub(super) alertmanagers: Vec<RawAlertmanager>,
    pub(super) webhooks: Vec<RawWebhook>,
    pub(super) stdout: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAlertmanager {
    #[serde(default)]
    pub(super) static_configs: Vec<RawStatic>,
    pub(super) scheme: Option<String>,
    pub(super) path_prefix: Option<String>,
    pub(super) timeout: Option<Parsed<Length>>,
    #[serde(rename = "api_version")]
    pub(super) _api_version: Option<String>,
    #[serde(flatten)]
    pub(super) access: RawAccess,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhook {
    pub(super) url: String,
    pub(super) secret_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) body: Option<Parsed<Size>>,
    pub(super) series_per_target: Option<u32>,
    pub(super) label_sets_per_family: Option<u32>,
    pub(super) disk: Option<Parsed<Size>>,
}
