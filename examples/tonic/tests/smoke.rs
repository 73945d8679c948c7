//! The example as a process: what it shows is what it was sent.

#![allow(clippy::expect_used)] // A test that finds nothing has failed.

use example_smoke::{Example, FREE};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const OPERATIONS: &str = "concurrency_operations_total";

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

// The harness blocks a thread while it waits: the client needs another.
#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_those_of_the_calls() {
    let example = Example::start(env!("CARGO_BIN_EXE_example-tonic"), &[FREE, FREE]);
    let address = format!("http://{}", example.service());
    let channel = Channel::from_shared(address).expect("an address").connect().await;
    let mut client = HealthClient::new(channel.expect("it listens"));
    for _ in 0..5 {
        let answer = client.check(about("shop")).await.expect("it is known");
        assert_eq!(answer.get_ref().status, 1);
    }
    for _ in 0..2 {
        let refused = client.check(about("bank")).await.expect_err("it isn't known");
        assert_eq!(refused.code(), Code::NotFound);
    }
    let check = |outcome| example.sum(OPERATIONS, &[("operation", "check"), ("outcome", outcome)]);
    assert_eq!([check("ok"), check("error")], [5.0, 2.0].map(Some));
    let grpc = [("operation", "grpc")];
    example.until("concurrency_in_flight", &grpc, 0.0);

    // A stream is in flight as long as it is read, though the call that made it has ended.
    let mut watch = client.watch(about("shop")).await.expect("it is known").into_inner();
    assert!(watch.message().await.expect("it goes on").is_some());
    assert_eq!(example.sum("concurrency_in_flight", &grpc), Some(1.0));
    assert_eq!(example.sum("concurrency_in_flight", &[("operation", "watch")]), Some(0.0));
    drop(watch);
    example.until("concurrency_in_flight", &grpc, 0.0);
    let cancelled = [("operation", "grpc"), ("outcome", "cancelled")];
    assert_eq!(example.sum(OPERATIONS, &cancelled), Some(1.0));
    assert_eq!(check("ok"), Some(6.0));
    drop(client);
    assert!(example.stop().success(), "SIGTERM ends it well");
}
