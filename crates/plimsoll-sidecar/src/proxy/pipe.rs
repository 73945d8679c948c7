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
    /// Whether what was written is held, so that it can be written again.
    repeats: bool,
    /// How many times bytes went in or out.
    moves: u64,
}

impl Pipe {
    /// Makes a direction that begins with `head`.
    pub(crate) fn new(head: Vec<u8>, framing: Framing) -> Self {
        Self { framing, held: head, written: 0, repeats: false, moves: 0 }
    }

    /// Makes a direction that is a `head` and nothing else, and that can begin anew.
    pub(crate) fn repeatable(head: Vec<u8>) -> Self {
        Self { repeats: true, ..Self::new(head, Framing::Done) }
    }

    /// Begins anew; says whether it can.
    pub(crate) fn repeat(&mut self) -> bool {
        if self.repeats {
            self.written = 0;
        }
        self.repeats
    }

    /// Lets go of what is only held to be written again.
    pub(crate) fn forget(&mut self) {
        if std::mem::take(&mut self.repeats) && self.is_flushed() {
            self.clear();
        }
    }

    /// Says whether everything was read; some of it may still have to be written.
    pub(crate) fn has_read_all(&self) -> bool {
        self.framing.is_done()
    }

    /// Says whether everything was written, too.
    pub(crate) fn is_done(&self) -> bool {
        self.has_read_all() && self.is_flushed()
    }

    /// Says whether all that was read is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.written == self.held.len()
    }

    /// Says whether the source said how much there is to come.
    pub(crate) fn is_promised(&self) -> bool {
        matches!(self.framing, Framing::Length(_))
    }

    /// Returns how many times bytes went in or out, which grows as long as anything happens.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Takes what of `bytes` belongs to the body, and returns how much that is.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        let taken = self.framing.take(bytes).map_err(|_| Broken::Malformed)?;
        self.held.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        self.moves += 1;
        Ok(taken)
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
                let taken = self.take(bytes)?;
                beyond.extend_from_slice(bytes.get(taken..).unwrap_or_default());
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
                Ok(written) if written > 0 => {
                    self.written += written;
                    self.moves += 1;
                }
                _ => return Poll::Ready(Err(Broken::Sink)),
            }
        }
        if !self.repeats {
            self.clear();
        }
        Poll::Ready(Ok(()))
    }

    /// Lets go of what was written: who waits for more has no use for memory.
    fn clear(&mut self) {
        self.held = Vec::new();
        self.written = 0;
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
