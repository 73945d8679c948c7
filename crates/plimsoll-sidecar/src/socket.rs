//! A Unix socket that takes a command and answers it once.

use crate::Reason;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Bytes of an answer; whoever says more says something else.
const ANSWER_MAX: u64 = 16 << 20;

/// Says `command` and returns what is answered until the other side closes.
pub(crate) async fn ask(path: &Path, command: &str) -> Result<String, Reason> {
    let broken = |what: &str, error: std::io::Error| {
        Reason::new(format_args!("{} {what}: {error}", path.display()))
    };
    let stream = UnixStream::connect(path).await;
    let mut stream = stream.map_err(|error| broken("takes no connection", error))?;
    let said = stream.write_all(format!("{command}\n").as_bytes()).await;
    said.map_err(|error| broken("takes no command", error))?;
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_MAX).read_to_end(&mut answer).await;
    read.map_err(|error| broken("can't be read whole", error))?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
