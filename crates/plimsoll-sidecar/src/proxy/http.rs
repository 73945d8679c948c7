//! A client that speaks HTTP/1.1: one request after the other.

use super::answer::answer;
use super::http2;
use super::pipe::poll_read;
use super::request::{HEAD_MAX, Refusal, Request};
use super::seats::Seat;
use super::thread::Thread;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// How long a client may be silent between two requests.
const IDLE_MAX: Duration = Duration::from_secs(75);

/// How long what a client still sends is taken, so that it gets to read why it isn't wanted.
const PART_MAX: Duration = Duration::from_secs(1);

/// A client's connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// What came beyond what was read.
    pub(crate) came: Vec<u8>,
    pub(crate) seat: Seat,
}

/// What a client did instead of asking.
enum NoRequest {
    /// It closed, said nothing for long, or the thread drains.
    Gone,
    /// It has begun with HTTP/2.
    Http2,
    Refused(Refusal),
}

/// What comes after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Request,
    /// Close at once.
    Close,
    /// Close once the client has read what it was told.
    Part,
}

/// A response of the proxy's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) phrase: &'static str,
    pub(crate) why: &'a str,
    /// Whether the client may send another request.
    pub(crate) keeps_alive: bool,
    pub(crate) is_head: bool,
}

/// Serves a client until it is gone.
pub(crate) async fn serve(stream: TcpStream, thread: Rc<Thread>) {
    let mut client = Client { stream, came: Vec::new(), seat: thread.seats.seat() };
    loop {
        let next = match client.request(thread.shared.timing.header).await {
            Ok(request) => answer(&mut client, request, &thread).await,
            Err(NoRequest::Gone) => Next::Close,
            Err(NoRequest::Http2) => return http2::serve(client, thread).await,
            Err(NoRequest::Refused(refusal)) => client.refuse(refusal, &thread).await,
        };
        match next {
            Next::Request => {}
            Next::Close => return,
            Next::Part => return client.part().await,
        }
    }
}

impl Client {
    /// Waits for a request's head, `header` long once it has begun.
    async fn request(&mut self, header: Duration) -> Result<Request, NoRequest> {
        let mut is_begun = !self.came.is_empty();
        if is_begun && let Some(request) = whole(&mut self.came)? {
            return Ok(request);
        }
        self.seat.wait_at_most(if is_begun { header } else { IDLE_MAX });
        poll_fn(|context| {
            loop {
                if self.seat.poll_late(context).is_ready() {
                    let slow = NoRequest::Refused(Refusal::Slow);
                    return Poll::Ready(Err(if is_begun { slow } else { NoRequest::Gone }));
                }
                if !is_begun && self.seat.poll_draining(context).is_ready() {
                    return Poll::Ready(Err(NoRequest::Gone));
                }
                let came = &mut self.came;
                let read = poll_read(context, &mut self.stream, |bytes| take(came, bytes));
                if let Some(request) = ready!(read).unwrap_or(Err(NoRequest::Gone))? {
                    return Poll::Ready(Ok(request));
                }
                if !is_begun {
                    is_begun = true;
                    self.seat.wait_at_most(header);
                }
            }
        })
        .await
    }

    /// Says why something isn't a request.
    pub(crate) async fn refuse(&mut self, refusal: Refusal, thread: &Thread) -> Next {
        thread.shared.signals.refused(refusal);
        let (status, phrase) = refusal.status();
        let why = refusal.to_string();
        let reply = Reply { status, phrase, why: &why, keeps_alive: false, is_head: false };
        self.reply(reply).await
    }

    /// Sends a response of the proxy's own.
    pub(crate) async fn reply(&mut self, reply: Reply<'_>) -> Next {
        let bytes = reply.bytes();
        let mut written = 0;
        self.seat.wait_at_most(PART_MAX);
        let sent = poll_fn(|context| {
            while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
                if self.seat.poll_late(context).is_ready() {
                    return Poll::Ready(false);
                }
                match ready!(Pin::new(&mut self.stream).poll_write(context, rest)) {
                    Ok(more) if more > 0 => written += more,
                    _ => return Poll::Ready(false),
                }
            }
            Poll::Ready(true)
        });
        match sent.await {
            true if reply.keeps_alive => Next::Request,
            true => Next::Part,
            false => Next::Close,
        }
    }

    /// Takes what the client still sends for a while. A socket that is closed with bytes in it resets
    /// the connection, and the client might never read its response.
    async fn part(&mut self) {
        self.seat.wait_at_most(PART_MAX);
        poll_fn(|context| {
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
            Poll::Ready(())
        })
        .await;
        poll_fn(|context| {
            loop {
                if self.seat.poll_late(context).is_ready() {
                    return Poll::Ready(());
                }
                let read = poll_read(context, &mut self.stream, <[u8]>::len);
                if !matches!(ready!(read), Ok(1..)) {
                    return Poll::Ready(());
                }
            }
        })
        .await;
    }

    /// Becomes ready when a client that has asked everything leaves. What it sends in advance waits.
    pub(crate) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let came = &mut self.came;
        while came.is_empty() {
            let read = poll_read(context, &mut self.stream, |bytes| came.extend_from_slice(bytes));
            if ready!(read).is_err() || came.is_empty() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

/// Adds what was read to what came before, and takes a request out of it if there is a whole one.
fn take(came: &mut Vec<u8>, bytes: &[u8]) -> Result<Option<Request>, NoRequest> {
    if bytes.is_empty() {
        return Err(NoRequest::Gone);
    }
    if came.is_empty() && !bytes.starts_with(b"P") {
        // Nearly every head comes whole, and isn't that of a POST, a PUT or a preface.
        let Some((size, request)) = Request::read(bytes).map_err(NoRequest::Refused)? else {
            came.extend_from_slice(bytes);
            return Ok(None);
        };
        came.extend_from_slice(bytes.get(size..).unwrap_or_default());
        return Ok(Some(request));
    }
    came.extend_from_slice(bytes);
    // Reading all of it anew at each byte is what a slow sender would like.
    if bytes.contains(&b'\n') || came.len() >= HEAD_MAX { whole(came) } else { Ok(None) }
}

/// Takes a whole request off the front.
fn whole(came: &mut Vec<u8>) -> Result<Option<Request>, NoRequest> {
    if came.starts_with(http2::PREFACE) {
        return Err(NoRequest::Http2);
    }
    let Some((size, request)) = Request::read(came).map_err(NoRequest::Refused)? else {
        return Ok(None);
    };
    came.drain(..size);
    if came.is_empty() {
        *came = Vec::new();
    }
    Ok(Some(request))
}

impl Reply<'_> {
    fn bytes(&self) -> Vec<u8> {
        let Self { status, phrase, why, .. } = self;
        let close = if self.keeps_alive { "" } else { "connection: close\r\n" };
        let again = if *status == 503 { "retry-after: 1\r\n" } else { "" };
        let length = "plimsoll: \n".len() + why.len();
        let mut bytes = format!(
            "HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: {length}\r\n{again}{close}\r\n"
        );
        if !self.is_head {
            bytes.extend(["plimsoll: ", why, "\n"]);
        }
        bytes.into_bytes()
    }
}
