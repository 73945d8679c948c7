use super::NamedSlos;
use anyhow::{Context, bail};
use plimsoll_slo::{Policy, Slo};
use serde_yaml::Value;
use std::path::PathBuf;

/// Returns the SLOs of the files as they would be under another policy.
pub(crate) fn under(name: &str, files: &[PathBuf], sets: &[NamedSlos]) -> anyhow::Result<Vec<Slo>> {
    if let Some(policy) = Policy::builtin(name) {
        let slos = sets.iter().flat_map(|(_, slos)| slos.iter());
        return Ok(slos.map(|slo| with(policy.clone(), slo)).collect());
    }
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} can't be read", file.display()))?;
        let mut document: Value = serde_yaml::from_str(&text)?;
        if document["policies"][name].is_null() {
            bail!("{}: defines no policy {name}: add it under `policies`", file.display());
        }
        let slos = document["slos"].as_sequence_mut().into_iter().flatten();
        slos.for_each(|slo| set_policy(slo, name));
        let changed = serde_yaml::to_string(&document)?;
        let read = plimsoll_spec::read(&file.display().to_string(), &changed);
        let read = read.map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("under policy {name}: {}", faults.join("\n"))
        })?;
        found.extend(read.slos);
    }
    Ok(found)
}

fn with(policy: Policy, slo: &Slo) -> Slo {
    let mut slo = slo.clone();
    let mut policy = policy.for_period(slo.period.nominal());
    policy.split_off_unreachable(slo.objective);
    slo.alerting.policy = policy;
    slo
}

fn set_policy(slo: &mut Value, name: &str) {
    let Value::Mapping(slo) = slo else { return };
    let alerting =
        slo.entry("alerting".into()).or_insert_with(|| Value::Mapping(Default::default()));
    if let Value::Mapping(alerting) = alerting {
        alerting.insert("policy".into(), name.into());
    }
}
