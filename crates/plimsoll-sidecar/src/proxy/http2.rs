//! A client that begins with HTTP/2 without TLS, as gRPC does inside a cluster: its requests go over one
//! connection of HTTP/2 to the target, since only a target that knows it is asked that way.

use super::http::Client;
use super::method::Method;
use super::recorded::Measured;
use super::request::{HEAD_MAX, Refusal};
use super::seats::Seat;
use super::stall::{Awaited, Stall};
use super::thread::Thread;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a client of HTTP/2 begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Requests that one client may have in flight.
const STREAMS_MAX: u32 = 256;

/// How long a client may be silent before it is asked whether it is there, and how long it may take to say so:
/// nobody else closes a connection whose client has vanished, or has stopped amid a head.
const SILENT_MAX: Duration = Duration::from_secs(60);
const PONG_MAX: Duration = Duration::from_secs(20);

/// The connection to the target, of one thread.
pub(crate) type Target = RefCell<Option<SendRequest<Asked>>>;

/// Serves a client until it is gone.
pub(crate) async fn serve(client: Client, thread: Rc<Thread>) {
    let Client { stream, came, seat } = client;
    let answering = thread.clone();
    let service = service_fn(move |request| {
        let thread = answering.clone();
        async move { Ok::<_, Infallible>(answer(request, &thread).await) }
    });
    let mut builder = Builder::new(Local);
    builder.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_MAX as u32);
    builder.timer(TokioTimer::new()).keep_alive_interval(SILENT_MAX).keep_alive_timeout(PONG_MAX);
    let io = TokioIo::new(Rewound { came, stream });
    let mut connection = pin!(builder.serve_connection(io, service));
    seat.wait_long();
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = poll_fn(|context| seat.poll_draining(context)) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of HTTP/2 left");
    }
}

/// Passes a request on and its response back. Dropped before the end, it is cancelled.
async fn answer(request: Request<Incoming>, thread: &Thread) -> Response<Carried> {
    let signals = &thread.shared.signals;
    if request.method() == hyper::Method::CONNECT {
        signals.refused(Refusal::Unsupported("it asks for a tunnel"));
        return Carried::nothing(StatusCode::NOT_IMPLEMENTED);
    }
    let Ok(permit) = signals.admit() else {
        let mut shed = Carried::nothing(StatusCode::SERVICE_UNAVAILABLE);
        shed.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return shed;
    };
    let trace = request.headers().get("traceparent");
    let trace = trace.and_then(|trace| super::fields::trace(trace.as_bytes()));
    let method = Method::of(request.method().as_str());
    let mut measured = Measured::request(signals.clone(), permit, method, trace);
    let mut watch = Watch { stall: Stall::new(thread.shared.timing), seat: thread.seats.seat() };
    let (request, sending) = Asked::of(request);
    let ask = async { target(thread).await?.send_request(request).await.ok() };
    let late = poll_fn(|context| {
        let awaited = sending.awaited();
        watch.poll(context, awaited, sending.moves.get()).map(|()| awaited)
    });
    let answered = tokio::select! {
        answered = ask => answered.ok_or(None),
        awaited = late => Err(Some(awaited)),
    };
    let status = match answered {
        Ok(response) => {
            measured.responded(response.status().as_u16());
            return response.map(|inner| Carried::new(inner, measured, watch));
        }
        Err(None) => StatusCode::BAD_GATEWAY,
        Err(Some(Awaited::Request)) => StatusCode::REQUEST_TIMEOUT,
        Err(Some(_)) => StatusCode::GATEWAY_TIMEOUT,
    };
    measured.responded(status.as_u16());
    if answered.is_err_and(|late| late.is_some()) {
        measured.time_out();
    } else {
        measured.fail();
    }
    Carried::nothing(status)
}

/// Returns the connection to the target; one that is closed is replaced.
async fn target(thread: &Thread) -> Option<SendRequest<Asked>> {
    let open = thread.http2.borrow().clone().filter(|target| !target.is_closed());
    if open.is_some() {
        return open;
    }
    let connection = thread.upstream.connect().await.ok()?;
    let (stream, counted) = connection.into_parts();
    let (sender, driver) = handshake(Local, TokioIo::new(stream)).await.ok()?;
    tokio::task::spawn_local(async move {
        let _counted = counted;
        drop(driver.await);
    });
    *thread.http2.borrow_mut() = Some(sender.clone());
    Some(sender)
}

