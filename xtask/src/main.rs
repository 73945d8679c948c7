//! The project's own chores: `cargo xtask generate [--check]`.

use std::path::Path;
use std::process::ExitCode;

mod generate;

const USAGE: &str = "usage: cargo xtask generate [--check]";

#[allow(clippy::print_stderr)] // a chore speaks to the person who runs it
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = match words.as_slice() {
        ["generate"] => generate::write(&root),
        ["generate", "--check"] => generate::check(&root),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
