//! From a discovered address to a target: its labels are relabelled, and what they say then is
//! what is scraped.

use crate::config::{Job, TargetGroup};
use plimsoll_model::Labels;
use plimsoll_spec::Length;
use plimsoll_store::{LabelMap, Target};
use reqwest::Url;
use std::collections::BTreeMap;
use std::time::Duration;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAMETER: &str = "__param_";

/// Labels that begin so are gone once a target is made.
const HIDDEN: &str = "__";

/// One address that is scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScrapeTarget {
    pub(crate) target: Target,
    pub(crate) url: Url,
    pub(crate) timeout: Duration,
}

impl ScrapeTarget {
    /// Returns what tells it from every other of its job.
    pub(super) fn key(&self) -> String {
        let Target { job, instance, labels, .. } = &self.target;
        format!("{job}\n{instance}\n{labels}\n{}", self.url)
    }
}

/// Makes the targets of `groups`, each once, by key; those that can't be are told in words.
pub(super) fn targets(
    job: &Job,
    groups: &[TargetGroup],
) -> (BTreeMap<String, ScrapeTarget>, Vec<String>) {
    let (mut targets, mut wrong) = (BTreeMap::new(), Vec::new());
    for group in groups {
        for address in &group.targets {
            match target(job, &group.labels, address) {
                Ok(Some(target)) => drop(targets.insert(target.key(), target)),
                Ok(None) => {}
                Err(reason) => wrong.push(format!("{address}: {reason}")),
            }
        }
    }
    (targets, wrong)
}

/// Makes one target; `None` when relabelling drops it.
fn target(job: &Job, group: &LabelMap, address: &str) -> Result<Option<ScrapeTarget>, String> {
    let mut labels = discovered(job, group, address);
    if !job.relabeling.apply(&mut labels) {
        return Ok(None);
    }
    let get = |name: &str| labels.get(name).map_or("", String::as_str);
    let url = url(job, &labels)?;
    let interval = length(get(INTERVAL), INTERVAL)?;
    if interval < job.interval {
        return Err(format!("{INTERVAL} is shorter than the job's scrape_interval"));
    }
    let timeout = length(get(TIMEOUT), TIMEOUT)?.min(interval);
    let instance = match get("instance") {
        "" => get(ADDRESS).to_owned(),
        instance => instance.to_owned(),
    };
    let own = ["job", "instance"];
    let shown = labels
        .iter()
        .filter(|(name, _)| !name.starts_with(HIDDEN) && !own.contains(&name.as_str()));
    let shown = shown.map(|(name, value)| (name.as_str(), value.as_str()));
    let target = Target {
        job: get("job").to_owned(),
        instance,
        labels: Labels::new(shown).map_err(|error| error.to_string())?,
        interval,
        honor_labels: job.honor_labels,
        relabeling: job.metric_relabeling.clone(),
    };
    Ok(Some(ScrapeTarget { target, url, timeout }))
}

/// Returns what relabelling sees; what a group says itself goes before what the job says.
fn discovered(job: &Job, group: &LabelMap, address: &str) -> LabelMap {
    let mut labels = group.clone();
    labels.insert(ADDRESS.into(), address.into());
    let own = [
        ("job".to_owned(), job.name.clone()),
        (SCHEME.into(), job.scheme.clone()),
        (PATH.into(), job.metrics_path.clone()),
        (INTERVAL.into(), plimsoll_slo::length_name(job.interval)),
        (TIMEOUT.into(), plimsoll_slo::length_name(job.timeout)),
    ];
    let parameters = job
        .params
        .iter()
        .filter_map(|(name, values)| Some((format!("{PARAMETER}{name}"), values.first()?.clone())));
    for (name, value) in own.into_iter().chain(parameters) {
        labels.entry(name).or_insert(value);
    }
    labels
}

