//! Whoever started the process speaks on standard input, a line at a time, and is answered on standard
//! output. When that pipe closes, because its other end stopped us or is gone, the process ends: nobody
//! is left behind, not even by `kill -9`.

use crate::faults::Faults;
use serde::Serialize;
use std::io::{self, BufRead, Write};
use tokio::sync::oneshot;

/// Obeys on a thread of its own. The receiver is ready when the owner is gone.
///
/// # Errors
/// The operating system refuses a thread.
pub(crate) fn obey<T: Serialize>(
    faults: Faults,
    tell: impl Fn() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<()>> {
    let (gone, is_gone) = oneshot::channel();
    std::thread::Builder::new().name("owner".into()).spawn(move || {
        let spoken = io::stdin().lock().lines().map_while(Result::ok);
        converse(spoken, &faults, tell, io::stdout());
        // Nobody waits for it if the process ends already.
        let _ = gone.send(());
    })?;
    Ok(is_gone)
}

/// Says the first line: where the process can be found, or that it is ready.
///
/// # Errors
/// Nobody is there to read it.
pub(crate) fn greet(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// `break NAME…` says which faults are on, `tell` asks for what is known.
fn converse<T: Serialize>(
    spoken: impl Iterator<Item = String>,
    faults: &Faults,
    tell: impl Fn() -> T,
    mut out: impl Write,
) {
    for line in spoken {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("break") => faults.set(words),
            Some("tell") => {
                let answer = serde_json::to_string(&tell()).unwrap_or_default();
                if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
                    return;
                }
            }
            _ => tracing::warn!(line, "isn't understood"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{LOCK_HOG, SLOW_DEPENDENCY};

    #[test]
    fn it_breaks_what_it_is_told_to_and_answers_with_a_line() {
        let faults = Faults::default();
        let mut out = Vec::new();
        let spoken = ["break lock-hog", "", "tell", "what"].map(str::to_owned).into_iter();
        converse(spoken, &faults, || 7, &mut out);
        assert_eq!(out, b"7\n");
        assert!(faults.is_on(LOCK_HOG) && !faults.is_on(SLOW_DEPENDENCY));
        converse(["break".to_owned()].into_iter(), &faults, || 7, io::sink());
        assert!(!faults.is_on(LOCK_HOG));
    }
}
