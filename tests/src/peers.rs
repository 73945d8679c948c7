//! The servers that `cargo xtask peers` builds.

use std::path::{Path, PathBuf};

/// Where Prometheus 3.15 lies; none, and a line that says so, when it isn't built.
pub fn prometheus() -> Option<PathBuf> {
    find("prometheus-0.315.0", "prometheus")
}

/// Where the Collector lies; none, and a line that says so, when it isn't built.
pub fn collector() -> Option<PathBuf> {
    find("collector-0.159.0", "otelcol")
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
    let missing = format!("{} isn't built: run cargo xtask peers", path.display());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    #[allow(clippy::print_stdout, reason = "a test that is left out says so")]
    {
        println!("left out: {missing}");
    }
    None
}
