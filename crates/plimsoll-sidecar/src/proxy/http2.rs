//! A client that begins with HTTP/2 without TLS, as gRPC does inside a cluster: its requests go over one
//! connection of HTTP/2 to the target, since only a target that knows it is asked that way.

use super::http::Client;
use super::method::Method;
use super::recorded::Measured;
use super::request::HEAD_MAX;
use super::thread::Thread;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a client of HTTP/2 begins with.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Requests that one client may have in flight.
const STREAMS_MAX: u32 = 256;

/// The connection to the target, of one thread.
pub(crate) type Target = RefCell<Option<SendRequest<Incoming>>>;

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
    let Ok(permit) = signals.admit() else {
        let mut shed = Carried::nothing(StatusCode::SERVICE_UNAVAILABLE);
        shed.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return shed;
    };
    let trace = request.headers().get("traceparent");
    let trace = trace.and_then(|trace| super::fields::trace(trace.as_bytes()));
    let method = Method::of(request.method().as_str());
    let mut measured = Measured::request(signals.clone(), permit, method, trace);
    let response = match target(thread).await {
        Some(mut target) => target.send_request(request).await.ok(),
        None => None,
    };
    let Some(response) = response else {
        measured.responded(502);
        measured.fail();
        return Carried::nothing(StatusCode::BAD_GATEWAY);
    };
    measured.responded(response.status().as_u16());
    response.map(|inner| Carried::new(inner, measured))
}

/// Returns the connection to the target; one that is closed is replaced.
async fn target(thread: &Thread) -> Option<SendRequest<Incoming>> {
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

/// The body of a response on its way back.
struct Carried {
    inner: Option<Incoming>,
    /// Empty once the last frame is handed over.
    measured: Option<Measured>,
}

impl Carried {
    fn new(inner: Incoming, measured: Measured) -> Self {
        let mut carried = Self { inner: Some(inner), measured: Some(measured) };
        carried.close_at_end();
        carried
    }

    fn nothing(status: StatusCode) -> Response<Self> {
        let mut response = Response::new(Self { inner: None, measured: None });
        *response.status_mut() = status;
        response
    }

    /// Ends the request when no frame will follow: nobody asks for what isn't there.
    fn close_at_end(&mut self) {
        if self.is_end_stream()
            && let Some(measured) = self.measured.take()
        {
            measured.close();
        }
    }
}

impl Body for Carried {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let polled = Pin::new(inner).poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => self.close_at_end(),
            Poll::Ready(Some(Err(_))) => {
                if let Some(measured) = self.measured.take() {
                    measured.fail();
                }
            }
            Poll::Ready(None) => {
                if let Some(measured) = self.measured.take() {
                    measured.close();
                }
            }
        }
        polled
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
