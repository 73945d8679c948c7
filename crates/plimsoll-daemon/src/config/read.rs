//! From the raw configuration to the valid one. The walk has found no fault, so what is left to
//! fail here is what only the file system knows.

use super::raw::{
    RawAccess, RawAlertmanager, RawBackend, RawConfig, RawDns, RawFiles, RawGlobal, RawPush,
    RawScrape, RawStatic, RawTls,
};
use super::relabel_rule::relabeling;
use super::shape::{DAEMON, INTERVAL};
use super::slo_files::{self, SloFiles};
use super::valid::{
    Access, Alertmanager, Backend, Config, Credentials, Discovery, Job, Limits, Prober, Records,
    ScrapeBounds, Secret, TargetGroup, Tls, TlsIdentity, Webhook,
};
use super::web::read_web;
use plimsoll_model::{LabelError, Labels};
use plimsoll_servers::ProberConfig;
use plimsoll_spec::{Document, Fault};
use reqwest::Url;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Prometheus's own default, which an interval that is shorter shortens.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Prometheus's own defaults for how often discovery looks anew.
const FILES_REFRESH: Duration = Duration::from_secs(300);
const NAMES_REFRESH: Duration = Duration::from_secs(30);

/// How often a window is asked of a server at most.
const ASKED_EVERY: Duration = Duration::from_secs(15);

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9797);
const DATA_DIR: &str = "plimsoll-data";

impl Config {
    /// Reads a configuration and the SLO files that it names.
    ///
    /// # Errors
    /// Every fault of all these files, each with its place.
    pub fn read(file: &Path) -> Result<Self, Vec<Fault>> {
        let text =
            plimsoll_spec::load(file).map_err(|error| vec![Fault::unreadable(file, error)])?;
        Self::parse(file, &text)
    }

    /// Reads a configuration from its text; `file` is what faults call it, and where relative
    /// paths begin.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, Vec<Fault>> {
        let document = Document::parse(&file.display().to_string(), text)?;
        let place = Place { folder: file.parent().unwrap_or(Path::new("")) };
        let raw = document.read::<RawConfig>(&DAEMON);
        let slo_files = slo_files::read(&document, place.folder);
        let web_config = document.root().get("web_config").and_then(|path| path.text());
        let web_config = web_config.map(|path| place.path(path));
        let web = web_config.as_deref().map_or(Ok(()), |file| read_web(file).map(drop));
        let (raw, slo_files) = match (raw, slo_files, web) {
            (Ok(raw), Ok(slo_files), Ok(())) => (raw, slo_files),
            (raw, slo_files, web) => {
                let mut faults = raw.err().unwrap_or_default();
                faults.extend(web.err().unwrap_or_default());
                faults.extend(slo_files.err().unwrap_or_default());
                return Err(own_first(&document, faults));
            }
        };
        let config = place.config(file, raw, slo_files);
        let mut config = config.map_err(|slip| vec![document.fault(&slip.key, slip.reason)])?;
        let disk = slo_files::disk_too_small(&config.slos, config.limits.disk_bytes);
        config.warnings.extend(disk.map(|reason| document.fault("limits.disk", reason)));
        Ok(Config { web_config, ..config })
    }
}

/// Sorts the configuration's own faults by place, before those of the SLO files in their order.
fn own_first(document: &Document, faults: Vec<Fault>) -> Vec<Fault> {
    let file = document.fault("", "").file;
    let (mut own, others): (Vec<_>, Vec<_>) =
        faults.into_iter().partition(|fault| fault.file == file);
    own.sort_by_key(|fault| (fault.line, fault.column));
    own.extend(others);
    own
}

/// Something that the walk let pass and a type refuses.
struct Slip {
    key: String,
    reason: String,
}

impl Slip {
    fn at<E: Display>(key: &str) -> impl FnOnce(E) -> Self {
        move |error| Self { key: key.into(), reason: error.to_string() }
    }
}

/// Where relative paths begin.
pub(super) struct Place<'a> {
    folder: &'a Path,
}

