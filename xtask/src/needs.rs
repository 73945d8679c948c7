//! What the tests and benchmarks need from Debian, and how it gets there without starting a service.

use crate::run::{Failure, step};
use std::path::Path;
use std::process::Command;

/// A program that is run, and the package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { program: "prometheus", package: "prometheus" },
    Need { program: "promtool", package: "prometheus" },
    Need { program: "prometheus-alertmanager", package: "prometheus-alertmanager" },
    Need { program: "amtool", package: "prometheus-alertmanager" },
    Need { program: "redis-server", package: "redis-server" },
    Need { program: "pg_ctlcluster", package: "postgresql" },
    Need { program: "pgbouncer", package: "pgbouncer" },
    Need { program: "nginx", package: "nginx-light" },
    Need { program: "haproxy", package: "haproxy" },
    Need { program: "chromium", package: "chromium" },
    Need { program: "chromedriver", package: "chromium-driver" },
    Need { program: "node", package: "nodejs" },
    Need { program: "python3", package: "python3" },
    Need { program: "javac", package: "default-jdk-headless" },
    Need { program: "mvn", package: "maven" },
    Need { program: "rabbitmq-server", package: "rabbitmq-server" },
    Need { program: "amqp-consume", package: "amqp-tools" },
    Need { program: "systemd-analyze", package: "systemd" },
    Need { program: "cc", package: "build-essential" },
];

/// The field's exporters, beside which the sidecar is measured.
const EXPORTERS: &[Need] = &[
    Need { program: "prometheus-process-exporter", package: "prometheus-process-exporter" },
    Need { program: "prometheus-postgres-exporter", package: "prometheus-postgres-exporter" },
    Need { program: "prometheus-redis-exporter", package: "prometheus-redis-exporter" },
    Need { program: "prometheus-nginx-exporter", package: "prometheus-nginx-exporter" },
];

/// Makes sure that all that the tests need is there; installs it as root.
///
/// # Errors
/// Something is missing and this user isn't root (the message is the line to run), or `apt-get`
/// failed.
pub(crate) fn ensure() -> Result<(), Failure> {
    ensure_all(NEEDS)
}

/// Makes sure that the exporters are there; installs them as root.
///
/// # Errors
/// As [`ensure`].
pub(crate) fn ensure_exporters() -> Result<(), Failure> {
    ensure_all(EXPORTERS)
}

fn ensure_all(needs: &[Need]) -> Result<(), Failure> {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install --no-install-recommends -y {}", packages.join(" "));
    if !is_root() {
        return Err(Failure::Missing(format!("more is needed; run: sudo {line}")));
    }
    let guard = NoServices::raise()?;
    step("apt-get update", Command::new("apt-get").args(["-qq", "update"]))?;
    let mut install = Command::new("apt-get");
    install.args(["-qq", "install", "--no-install-recommends", "-y"]).args(&packages);
    step(&line, install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    drop(guard);
    match missing(needs).as_slice() {
        [] => Ok(()),
        still => Err(Failure::Missing(format!("still missing after apt-get: {}", still.join(" ")))),
    }
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<&str> =
        needs.iter().filter(|need| !is_installed(need.program)).map(|need| need.package).collect();
    packages.dedup();
    packages
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Debian's packages start their services unless this file says otherwise; it stands only while
/// they are installed.
struct NoServices {
    raised: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn raise() -> Result<Self, Failure> {
        if Path::new(POLICY).exists() {
            return Ok(Self { raised: false });
        }
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")
            .map_err(|error| Failure::Step(format!("writing {POLICY}: {error}")))?;
        let guard = Self { raised: true };
        step("keep services from starting", Command::new("chmod").args(["755", POLICY]))?;
        Ok(guard)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.raised {
            let _ = std::fs::remove_file(POLICY);
        }
    }
}
