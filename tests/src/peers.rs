//! The servers that `cargo xtask peers` builds.

use std::path::{Path, PathBuf};

/// Where Prometheus 3.15 lies; none, and a line that says so, when it isn't built.
pub fn prometheus() -> Option<PathBuf> {
    find("prometheus-0.315.0", "prometheus")
}

/// Where promtool 3.15 lies; none, and a line that says so, when it isn't built.
pub fn promtool() -> Option<PathBuf> {
    find("prometheus-0.315.0", "promtool")
}

/// Where Thanos lies; none, and a line that says so, when it isn't built.
pub fn thanos() -> Option<PathBuf> {
    find("thanos-0.42.4", "thanos")
}

/// Where the program lies that reads resources with Kubernetes' and the Prometheus operator's own types;
/// none, and a line that says so, when it isn't built.
pub fn operator() -> Option<PathBuf> {
    find("operator-0.93.0-kubernetes-0.36.3", "strict")
}

/// Where kustomize lies; none, and a line that says so, when it isn't built.
pub fn kustomize() -> Option<PathBuf> {
    find("kustomize-5.8.0", "kustomize")
}

/// Where the Collector lies; none, and a line that says so, when it isn't built.
pub fn collector() -> Option<PathBuf> {
    find("collector-0.159.0", "otelcol")
}

/// Where the NATS server lies; none, and a line that says so, when it isn't built.
pub fn nats() -> Option<PathBuf> {
    find("nats-2.15.2", "nats-server")
}

/// Where the folder of Kafka's jars lies; none, and a line that says so, when it isn't fetched.
pub fn kafka() -> Option<PathBuf> {
    find("kafka-4.1.0", "jars")
}

/// Where Go's own command is; none, and a line that says so, when it isn't installed.
pub fn go() -> Option<PathBuf> {
    installed("go", "https://go.dev/doc/install")
}

/// Where Java is; none, and a line that says so, when it isn't installed.
pub fn java() -> Option<PathBuf> {
    installed("java", "apt-get install default-jdk-headless")
}

/// # Panics
/// It isn't there under `CI=true`.
fn installed(program: &str, how: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(program));
    let found = found.find(|path| path.exists());
    if found.is_none() {
        left_out(&format!("{program} isn't installed: {how}"));
    }
    found
}

/// # Panics
/// It isn't built under `CI=true`.
fn find(version: &str, program: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PLIMSOLL_PEERS")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache/plimsoll/peers")))?;
    let path = folder.join(version).join(program);
    if path.exists() {
        return Some(path);
    }
    left_out(&format!("{} isn't built: run cargo xtask peers", path.display()));
    None
}

/// Says that a test is left out, and why.
///
/// # Panics
/// Under `CI=true`, where none may be.
fn left_out(missing: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    #[allow(clippy::print_stdout, reason = "a test that is left out says so")]
    {
        println!("left out: {missing}");
    }
}
