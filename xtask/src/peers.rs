//! The servers that Debian doesn't have, built once from their pinned sources.

use crate::root;
use crate::run::{Failure, step};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The versions, which are also where `tests/src/peers.rs` looks.
const PROMETHEUS: &str = "prometheus-0.315.0";
const COLLECTOR: &str = "collector-0.159.0";

/// The Collector's own builder; newer than the parts, which it takes as they are.
const BUILDER: &str = "go.opentelemetry.io/collector/cmd/builder@v0.164.0";

/// Makes sure that the peers are there: builds what is missing, which takes minutes the first time.
///
/// # Errors
/// A build failed, or Go is absent under `CI=true`. Elsewhere the tests that need the peers are left
/// out, and one line says so.
pub(crate) fn ensure() -> Result<(), Failure> {
    let folder = folder()?;
    let prometheus = folder.join(PROMETHEUS);
    let collector = folder.join(COLLECTOR);
    let has_prometheus =
        ["prometheus", "promtool", "decode"].iter().all(|name| prometheus.join(name).exists());
    let has_collector = collector.join("otelcol").exists();
    if has_prometheus && has_collector {
        return Ok(());
    }
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        let missing = "Go isn't installed: Prometheus 3 and the Collector can't be built";
        if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
            return Err(Failure::Missing(missing.into()));
        }
        println!("{missing}, and the tests that need them are left out");
        return Ok(());
    }
    if !has_prometheus {
        build_prometheus(&prometheus)?;
    }
    if !has_collector {
        build_collector(&folder, &collector)?;
    }
    Ok(())
}

fn folder() -> Result<PathBuf, Failure> {
    if let Some(folder) = std::env::var_os("PLIMSOLL_PEERS") {
        return Ok(folder.into());
    }
    let home = std::env::var_os("HOME")
        .ok_or_else(|| Failure::Usage("set PLIMSOLL_PEERS: there is no HOME".into()))?;
    Ok(Path::new(&home).join(".cache/plimsoll/peers"))
}

fn build_prometheus(folder: &Path) -> Result<(), Failure> {
    make(folder)?;
    let source = root().join("tests/peers/prometheus");
    let packages = [
        ("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
        ("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
        // Ours: it measures their parser.
        ("decode", "./decode"),
    ];
    for (program, package) in packages {
        if folder.join(program).exists() {
            continue;
        }
        // Under another name until it is whole, so that a build that is stopped isn't found.
        let part = folder.join(format!("{program}.part"));
        let mut build = go(&source);
        build.args(["build", "-o"]).arg(&part).arg(package);
        step(&format!("build {PROMETHEUS}/{program} (once, about 4 minutes)"), &mut build)?;
        std::fs::rename(&part, folder.join(program)).map_err(|error| io(folder, &error))?;
    }
    Ok(())
}

fn build_collector(peers: &Path, folder: &Path) -> Result<(), Failure> {
    let sources = folder.join("sources");
    make(&sources)?;
    let mut install = go(peers);
    step("build the Collector's builder", install.args(["install", BUILDER]).env("GOBIN", folder))?;
    let manifest = std::fs::read_to_string(root().join("tests/peers/collector/manifest.yaml"))
        .map_err(|error| io(folder, &error))?
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
        .map_err(|error| io(folder, &error))
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
