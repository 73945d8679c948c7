//! An Alertmanager and a webhook that write down what they are sent.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, mpsc};

/// What one request carried.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// The receiver of one test.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    pub(crate) broken: Arc<AtomicBool>,
    messages: Mutex<mpsc::UnboundedReceiver<Message>>,
}

impl Sink {
    pub(crate) async fn start(path: &str) -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let broken = Arc::new(AtomicBool::new(false));
        let state = (sender, broken.clone());
        let router = Router::new().route(path, post(receive)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, broken, messages: Mutex::new(messages) }
    }

    /// Waits for an alert that `is` accepts: of Alertmanager's list or of a webhook's `alerts`.
    pub(crate) async fn alert(&self, is: impl Fn(&Value) -> bool) -> (Value, Message) {
        let wait = async {
            loop {
                let message = self.messages.lock().await.recv().await.expect("a message");
                let json = message.json();
                let list = json.as_array().or_else(|| json["alerts"].as_array()).expect("alerts");
                if let Some(alert) = list.iter().find(|alert| is(alert)) {
                    return (alert.clone(), message);
                }
            }
        };
        tokio::time::timeout(crate::world::PATIENCE, wait).await.expect("the alert arrives")
    }
}

type Ends = (mpsc::UnboundedSender<Message>, Arc<AtomicBool>);

async fn receive(
    State((sender, broken)): State<Ends>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if broken.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    drop(sender.send(Message { headers, body }));
    StatusCode::OK
}
