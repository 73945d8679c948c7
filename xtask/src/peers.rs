//! The servers that Debian doesn't have, built once from their pinned sources.

use crate::root;
use crate::run::{Failure, step};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The versions, which are also where `tests/src/peers.rs` looks.
const PROMETHEUS: &str = "prometheus-0.315.0";
const COLLECTOR: &str = "collector-0.159.0";
const THANOS: &str = "thanos-0.42.4";
const OPERATOR: &str = "operator-0.93.0-kubernetes-0.36.3";
const KUSTOMIZE: &str = "kustomize-5.8.0";
const NATS: &str = "nats-2.15.2";
const KAFKA: &str = "kafka-4.1.0";

/// The Collector's own builder; newer than the parts, which it takes as they are.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.164.0";

/// What renders the examples for Kubernetes.
const KUSTOMIZE_MODULE: &str = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.0";

/// The broker whose JetStream the sidecar looks at.
const NATS_MODULE: &str = "github.com/nats-io/nats-server/v2@v2.15.2";

/// Makes sure that the peers are there: builds what is missing, which takes minutes the first time.
///
/// # Errors
/// A build failed, or Go is absent under `CI=true`. Elsewhere the tests that need the peers are left
/// out, and one line says so.
pub(crate) fn ensure() -> Result<(), Failure> {
    let peers = folder()?;
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| !peer.is_built(&peers)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        let names: Vec<&str> = missing.iter().map(|peer| peer.version).collect();
        let missing = format!("Go isn't installed: {} can't be built", names.join(", "));
        if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
            return Err(Failure::Missing(missing));
        }
        println!("{missing}, and the tests that need them are left out");
        return Ok(());
    }
    missing.into_iter().try_for_each(|peer| (peer.build)(&peers))
}

/// What some tests run, and how it is built below the peers' folder.
struct Peer {
    version: &'static str,
    programs: &'static [&'static str],
    build: fn(&Path) -> Result<(), Failure>,
}

const PEERS: &[Peer] = &[
    Peer {
        version: PROMETHEUS,
        programs: &["prometheus", "promtool"],
        build: |peers| {
            build_module(
                peers,
                PROMETHEUS,
                "prometheus",
                "github.com/prometheus/prometheus/cmd/prometheus",
            )?;
            build_module(
                peers,
                PROMETHEUS,
                "prometheus",
                "github.com/prometheus/prometheus/cmd/promtool",
            )
        },
    },
    Peer { version: COLLECTOR, programs: &["otelcol"], build: build_collector },
    Peer {
        version: THANOS,
        programs: &["thanos"],
        build: |peers| {
            build_module(peers, THANOS, "thanos", "github.com/thanos-io/thanos/cmd/thanos")
        },
    },
    Peer {
        version: OPERATOR,
        programs: &["strict"],
        build: |peers| {
            build_module(peers, OPERATOR, "operator", "plimsoll-rs.dev/peers/operator/strict")
        },
    },
    Peer {
        version: KUSTOMIZE,
        programs: &["kustomize"],
        build: |peers| {
            let folder = peers.join(KUSTOMIZE);
            make(&folder)?;
            install("build kustomize", KUSTOMIZE_MODULE, &folder)
        },
    },
    Peer {
        version: NATS,
        programs: &["nats-server"],
        build: |peers| {
            let folder = peers.join(NATS);
            make(&folder)?;
            install("build NATS", NATS_MODULE, &folder)
        },
    },
    Peer { version: KAFKA, programs: &["jars"], build: fetch_kafka },
];

impl Peer {
    fn is_built(&self, peers: &Path) -> bool {
        self.programs.iter().all(|program| peers.join(self.version).join(program).exists())
    }
}

fn folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os("PLIMSOLL_PEERS") {
        return Ok(folder.into());
    }
    let home = std::env::var_os("HOME")
        .ok_or_else(|| Failure::Usage("set PLIMSOLL_PEERS: there is no HOME".into()))?;
    Ok(Path::new(&home).join(".cache/plimsoll/peers"))
}

/// Builds a program of the Go module in `tests/peers/MODULE`; it is called as its package's folder.
fn build_module(peers: &Path, version: &str, module: &str, package: &str) -> Result<(), Failure> {
    let folder = peers.join(version);
    make(&folder)?;
    let program = package.rsplit('/').next().unwrap_or(package);
    // Under another name until it is whole, so that a build that is stopped isn't found.
    let part = folder.join(format!("{program}.part"));
    let mut build = go(&root().join("tests/peers").join(module));
    build.args(["build", "-o"]).arg(&part);
    if version == THANOS {
        // Its labels and those of its Prometheus are of one kind only with this tag.
        build.args(["-tags", "slicelabels"]);
    }
    build.arg(package);
    step(&format!("build {version}/{program} (once, up to 5 minutes)"), &mut build)?;
    std::fs::rename(&part, folder.join(program)).map_err(|error| io(&folder, &error))
}

/// Builds what measures Prometheus' parser, at `program`. It is ours, so it is built each time, as
/// quickly as Go finds that nothing changed.
///
/// # Errors
/// Go is absent, or doesn't build it.
pub(crate) fn build_decode(program: &Path) -> Result<(), Failure> {
    let mut build = go(&root().join("tests/peers/prometheus"));
    build.args(["build", "-o"]).arg(program).arg("./decode");
    step("build Prometheus' parser", &mut build)
}

fn build_collector(peers: &Path) -> Result<(), Failure> {
    let folder = peers.join(COLLECTOR);
    let sources = folder.join("sources");
    make(&sources)?;
    install("build the Collector's builder", BUILDER, &folder)?;
    let manifest = std::fs::read_to_string(root().join("tests/peers/collector/manifest.yaml"))
        .map_err(|error| io(&folder, &error))?
        .replace("OUTPUT_PATH", &sources.display().to_string());
    let path = folder.join("manifest.yaml");
    std::fs::write(&path, manifest).map_err(|error| io(&path, &error))?;
    let mut build = Command::new(folder.join("builder"));
    build
        .args(["--skip-strict-versioning", "--config"])
        .arg(&path)
        .env("GOFLAGS", "-buildvcs=false");
    step(&format!("build {COLLECTOR} (once, about 8 minutes)"), &mut build)?;
    std::fs::rename(sources.join("otelcol"), folder.join("otelcol"))
        .map_err(|error| io(&folder, &error))
}

/// Builds a program of a module as it is published, into `folder`.
fn install(what: &str, module: &str, folder: &Path) -> Result<(), Failure> {
    step(what, go(folder).args(["install", module]).env("GOBIN", folder))
}

/// Kafka is a folder of jars, as Maven fetches them.
fn fetch_kafka(peers: &Path) -> Result<(), Failure> {
    let folder = peers.join(KAFKA);
    make(&folder)?;
    // Under another name until it is whole.
    let part = folder.join("jars.part");
    let mut fetch = Command::new("mvn");
    fetch.current_dir(root().join("tests/peers/kafka"));
    fetch.args(["-q", "-B", "dependency:copy-dependencies"]);
    fetch.arg(format!("-DoutputDirectory={}", part.display()));
    step("fetch Kafka", &mut fetch)?;
    std::fs::rename(&part, folder.join("jars")).map_err(|error| io(&folder, &error))
}

fn go(within: &Path) -> Command {
    let mut command = Command::new("go");
    command.current_dir(within).env("GOFLAGS", "-buildvcs=false");
    command
}

fn make(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| io(folder, &error))
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Step(format!("{}: {error}", path.display()))
}
