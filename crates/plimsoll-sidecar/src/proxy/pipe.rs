//! One direction of a connection: bytes go on as they come, and none is kept that could be written.

use super::framing::Framing;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are read at once, into memory that all connections of a thread share.
const READ_MAX: usize = 64 * 1_024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_MAX]);
}

/// Why a direction ended too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Whoever sends closed before it had sent all, or was cut off.
    Source,
    /// Whoever receives takes no more.
    Sink,
    /// What is sent isn't a body.
    Malformed,
}

/// One direction: what is still to come, and what is still to be written. It holds memory only while
/// whoever receives is slower than whoever sends.
#[derive(Debug)]
pub(crate) struct Pipe {
    framing: Framing,
    held: Vec<u8>,
    written: usize,
}

impl Pipe {
    /// Makes a direction that begins with `head`.
    pub(crate) fn new(head: Vec<u8>, framing: Framing) -> Self {
        Self { framing, held: head, written: 0 }
    }

    /// Says whether everything was read; some of it may still have to be written.
    pub(crate) fn has_read_all(&self) -> bool {
        self.framing.is_done()
    }

    /// Says whether everything was written, too.
    pub(crate) fn is_done(&self) -> bool {
        self.has_read_all() && self.held.is_empty()
    }

    /// Takes the front of the body out of what came with the head. The rest stays in `came`.
    pub(crate) fn begin_with(&mut self, came: &mut Vec<u8>) -> Result<(), Broken> {
        if came.is_empty() {
            return Ok(());
        }
        let taken = self.framing.take(came).map_err(|_| Broken::Malformed)?;
        self.held.extend(came.drain(..taken));
        if came.is_empty() {
            *came = Vec::new();
        }
        Ok(())
    }

    /// Moves bytes until all are through. What `source` sends beyond the body goes to `beyond`.
    pub(crate) fn poll(
        &mut self,
        context: &mut Context<'_>,
        source: &mut TcpStream,
        sink: &mut TcpStream,
        beyond: &mut Vec<u8>,
    ) -> Poll<Result<(), Broken>> {
        loop {
            ready!(self.poll_flush(context, sink))?;
            if self.framing.is_done() {
                return Poll::Ready(Ok(()));
            }
            let read = poll_read(context, source, |bytes| {
                if bytes.is_empty() {
                    let is_end = self.framing == Framing::UntilClose;
                    self.framing = Framing::Done;
                    return if is_end { Ok(()) } else { Err(Broken::Source) };
                }
                let taken = self.framing.take(bytes).map_err(|_| Broken::Malformed)?;
                let (body, rest) = bytes.split_at(taken);
                beyond.extend_from_slice(rest);
                self.held.extend_from_slice(body);
                Ok(())
            });
            ready!(read).map_err(|_| Broken::Source)??;
        }
    }

    fn poll_flush(
        &mut self,
        context: &mut Context<'_>,
        sink: &mut TcpStream,
    ) -> Poll<Result<(), Broken>> {
        while let Some(rest) = self.held.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *sink).poll_write(context, rest)) {
                Ok(written) if written > 0 => self.written += written,
                _ => return Poll::Ready(Err(Broken::Sink)),
            }
        }
        self.written = 0;
        // Who waits for more has no use for memory.
        self.held = Vec::new();
        Poll::Ready(Ok(()))
    }
}

/// Reads what is there and shows it to `take`; no bytes are the end.
pub(crate) fn poll_read<T>(
    context: &mut Context<'_>,
    source: &mut TcpStream,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(source).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled())))
    })
}
