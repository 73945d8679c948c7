//! The Collector's configuration: its structure. `tests/otel.rs` runs a Collector with it.

use crate::read;
use serde_yaml::Value;
use std::collections::BTreeSet;

/// The component types that the configuration may use, as the contrib distribution v0.159 names
/// them.
const TYPES: [(&str, &[&str]); 4] = [
    ("receivers", &["otlp", "prometheus"]),
    ("processors", &["memory_limiter", "batch"]),
    ("exporters", &["prometheus", "prometheus_remote_write", "otlp_http"]),
    ("extensions", &["health_check", "file_storage"]),
];

fn config() -> Value {
    serde_yaml::from_str(&read("collector-config/otel-collector.yaml")).unwrap()
}

fn defined(config: &Value, kind: &str) -> BTreeSet<String> {
    let section = config[kind].as_mapping().unwrap_or_else(|| panic!("no {kind}"));
    section.keys().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn names(list: &Value) -> Vec<String> {
    list.as_sequence().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn used(config: &Value, kind: &str) -> BTreeSet<String> {
    if kind == "extensions" {
        return names(&config["service"]["extensions"]).into_iter().collect();
    }
    let pipelines = config["service"]["pipelines"].as_mapping().unwrap();
    pipelines.values().flat_map(|pipeline| names(&pipeline[kind])).collect()
}

#[test]
fn every_component_in_use_is_defined_and_every_defined_one_in_use() {
    let config = config();
    for (kind, _) in TYPES {
        assert_eq!(used(&config, kind), defined(&config, kind), "{kind}");
    }
}

#[test]
fn every_component_has_a_type_that_the_distribution_has() {
    let config = config();
    for (kind, types) in TYPES {
        for name in defined(&config, kind) {
            let kind_of = name.split('/').next().unwrap();
            assert!(types.contains(&kind_of), "{kind}: {name}");
        }
    }
}

#[test]
fn a_pipeline_limits_memory_first_and_batches_last() {
    let config = config();
    for (name, pipeline) in config["service"]["pipelines"].as_mapping().unwrap() {
        let processors = names(&pipeline["processors"]);
        assert_eq!(processors.first().map(String::as_str), Some("memory_limiter"), "{name:?}");
        assert_eq!(processors.last().map(String::as_str), Some("batch"), "{name:?}");
        for kind in ["receivers", "exporters"] {
            assert!(!names(&pipeline[kind]).is_empty(), "{name:?} has no {kind}");
        }
    }
}

#[test]
fn an_exporter_with_a_stored_queue_names_a_defined_store() {
    let config = config();
    for (name, exporter) in config["exporters"].as_mapping().unwrap() {
        if let Some(storage) = exporter["sending_queue"]["storage"].as_str() {
            assert!(used(&config, "extensions").contains(storage), "{name:?}: {storage}");
        }
    }
}

#[test]
fn everything_listens_on_loopback() {
    let config = config();
    let receiver = &config["receivers"]["otlp"]["protocols"];
    for endpoint in [
        &receiver["grpc"]["endpoint"],
        &receiver["http"]["endpoint"],
        &config["exporters"]["prometheus"]["endpoint"],
        &config["extensions"]["health_check"]["endpoint"],
    ] {
        let endpoint = endpoint.as_str().unwrap();
        assert!(endpoint.starts_with("127.0.0.1:"), "{endpoint}");
    }
}
