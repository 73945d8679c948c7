//! A past from elsewhere, while the daemon runs.

use super::Shared;
use super::problem::Problem;
use crate::imports::Import;
use crate::instant::rfc3339;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt;
use plimsoll_slo::Slo;
use plimsoll_store::{Archive, ArchiveError, Filled, ImportError, Past, Precedence};
use serde_json::{Value, json};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Pieces of a body that wait for the disk.
const PIECES: usize = 8;

/// The longest that a sender may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where what is sent is built until it is whole, below the data directory.
const FOLDER: &str = "import";

/// `POST /api/v1/import`: puts what a backup holds before what is known, and answers when that is on
/// disk. All of it or nothing.
pub(super) async fn import(
    State(shared): State<Arc<Shared>>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Ok(turn) = shared.import_turn.clone().try_lock_owned() else {
        let detail = "another import is being taken in: wait until it is over";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    };
    let mut slos: Vec<Arc<Slo>> = Vec::new();
    for view in &shared.seen().await.slos {
        if !slos.iter().any(|slo| Arc::ptr_eq(slo, &view.slo)) {
            slos.push(view.slo.clone());
        }
    }
    let room = shared.keeper.room().await.map_err(|error| failed(&error))?;
    let folder = shared.about.data_dir.join(FOLDER);
    let (pieces, received) = mpsc::channel(PIECES);
    let read = tokio::task::spawn_blocking(move || {
        let past = read(&folder, received, room, slos);
        let _ = std::fs::remove_dir_all(&folder);
        (past, turn)
    });
    pass_on(body, pieces).await?;
    // The turn ends with the answer, so that nobody comes in between.
    let (past, _turn) = read.await.map_err(|error| failed(&error))?;
    let past = past?;
    let (answer, answered) = oneshot::channel();
    shared.imports.put(Import { past, answer });
    let found = answered.await.map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping; import it again")
    })?;
    let found = found.map_err(|error| {
        let detail = format!(
            "it counts, but isn't on disk yet: {error}; the daemon tries again every ten seconds"
        );
        Problem::new(StatusCode::INSUFFICIENT_STORAGE, detail)
    })?;
    Ok(Json(shape(&found)))
}

/// Hands a body on piece by piece; an end without the last line is found by whoever reads it.
async fn pass_on(body: Body, pieces: mpsc::Sender<Bytes>) -> Result<(), Problem> {
    let mut body = body.into_data_stream();
    loop {
        let next = tokio::time::timeout(PATIENCE, body.next()).await;
        let Ok(next) = next else {
            let detail = "nothing came for thirty seconds; nothing was taken in";
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail));
        };
        // A sender that broke off has sent no last line.
        let Some(Ok(piece)) = next else { return Ok(()) };
        if pieces.send(piece).await.is_err() {
            // Whoever reads has found a fault.
            return Ok(());
        }
    }
}

fn read(
    folder: &Path,
    received: mpsc::Receiver<Bytes>,
    room: u64,
    slos: Vec<Arc<Slo>>,
) -> Result<Past, Problem> {
    let _ = std::fs::remove_dir_all(folder);
    let body = BufReader::new(Pieces { received, piece: Bytes::new() });
    Archive::import(folder, body, room).map_err(|error| refused(&error))?;
    let archive = Archive::open(folder).map_err(|error| failed(&error))?;
    archive.into_past(slos).map_err(|error| match error {
        ArchiveError::Record(_) => Problem::bad_request(error.to_string()),
        _ => failed(&error),
    })
}

fn refused(error: &ImportError) -> Problem {
    match error {
        ImportError::Line { what, .. } if what.contains("limits.disk") => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
        }
        ImportError::Line { .. } => Problem::bad_request(error.to_string()),
        ImportError::Archive(ArchiveError::Full(_)) => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
        }
        _ => failed(error),
    }
}

fn failed(error: &impl std::fmt::Display) -> Problem {
    let detail = format!("the import can't be taken in: {error}");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

fn shape(found: &Precedence) -> Value {
    let filled = |filled: &Filled| {
        json!({
            "slo": filled.id,
            "from": filled.span.map(|span| rfc3339(span.start)),
            "to": filled.span.map(|span| rfc3339(span.end)),
            "own_since": rfc3339(filled.own_since),
        })
    };
    json!({
        "slos": found.filled.iter().map(filled).collect::<Vec<_>>(),
        "foreign": found.foreign,
    })
}

/// The body, for a thread that may block.
struct Pieces {
    received: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.received.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = out.len().min(self.piece.len());
        out.iter_mut().zip(self.piece.split_to(length)).for_each(|(to, from)| *to = from);
        Ok(length)
    }
}
