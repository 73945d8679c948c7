use crate::rig::Rig;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

async fn client(rig: &Rig) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(rig.proxy).await.unwrap();
    let (sender, driver) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(driver);
    sender
}

fn request() -> Request<Full<Bytes>> {
    Request::post("http://shop/call").body(Full::from("question")).unwrap()
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

#[tokio::test]
async fn a_call_is_in_flight_until_its_trailers() {
    let rig = Rig::start("http", "").await;
    let mut client = client(&rig).await;
    let (calls, called) = mpsc::unbounded_channel();
    let (frames, sent) = mpsc::unbounded_channel();
    calls.send(sent).unwrap();
    let asked = client.send_request(request());
    answer(rig.target().await.0, called);
    let mut response = asked.await.unwrap();
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
