//! The examples for Kubernetes: rendered by kustomize, read strictly into the published types.

use crate::{read, root};
use plimsoll_tests::peers;
use serde_yaml::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const FOLDER: &str = "examples/sidecar/kubernetes";

fn render(kustomize: &Path, what: &str) -> String {
    let folder = root().join(FOLDER).join(what);
    let output = Command::new(kustomize).arg("build").arg(&folder).output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the kinds and names of the resources, or what is wrong with them.
fn strictly(strict: &Path, text: &str) -> Result<String, String> {
    let mut child = Command::new(strict)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(said(output.stdout)) } else { Err(said(output.stderr)) }
}

fn resources(text: &str) -> Vec<Value> {
    text.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}

fn of_kind<'a>(resources: &'a [Value], kind: &str) -> &'a Value {
    resources.iter().find(|resource| resource["kind"] == kind).unwrap()
}

#[test]
fn every_overlay_is_read_by_the_published_types_and_nothing_misspelt() {
    let (Some(kustomize), Some(strict)) = (peers::kustomize(), peers::operator()) else { return };
    for (what, kinds) in [
        ("base", "ConfigMap Service Deployment PodMonitor"),
        ("overlays/plain-container", "ConfigMap Service Deployment PodMonitor"),
        ("overlays/processes", "ConfigMap Service Deployment PodMonitor"),
        ("daemonset", "ServiceAccount ConfigMap Service DaemonSet ServiceMonitor"),
    ] {
        let text = render(&kustomize, what);
        let read = strictly(&strict, &text).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let found: Vec<&str> = read.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(found.join(" "), kinds, "{what}");
        for (right, wrong) in [
            ("readOnlyRootFilesystem", "readonlyRootFilesystem"),
            ("scrapeTimeout: 5s", "scrapeTimout: 5s"),
            ("failureThreshold: 3", "failureThreshold: three"),
        ] {
            let misspelt = text.replacen(right, wrong, 1);
            assert_ne!(misspelt, text, "{what} has no {right}");
            strictly(&strict, &misspelt).unwrap_err();
        }
    }
}

#[test]
fn the_sidecar_starts_first_is_nobody_and_can_write_nothing() {
    let Some(kustomize) = peers::kustomize() else { return };
    let resources = resources(&render(&kustomize, "base"));
    let deployment = of_kind(&resources, "Deployment");
    let sidecar = &deployment["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(sidecar["restartPolicy"], "Always");
    assert_eq!(sidecar["startupProbe"]["httpGet"]["path"], "/-/ready");
    let security = &sidecar["securityContext"];
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"]["drop"][0], "ALL");

    let plain = self::resources(&render(&kustomize, "overlays/plain-container"));
    let pod = &of_kind(&plain, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"], Value::Null);
    assert_eq!(pod["containers"][1]["name"], "plimsoll");
    assert_eq!(pod["containers"][1]["restartPolicy"], Value::Null);
}

#[test]
fn what_is_scraped_is_what_the_sidecars_have() {
    let Some(kustomize) = peers::kustomize() else { return };
    let base = resources(&render(&kustomize, "base"));
    let pod = &of_kind(&base, "Deployment")["spec"]["template"];
    let monitor = &of_kind(&base, "PodMonitor")["spec"];
    for (label, value) in monitor["selector"]["matchLabels"].as_mapping().unwrap() {
        assert_eq!(pod["metadata"]["labels"][label], *value);
    }
    let port = &pod["spec"]["initContainers"][0]["ports"][0]["name"];
    assert_eq!(monitor["podMetricsEndpoints"][0]["port"], *port);

    let node = resources(&render(&kustomize, "daemonset"));
    let service = of_kind(&node, "Service");
    let monitor = &of_kind(&node, "ServiceMonitor")["spec"];
    for (label, value) in monitor["selector"]["matchLabels"].as_mapping().unwrap() {
        assert_eq!(service["metadata"]["labels"][label], *value);
    }
    assert_eq!(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let pod = &of_kind(&node, "DaemonSet")["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"], service["spec"]["selector"]);
}

#[test]
fn the_flags_and_the_files_of_the_examples_are_those_of_the_command() {
    let help = read("crates/plimsoll-cli/tests/commands/sidecar.trycmd");
    for file in ["component/native.yaml", "daemonset/daemonset.yaml"] {
        let text = read(&format!("{FOLDER}/{file}"));
        let flags: Vec<&str> = text
            .split(|character: char| !(character.is_ascii_lowercase() || character == '-'))
            .filter(|word| word.starts_with("--"))
            .collect();
        assert!(flags.len() >= 2, "{file}: {flags:?}");
        for flag in flags {
            assert!(help.contains(&format!(" {flag} ")), "{file}: {flag} isn't in --help");
        }
    }
    let files = ["component", "overlays/processes", "daemonset"];
    let files = files.map(|folder| format!("{FOLDER}/{folder}/sidecar.yml"));
    let own = ["sidecar.yml", "every-collector.yml"].map(|file| format!("examples/sidecar/{file}"));
    for file in files.into_iter().chain(own) {
        let config = plimsoll_sidecar::Config::parse(&file, &read(&file));
        let config = config.unwrap_or_else(|faults| panic!("{faults:?}"));
        assert!(!config.collectors.is_empty(), "{file}");
    }
}
