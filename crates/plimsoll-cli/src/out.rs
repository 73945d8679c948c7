//! What commands leave behind: text on standard output, and whole files.

use anyhow::Context;
use std::io::{self, Write};
use std::path::Path;

/// Writes to standard output; whoever has read enough may close it.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes beside the old file first, so that nobody finds half a file.
pub(crate) fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    std::fs::write(part, text)
        .and_then(|()| std::fs::rename(part, path))
        .with_context(|| format!("{} can't be written", path.display()))
}