impl Place<'_> {
    fn config(&self, file: &Path, raw: RawConfig, mut slo_files: SloFiles) -> Result<Config, Slip> {
        let listen = raw.listen.as_deref().map(str::parse).transpose();
        let external_url = raw.external_url.as_deref().map(Url::parse).transpose();
        let defaults = Limits::default();
        let limits = Limits {
            body_bytes: raw.limits.body.map_or(defaults.body_bytes, |size| size.0.0),
            series_per_target: raw
                .limits
                .series_per_target
                .map_or(defaults.series_per_target, |series| series as usize),
            label_sets_per_family: raw
                .limits
                .label_sets_per_family
                .map_or(defaults.label_sets_per_family, |sets| sets as usize),
            disk_bytes: raw.limits.disk.map_or(defaults.disk_bytes, |size| size.0.0),
        };
        let job = |job: &RawScrape| self.job(job, &raw.global, limits);
        let mut alertmanagers = Vec::new();
        for alertmanager in &raw.alerting.alertmanagers {
            alertmanagers.extend(self.alertmanagers(alertmanager)?);
        }
        let webhook = |webhook: &super::raw::RawWebhook| {
            let secret = webhook.secret_file.as_deref().map(|file| Secret::File(self.path(file)));
            let url = Url::parse(&webhook.url).map_err(Slip::at("alerting.webhooks"))?;
            Ok(Webhook { url, secret })
        };
        let jobs: Vec<Job> = raw.scrape_configs.iter().map(job).collect::<Result<_, _>>()?;
        let read_every = raw.global.scrape_interval.as_ref().map_or(INTERVAL, |length| length.0.0);
        let prober = |raw: &ProberConfig| {
            let mut config = raw.clone();
            config.lies_in(self.folder);
            Prober { config, read_every }
        };
        let probers = raw.probers.iter().map(prober).collect();
        let backends = self.backends(&raw.backends)?;
        slo_files.warn_of_retention(&backends);
        if let Some(interval) = jobs.iter().map(|job| job.interval).min() {
            slo_files.warn_of_sampling(interval);
        }
        Ok(Config {
            file: file.into(),
            listen: listen.map_err(Slip::at("listen"))?.unwrap_or(LISTEN),
            data_dir: self.path(raw.data_dir.as_deref().unwrap_or(DATA_DIR)),
            web_config: None,
            external_url: external_url.map_err(Slip::at("external_url"))?,
            external_labels: labels(&raw.global.external_labels)
                .map_err(Slip::at("global.external_labels"))?,
            jobs,
            backends,
            pushed: raw.push_configs.iter().map(expected).collect(),
            probers,
            limits,
            slos: slo_files.slos,
            alertmanagers,
            webhooks: raw.alerting.webhooks.iter().map(webhook).collect::<Result<_, _>>()?,
            stdout: raw.alerting.stdout,
            warnings: slo_files.warnings,
        })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn job(&self, raw: &RawScrape, global: &RawGlobal, limits: Limits) -> Result<Job, Slip> {
        let interval = raw.scrape_interval.as_ref().or(global.scrape_interval.as_ref());
        let interval = interval.map_or(INTERVAL, |length| length.0.0);
        let timeout = raw.scrape_timeout.as_ref().or(global.scrape_timeout.as_ref());
        let timeout = timeout.map_or(TIMEOUT, |length| length.0.0).min(interval);
        let body = raw.body_size_limit.as_ref().or(global.body_size_limit.as_ref());
        let samples = raw.sample_limit.or(global.sample_limit);
        let bounds = ScrapeBounds {
            body_bytes: body.map_or(0, |size| size.0.0).min_nonzero(limits.body_bytes),
            samples: samples.filter(|limit| *limit > 0).map(|limit| limit as usize),
            series: limits.series_per_target,
            label_sets: limits.label_sets_per_family,
        };
        Ok(Job {
            name: raw.job_name.clone(),
            discoveries: self.discoveries(raw),
            scheme: raw.scheme.clone().unwrap_or_else(|| "http".into()),
            metrics_path: raw.metrics_path.clone().unwrap_or_else(|| "/metrics".into()),
            params: raw.params.clone(),
            relabeling: relabeling(&raw.relabel_configs).map_err(Slip::at("scrape_configs"))?,
            metric_relabeling: relabeling(&raw.metric_relabel_configs)
                .map_err(Slip::at("scrape_configs"))?,
            interval,
            timeout,
            bounds,
            honor_labels: raw.honor_labels,
            access: self.access(&raw.access),
        })
    }

    fn discoveries(&self, raw: &RawScrape) -> Vec<Discovery> {
        let group = |group: &RawStatic| TargetGroup {
            targets: group.targets.clone(),
            labels: group.labels.clone(),
        };
        let files = |files: &RawFiles| Discovery::Files {
            patterns: files.files.iter().map(|pattern| self.path(pattern)).collect(),
            refresh: files.refresh_interval.as_ref().map_or(FILES_REFRESH, |length| length.0.0),
        };
        let names = |names: &RawDns| Discovery::Names {
            names: names.names.clone(),
            records: match names.r#type.as_deref() {
                Some("A") => Records::A,
                Some("AAAA") => Records::Aaaa,
                _ => Records::Srv,
            },
            port: names.port.unwrap_or_default(),
            refresh: names.refresh_interval.as_ref().map_or(NAMES_REFRESH, |length| length.0.0),
        };
        std::iter::once(Discovery::Static(raw.static_configs.iter().map(group).collect()))
            .chain(raw.file_sd_configs.iter().map(files))
            .chain(raw.dns_sd_configs.iter().map(names))
            .collect()
    }

    fn backends(
        &self,
        raw: &BTreeMap<String, RawBackend>,
    ) -> Result<BTreeMap<String, Backend>, Slip> {
        let backend = |(name, raw): (&String, &RawBackend)| {
            let backend = Backend {
                url: Url::parse(&raw.url).map_err(Slip::at("backends"))?,
                timeout: raw.timeout.as_ref().map_or(TIMEOUT, |length| length.0.0),
                interval: raw.interval.as_ref().map_or(ASKED_EVERY, |length| length.0.0),
                retention: raw.retention.as_ref().map(|length| length.0.0),
                access: self.access(&raw.access),
            };
            Ok((name.clone(), backend))
        };
        raw.iter().map(backend).collect()
    }

    fn alertmanagers(&self, raw: &RawAlertmanager) -> Result<Vec<Alertmanager>, Slip> {
        let scheme = raw.scheme.as_deref().unwrap_or("http");
        let prefix = raw.path_prefix.as_deref().unwrap_or("/");
        let addresses = raw.static_configs.iter().flat_map(|group| &group.targets);
        addresses
            .map(|address| {
                let url = Url::parse(&format!("{scheme}://{address}{prefix}"));
                Ok(Alertmanager {
                    url: url.map_err(Slip::at("alerting.alertmanagers"))?,
                    timeout: raw.timeout.as_ref().map_or(TIMEOUT, |length| length.0.0),
                    access: self.access(&raw.access),
                })
            })
            .collect()
    }

    fn access(&self, raw: &RawAccess) -> Access {
        let credentials = match (&raw.basic_auth, &raw.authorization) {
            (Some(basic), _) => Credentials::Basic {
                username: basic.username.clone(),
                password: self.secret(&basic.password, &basic.password_file),
            },
            (None, Some(header)) => Credentials::Header {
                scheme: header.r#type.clone().unwrap_or_else(|| "Bearer".into()),
                credentials: self.secret(&header.credentials, &header.credentials_file),
            },
            (None, None) => Credentials::None,
        };
        Access { credentials, tls: self.tls(&raw.tls_config) }
    }

    pub(super) fn tls(&self, raw: &RawTls) -> Tls {
        let identity = match (&raw.cert_file, &raw.key_file) {
            (Some(cert), Some(key)) => {
                Some(TlsIdentity { cert_file: self.path(cert), key_file: self.path(key) })
            }
            _ => None,
        };
        let ca_file = raw.ca_file.as_deref().map(|file| self.path(file));
        Tls { ca_file, identity, insecure_skip_verify: raw.insecure_skip_verify }
    }

    fn secret(&self, inline: &Option<String>, file: &Option<String>) -> Secret {
        match file {
            Some(file) => Secret::File(self.path(file)),
            None => Secret::Inline(inline.clone().unwrap_or_default()),
        }
    }
}

fn expected(raw: &RawPush) -> (String, Duration) {
    (raw.job_name.clone(), raw.expect_every.0.0)
}

fn labels(raw: &BTreeMap<String, String>) -> Result<Labels, LabelError> {
    Labels::new(raw.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Prometheus's 0 means no limit of its own.
trait MinNonzero {
    fn min_nonzero(self, other: Self) -> Self;
}

impl MinNonzero for u64 {
    fn min_nonzero(self, other: Self) -> Self {
        if self == 0 { other } else { self.min(other) }
    }
}
