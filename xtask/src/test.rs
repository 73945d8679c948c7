//! Everything that has to hold before a change lands.

use crate::run::{Failure, cargo, step};
use crate::{end_to_end, needs, peers, soak};
use std::process::Command;
use std::time::Duration;

/// Long enough for the allocator to settle and for a leak a scrape to show; `cargo xtask soak` is
/// the long form.
const SHORT_SOAK: Duration = Duration::from_secs(45);

/// Runs every test there is, the end-to-end ones against real servers included.
///
/// # Errors
/// The first step that fails.
pub(crate) fn everything() -> Result<(), Failure> {
    needs::ensure()?;
    peers::ensure()?;
    tidy()?;
    step("unit tests", &mut cargo(&["test", "--workspace", "--exclude", "plimsoll-tests"]))?;
    page()?;
    loom()?;
    release()?;
    end_to_end::run()?;
    soak::watch(SHORT_SOAK)?;
    println!("\nall tests passed");
    Ok(())
}

/// Runs what needs no server.
///
/// # Errors
/// The first step that fails.
pub(crate) fn quick() -> Result<(), Failure> {
    tidy()?;
    step("unit tests", &mut cargo(&["test", "--workspace", "--exclude", "plimsoll-tests"]))
}

/// Runs what needs servers.
///
/// # Errors
/// The first step that fails.
pub(crate) fn end_to_end() -> Result<(), Failure> {
    needs::ensure()?;
    peers::ensure()?;
    release()?;
    end_to_end::run()
}

fn release() -> Result<(), Failure> {
    step("release build", &mut cargo(&["build", "--release", "--package", "plimsoll-cli"]))
}

fn tidy() -> Result<(), Failure> {
    step("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    step(
        "clippy",
        &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    )?;
    step(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

/// The page's own modules run in Node without a browser; they have no dependency to install.
fn page() -> Result<(), Failure> {
    step(
        "page tests",
        Command::new("node")
            .args(["--test", "page-tests/"])
            .current_dir(crate::root().join("crates/plimsoll-daemon")),
    )
}

/// Loom explores every interleaving of the recorder's logs; it needs a build of its own, because the
/// atomics are loom's there. The models of plimsoll-context and plimsoll-cache are unit tests: they
/// compile one file with loom's types, since what those crates depend on can't be built for loom.
fn loom() -> Result<(), Failure> {
    step(
        "loom",
        cargo(&["test", "--release", "--package", "plimsoll-record", "--lib", "models"])
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", "target/loom"),
    )
}
