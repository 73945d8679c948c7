//! A tonic service that is instrumented in five lines, marked `(1)` to `(5)`.
//!
//! It is gRPC's own health service, written out: its messages come with `tonic-health`, so that
//! nothing has to be compiled from a `.proto` file. It knows a service by being told of it.

use plimsoll::sync::tokio::RwLock;
use plimsoll::{Registry, in_flight};
use plimsoll_runtime::shutdown;
use plimsoll_runtime::{admin, ready::Readiness};
use plimsoll_tower::ConcurrencyLayer;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_stream::wrappers::{IntervalStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a watcher is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);

struct Known {
    services: RwLock<BTreeMap<String, ServingStatus>>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Known {
    type WatchStream = Answers;

    #[in_flight(name = "check", limit = 64)] // (1) how many, how they end: a status is an error
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let services = self.services.read().await;
        match services.get(&request.get_ref().service) {
            Some(status) => Ok(Response::new(HealthCheckResponse { status: *status as i32 })),
            None => Err(Status::not_found("no such service")),
        }
    }

    #[in_flight(name = "watch")] // (2) until the stream is made; (3) has the whole of it
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Answers>, Status> {
        let status = self.check(request).await?.get_ref().status;
        let told = IntervalStream::new(tokio::time::interval(TOLD_EVERY));
        let answers = told.map(move |_| Ok(HealthCheckResponse { status }));
        Ok(Response::new(Box::pin(answers)))
    }
}

fn known() -> Known {
    let services = BTreeMap::from([("shop".to_owned(), ServingStatus::Serving)]);
    Known { services: RwLock::named("services", services) } // (4) waits, waiters, holds, by whom
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:50051".into());
    let metrics = arguments.next().unwrap_or_else(|| "127.0.0.1:9095".into()).parse()?;

    let listener = TcpListener::bind(&listen).await?;
    let admin = admin::spawn(metrics, Registry::global().clone(), Readiness::new())?; // (5)
    print_addresses(listener.local_addr()?, admin.address());

    let (stopper, stop) = shutdown::channel();
    tokio::spawn(shutdown::on_signals(stopper)?);
    tonic::transport::Server::builder()
        .layer(ConcurrencyLayer::named("grpc")) // (3) each request until its last byte
        .add_service(HealthServer::new(known()))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.stopped())
        .await?;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "whoever starts it needs the ports that it got")]
fn print_addresses(service: std::net::SocketAddr, metrics: std::net::SocketAddr) {
    println!("serving {service}\nmetrics {metrics}");
}
