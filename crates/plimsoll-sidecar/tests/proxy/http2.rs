use crate::rig::{LATE, Rig};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// What a client sends after the head.
type Asked = UnsyncBoxBody<Bytes, Infallible>;

async fn client(rig: &Rig) -> SendRequest<Asked> {
    let stream = TcpStream::connect(rig.proxy).await.unwrap();
    let (sender, driver) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(driver);
    sender
}

fn request() -> Request<Asked> {
    Request::post("http://shop/call").body(Full::from("question").boxed_unsync()).unwrap()
}

type Frames = mpsc::UnboundedReceiver<Result<Frame<Bytes>, Infallible>>;

/// Serves one connection of the proxy: each request is echoed in the first frame, then come the frames
/// that the test sends.
fn answer(stream: TcpStream, frames: mpsc::UnboundedReceiver<Frames>) {
    let frames = std::sync::Arc::new(tokio::sync::Mutex::new(frames));
    let service = service_fn(move |request: Request<Incoming>| {
        let frames = frames.clone();
        async move {
            let asked = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(asked, "question");
            let mut next = frames.lock().await.recv().await.unwrap();
            let frames = futures_util::stream::poll_fn(move |context| next.poll_recv(context));
            Ok::<_, Infallible>(Response::new(StreamBody::new(frames)))
        }
    });
    tokio::spawn(
        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service),
    );
}

/// A call whose response has begun.
struct Call {
    client: SendRequest<Asked>,
    /// For the frames of the calls to come over this connection.
    calls: mpsc::UnboundedSender<Frames>,
    /// For those of this one.
    frames: mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>,
    response: Response<Incoming>,
}

impl Call {
    async fn begin(rig: &Rig) -> Self {
        let mut client = client(rig).await;
        let (calls, called) = mpsc::unbounded_channel();
        let (frames, sent) = mpsc::unbounded_channel();
        calls.send(sent).unwrap();
        let asked = client.send_request(request());
        answer(rig.target().await.0, called);
        let response = asked.await.unwrap();
        Self { client, calls, frames, response }
    }
}

#[tokio::test]
async fn a_call_is_in_flight_until_its_trailers() {
    let rig = Rig::start("http", "").await;
    let Call { mut client, calls, frames, mut response } = Call::begin(&rig).await;
    rig.in_flight(1.0).await;
    frames.send(Ok(Frame::data(Bytes::from("part")))).unwrap();
    let frame = response.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "part");
    rig.in_flight(1.0).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    frames.send(Ok(Frame::trailers(trailers))).unwrap();
    drop(frames);
    let trailers = response.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    rig.ended("ok", 1.0).await;
    // The next one goes over the same connection, and its client leaves amid the response.
    let (frames, sent) = mpsc::unbounded_channel();
    calls.send(sent).unwrap();
    let response = client.send_request(request()).await.unwrap();
    rig.in_flight(1.0).await;
    drop(response);
    rig.ended("cancelled", 1.0).await;
    drop(frames);
}

#[tokio::test]
async fn a_target_that_speaks_none_is_a_bad_gateway() {
    let rig = Rig::start("http", "limit: 1").await;
    let mut first = client(&rig).await;
    let asked = first.send_request(request());
    let mut target = rig.target().await;
    rig.in_flight(1.0).await;
    let shed = client(&rig).await.send_request(request()).await.unwrap();
    assert_eq!(shed.status(), 503);
    assert_eq!(shed.headers()["retry-after"], "1");
    target.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    drop(target);
    assert_eq!(asked.await.unwrap().status(), 502);
    rig.ended("error", 1.0).await;
}

#[tokio::test]
async fn a_client_that_owes_its_request_is_not_waited_for() {
    let rig = Rig::start("http", "body_timeout: 300ms").await;
    let mut client = client(&rig).await;
    let (_question, mut asked) = mpsc::unbounded_channel::<Result<Frame<Bytes>, Infallible>>();
    let frames = futures_util::stream::poll_fn(move |context| asked.poll_recv(context));
    let body = StreamBody::new(frames).boxed_unsync();
    let request = Request::post("http://shop/call").body(body).unwrap();
    let asked = client.send_request(request);
    let _target = rig.target().await;
    assert_eq!(asked.await.unwrap().status(), 408);
    rig.ended("timed_out", 1.0).await;
}

#[tokio::test]
async fn an_idle_stream_is_cut_where_that_has_a_bound() {
    let rig = Rig::start("http", "idle_timeout: 1s").await;
    let Call { client: _client, frames, mut response, .. } = Call::begin(&rig).await;
    frames.send(Ok(Frame::data(Bytes::from("part")))).unwrap();
    assert!(response.frame().await.unwrap().is_ok());
    assert!(response.frame().await.unwrap().is_err());
    rig.ended("timed_out", 1.0).await;
}

#[tokio::test]
async fn a_tunnel_is_not_made() {
    let rig = Rig::start("http", "").await;
    let connect = Request::connect("shop:80").body(Full::from("").boxed_unsync()).unwrap();
    assert_eq!(client(&rig).await.send_request(connect).await.unwrap().status(), 501);
    let refused = r#"concurrency_proxy_refused_total{proxy="shop",reason="unsupported"}"#;
    rig.until(refused, 1.0).await;
}

/// Makes a request of HTTP/2 by hand, as no client would: a preface, settings, and a head with `fields`.
fn by_hand(fields: &[(&str, &str)]) -> Vec<u8> {
    // Indices of `:method: GET`, `:scheme: http`, `:path: /`, then `:authority: x` (RFC 7541).
    let mut head = vec![0x82, 0x86, 0x84, 0x41, 1, b'x'];
    for (name, value) in fields {
        head.push(0);
        for text in [name, value] {
            head.push(text.len() as u8);
            head.extend(text.as_bytes());
        }
    }
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // The head is whole, and no body follows.
    let frame = [0, 0, head.len() as u8, 1, 0x5, 0, 0, 0, 1];
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings, &frame, &head].concat()
}

/// Reads frames until the first stream is reset, or all are; returns the kinds of those that came.
async fn kinds(stream: &mut TcpStream) -> Vec<u8> {
    let mut kinds = Vec::new();
    let mut frame = [0; 9];
    while !matches!(kinds.last(), Some(&(RESET | GOAWAY)))
        && stream.read_exact(&mut frame).await.is_ok()
    {
        kinds.push(frame[3]);
        let mut body = vec![0; usize::from(frame[1]) << 8 | usize::from(frame[2])];
        stream.read_exact(&mut body).await.unwrap();
    }
    kinds
}

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const GOAWAY: u8 = 7;

#[tokio::test]
async fn a_head_with_fields_of_another_version_is_malformed() {
    let rig = Rig::start("http", "").await;
    for fields in [
        [("connection", "close")],
        [("transfer-encoding", "chunked")],
        [("upgrade", "websocket")],
        [("te", "gzip")],
        [("Upper", "case")],
    ] {
        let mut stream = TcpStream::connect(rig.proxy).await.unwrap();
        stream.write_all(&by_hand(&fields)).await.unwrap();
        let kinds = tokio::time::timeout(LATE, kinds(&mut stream)).await.expect("in time");
        assert!(!kinds.contains(&HEADERS), "{fields:?} had a response: {kinds:?}");
        assert!(kinds.iter().any(|kind| [RESET, GOAWAY].contains(kind)), "{fields:?}: {kinds:?}");
    }
    assert!(futures_util::FutureExt::now_or_never(rig.target.accept()).is_none());
}
