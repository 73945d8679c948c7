//! The whole state as a backup, while the daemon runs.

use super::Shared;
use super::problem::Problem;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of one chunk, and chunks that wait for a slow reader.
const CHUNK: usize = 64 << 10;
const CHUNKS: usize = 8;

/// `GET /api/v1/export`: as of the last second. A reader that is slow or goes away holds up nothing:
/// it reads a state that is kept for it.
pub(super) async fn export(State(shared): State<Arc<Shared>>) -> Result<Response, Problem> {
    let backup = shared.keeper.backup().await.map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("no backup: {error}"))
    })?;
    let (chunks, received) = mpsc::channel(CHUNKS);
    tokio::task::spawn_blocking(move || {
        // Whoever reads sees that the last line is missing.
        if let Err(error) = backup.write(BufWriter::with_capacity(CHUNK, Chunks(chunks))) {
            tracing::warn!(%error, "a backup was broken off");
        }
    });
    let body = stream::unfold(received, |mut received| async move {
        let chunk: Bytes = received.recv().await?;
        Some((Ok::<_, io::Error>(chunk), received))
    });
    Ok(([(CONTENT_TYPE, "application/jsonl")], Body::from_stream(body)).into_response())
}

/// Hands what is written on to the reader.
struct Chunks(mpsc::Sender<Bytes>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
