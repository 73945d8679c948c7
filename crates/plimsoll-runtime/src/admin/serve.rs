use super::answer::Answers;
use super::debug::SCAN_EVERY;
use crate::shutdown::Stop;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often the recorded edges are merged, once there are any: a process that never records, as a
/// sidecar without a proxy, isn't woken for that.
const MERGE_EVERY: Duration = Duration::from_millis(50);

/// More connections wait until one of these is closed.
const CONNECTIONS_MAX: usize = 64;

/// A connection that asks nothing for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A connection is closed after so long, so that one that never reads can't keep its place.
const LIFE_MAX: Duration = Duration::from_secs(600);

/// How long answers that are under way may take to finish.
const GRACE: Duration = Duration::from_secs(1);

/// Answers and merges until the stop.
pub(super) async fn serve(listener: TcpListener, answers: Answers, stop: Stop) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the admin thread can't listen");
            return;
        }
    };
    let answers = Arc::new(answers);
    let mut connections = JoinSet::new();
    let mut merge = interval(MERGE_EVERY);
    merge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scan = interval(SCAN_EVERY);
    scan.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut accepts, mut records) = (true, false);
    loop {
        tokio::select! {
            biased;
            () = stop.stopped() => break,
            _ = merge.tick(), if records => {
                answers.merge();
                accepts = true;
            }
            _ = scan.tick() => {
                answers.scan();
                records = answers.has_recorded();
                accepts = true;
            }
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if accepts && connections.len() < CONNECTIONS_MAX => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, answers.clone(), stop.clone()));
                    }
                    Err(error) => {
                        // Mostly too many open files, which the next tick may find better.
                        tracing::warn!(%error, "can't accept a connection of the admin port");
                        accepts = false;
                    }
                }
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    // What isn't finished then is aborted with the set.
    let _ = timeout(GRACE, finished).await;
}

async fn connection(stream: TcpStream, answers: Arc<Answers>, stop: Stop) {
    let service = service_fn(move |request| {
        let response = answers.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that goes away is its own affair.
        _ = connection.as_mut() => return,
        () = stop.stopped() => {}
        () = sleep(LIFE_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(GRACE, connection).await;
}