fn url(job: &Job, labels: &LabelMap) -> Result<Url, String> {
    let get = |name: &str| labels.get(name).map_or("", String::as_str);
    let (scheme, address) = (get(SCHEME), get(ADDRESS));
    if !matches!(scheme, "http" | "https") {
        return Err(format!("{SCHEME} is {scheme:?}, not http or https"));
    }
    if address.is_empty() || address.contains(['/', '?', '#', '@', ' ']) {
        return Err(format!("{ADDRESS} is {address:?}, not HOST:PORT"));
    }
    let mut url =
        Url::parse(&format!("{scheme}://{address}")).map_err(|error| error.to_string())?;
    url.set_path(get(PATH));
    let mut parameters = job.params.clone();
    for (name, value) in labels {
        if let Some(name) = name.strip_prefix(PARAMETER) {
            let values = parameters.entry(name.to_owned()).or_default();
            match values.first_mut() {
                Some(first) => first.clone_from(value),
                None => values.push(value.clone()),
            }
        }
    }
    for (name, values) in &parameters {
        for value in values {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Ok(url)
}

fn length(text: &str, name: &str) -> Result<Duration, String> {
    match text.parse::<Length>() {
        Ok(Length(length)) if !length.is_zero() => Ok(length),
        _ => Err(format!("{name} is {text:?}, not a length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Discovery};
    use std::path::Path;
    use std::process::Command;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The targets of a job that is written in one line.
    fn made(job: &str) -> (Vec<ScrapeTarget>, Vec<String>) {
        let text = format!("scrape_configs: [{{job_name: j, {job}}}]");
        let config = Config::parse(Path::new("a.yml"), &text).expect("good");
        let job = &config.jobs[0];
        let Discovery::Static(groups) = &job.discoveries[0] else { panic!("static") };
        let (targets, wrong) = targets(job, groups);
        (targets.into_values().collect(), wrong)
    }

    #[test]
    fn relabelling_says_what_is_scraped_and_what_it_is_called() {
        let (targets, wrong) = made(
            "params: {module: [http_2xx, more], match: [a b]}, \
             static_configs: [{targets: ['https://shop.test/?q'], labels: {zone: a, __x: y}}], \
             relabel_configs: [{source_labels: [__address__], target_label: __param_target}, \
             {source_labels: [__param_target], target_label: instance}, \
             {source_labels: [__x], target_label: x}, \
             {target_label: __address__, replacement: 'probe:9115'}, \
             {target_label: __metrics_path__, replacement: /probe}]",
        );
        assert_eq!(wrong, [""; 0]);
        let [one] = &targets[..] else { panic!("{targets:?}") };
        let query = "match=a+b&module=http_2xx&module=more&target=https%3A%2F%2Fshop.test%2F%3Fq";
        assert_eq!(one.url.as_str(), format!("http://probe:9115/probe?{query}"));
        assert_eq!((&*one.target.job, &*one.target.instance), ("j", "https://shop.test/?q"));
        assert_eq!(one.target.labels.to_string(), r#"{x="y",zone="a"}"#);
    }

    #[test]
    fn what_cannot_be_scraped_is_told_and_keeps_no_other_from_it() {
        let (targets, wrong) = made(
            "static_configs: [{targets: ['a:1', 'b:1', 'a:1', 'd:1']}], relabel_configs: [\
             {source_labels: [__address__], regex: 'b:.*', target_label: __scheme__, replacement: ftp}, \
             {source_labels: [__address__], regex: 'd:.*', action: drop}]",
        );
        assert_eq!(targets.len(), 1, "the same address twice is one target: {targets:?}");
        assert_eq!(wrong, [r#"b:1: __scheme__ is "ftp", not http or https"#]);
    }

    #[test]
    fn a_group_s_own_words_go_before_the_job_s() {
        let (targets, _) = made(
            "static_configs: [{targets: ['a:1'], labels: {__metrics_path__: /m, job: other, \
             __scrape_interval__: 5s}}]",
        );
        let one = &targets[0];
        assert_eq!((one.url.as_str(), &*one.target.job), ("http://a:1/m", "other"));
        assert_eq!(one.target.interval, Duration::from_secs(5));
    }

    /// Jobs in one line each, as Prometheus and this daemon read them.
    const JOBS: [&str; 8] = [
        "{job_name: j, static_configs: [{targets: ['a:1', 'b:2'], labels: {zone: x}}], relabel_configs: [\
         {source_labels: [__address__], regex: '(.*):.*', target_label: host}, \
         {source_labels: [host], regex: b, action: drop}]}",
        "{job_name: j, static_configs: [{targets: ['a:1', 'b:2']}], relabel_configs: [\
         {source_labels: [__address__, job], separator: '/', regex: 'b:2/j', action: keep}]}",
        "{job_name: j, static_configs: [{targets: ['a:1'], labels: {__meta_x_one: '1', __meta_x_two: '2', y: ''}}], \
         relabel_configs: [{regex: '__meta_x_(.+)', action: labelmap}, {regex: two, action: labeldrop}]}",
        "{job_name: j, static_configs: [{targets: ['a:1'], labels: {zone: eu-west, team: t}}], relabel_configs: [\
         {regex: '__.*|zone', action: labelkeep}, {source_labels: [zone], regex: '(.*)-(.*)', \
         replacement: '$2.${1}', target_label: 'z_${1}'}]}",
        "{job_name: j, params: {module: [m, n]}, static_configs: [{targets: ['http://x.test']}], relabel_configs: [\
         {source_labels: [__address__], target_label: __param_target}, \
         {source_labels: [__param_target], target_label: instance}, \
         {source_labels: [__param_module], target_label: module}, \
         {target_label: __address__, replacement: 'probe:9115'}]}",
        "{job_name: j, static_configs: [{targets: ['a:1'], labels: {a: foo}}], relabel_configs: [\
         {source_labels: [a], regex: 'f(o)(o)', target_label: a, replacement: 'x$1y'}, \
         {source_labels: [none], regex: '', target_label: b, replacement: was-empty}, \
         {source_labels: [a], regex: 'F.*', action: Replace, target_label: never}, \
         {target_label: job, replacement: other}]}",
        "{job_name: j, scheme: https, metrics_path: /m, scrape_interval: 7s, scrape_timeout: 3s, \
         static_configs: [{targets: ['a:1']}], relabel_configs: [{source_labels: [__scheme__, __metrics_path__, \
         __scrape_interval__, __scrape_timeout__], target_label: all}]}",
        "{job_name: j, static_configs: [{targets: ['a:1', 'a:1', 'c:1']}], relabel_configs: [\
         {source_labels: [__address__], regex: 'c:1', target_label: __address__, replacement: 'a:1'}]}",
    ];

    /// Returns the label sets that Prometheus's own relabelling makes of the one job in `text`.
    fn by_promtool(text: &str) -> Vec<LabelMap> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plimsoll-relabel-{}-{number}.yml", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, text).expect("written");
        let output = Command::new("promtool")
            .args(["check", "service-discovery", "--timeout=200ms"])
            .arg(&file)
            .arg("j")
            .output()
            .expect("promtool is installed");
        drop(std::fs::remove_file(&file));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let sets = json.as_array().expect("targets").iter();
        let sets = sets.filter_map(|each| serde_json::from_value(each["labels"].clone()).ok());
        let shown = |labels: LabelMap| {
            let shown = labels.into_iter().filter(|(name, _)| !name.starts_with(HIDDEN));
            shown.collect::<LabelMap>()
        };
        let mut sets: Vec<LabelMap> = sets.map(shown).filter(|set| !set.is_empty()).collect();
        sets.sort();
        sets.dedup();
        sets
    }

    #[test]
    fn targets_are_called_as_prometheus_calls_them() {
        for job in JOBS {
            let text = format!("scrape_configs: [{job}]\n");
            let config = Config::parse(Path::new("a.yml"), &text)
                .unwrap_or_else(|faults| panic!("{job}: {faults:?}"));
            let Discovery::Static(groups) = &config.jobs[0].discoveries[0] else {
                panic!("static")
            };
            let (ours, wrong) = targets(&config.jobs[0], groups);
            assert_eq!(wrong, [""; 0], "{job}");
            let labels = |target: ScrapeTarget| {
                let own =
                    [("job", target.target.job.as_str()), ("instance", &target.target.instance)];
                let all = own.into_iter().chain(target.target.labels.iter());
                let all = all.filter(|(_, value)| !value.is_empty());
                all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<LabelMap>()
            };
            let mut ours: Vec<LabelMap> = ours.into_values().map(labels).collect();
            ours.sort();
            assert_eq!(ours, by_promtool(&text), "{job}");
        }
    }
}