/// Spawns on the thread; what is spawned ends with its connections, or with the thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Looks whether something stands still.
struct Watch {
    stall: Stall,
    seat: Seat,
}

impl Watch {
    fn poll(&mut self, context: &Context<'_>, awaited: Awaited, moves: u64) -> Poll<()> {
        self.stall.poll(context, &self.seat, awaited, moves)
    }
}

/// The body of a request on its way to the target.
pub(crate) struct Asked {
    inner: Incoming,
    sending: Rc<Sending>,
}

/// How far the body of a request is.
#[derive(Default)]
struct Sending {
    moves: Cell<u64>,
    /// Whether the target has room for more.
    is_wanted: Cell<bool>,
    is_over: Cell<bool>,
}

impl Sending {
    fn awaited(&self) -> Awaited {
        match (self.is_over.get(), self.is_wanted.get()) {
            (true, _) => Awaited::Event,
            (false, true) => Awaited::Request,
            (false, false) => Awaited::Intake,
        }
    }
}

impl Asked {
    fn of(request: Request<Incoming>) -> (Request<Self>, Rc<Sending>) {
        let sending = Rc::new(Sending::default());
        sending.is_over.set(request.body().is_end_stream());
        let (head, inner) = request.into_parts();
        (Request::from_parts(head, Self { inner, sending: sending.clone() }), sending)
    }
}

impl Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        self.sending.is_wanted.set(polled.is_pending());
        if polled.is_ready() {
            self.sending.moves.set(self.sending.moves.get() + 1);
        }
        self.sending.is_over.set(self.inner.is_end_stream() || matches!(polled, Poll::Ready(None)));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a response on its way back.
struct Carried {
    inner: Option<Incoming>,
    /// Empty once the last frame is handed over.
    measured: Option<(Measured, Watch)>,
    moves: u64,
}

/// A response ends before its end.
#[derive(Debug, Error)]
enum Cut {
    #[error(transparent)]
    Target(#[from] hyper::Error),
    #[error("nothing has moved for too long")]
    Late,
}

impl Carried {
    fn new(inner: Incoming, measured: Measured, watch: Watch) -> Self {
        let mut carried = Self { inner: Some(inner), measured: Some((measured, watch)), moves: 0 };
        carried.close_at_end();
        carried
    }

    fn nothing(status: StatusCode) -> Response<Self> {
        let mut response = Response::new(Self { inner: None, measured: None, moves: 0 });
        *response.status_mut() = status;
        response
    }

    /// Ends the request when no frame will follow: nobody asks for what isn't there.
    fn close_at_end(&mut self) {
        if self.is_end_stream() {
            self.end(Measured::close);
        }
    }

    fn end(&mut self, how: fn(Measured)) {
        if let Some((measured, _)) = self.measured.take() {
            how(measured);
        }
    }
}

impl Body for Carried {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let is_promised = inner.size_hint().exact().is_some();
        let polled = Pin::new(inner).poll_frame(context);
        match &polled {
            Poll::Pending => {
                let awaited = if is_promised { Awaited::Response } else { Awaited::Event };
                if let Some((_, watch)) = &mut this.measured
                    && watch.poll(context, awaited, this.moves).is_ready()
                {
                    this.end(Measured::time_out);
                    return Poll::Ready(Some(Err(Cut::Late)));
                }
            }
            Poll::Ready(Some(Ok(_))) => {
                this.moves += 1;
                this.close_at_end();
            }
            Poll::Ready(Some(Err(_))) => this.end(Measured::fail),
            Poll::Ready(None) => this.end(Measured::close),
        }
        polled.map_err(Cut::Target)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// A stream of which the first bytes were read already.
struct Rewound {
    came: Vec<u8>,
    stream: TcpStream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.came.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let size = self.came.len().min(buffer.remaining());
        let first: Vec<u8> = self.came.drain(..size).collect();
        buffer.put_slice(&first);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
