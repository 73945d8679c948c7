//! Workers behind a bounded queue that are instrumented in five lines, marked `(1)` to `(5)`.
//!
//! Each line that a client sends is the path of a file, to be measured by one of two workers. The
//! answer is `queued`, or `full` when four are waiting already.

use plimsoll::sync::tokio::mpsc;
use plimsoll::{Registry, RuntimeProbe, in_flight};
use plimsoll_runtime::shutdown::{self, Stop};
use plimsoll_runtime::{admin, ready::Readiness};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const WORKERS: usize = 2;
const QUEUED_MAX: usize = 4;

/// Measures a file.
#[in_flight(name = "measure", limit = 2)] // (1) how many, how they end, how long they take
async fn measure(path: &str) -> io::Result<usize> {
    Ok(tokio::fs::read(path).await?.len())
}

/// Takes one job after the other, until nobody can send any more and the queue is empty.
async fn work(queue: Arc<Mutex<mpsc::Receiver<String>>>) {
    // One of the idle workers waits for a job, the others wait for their turn to.
    while let Some(path) = next(&queue).await {
        // The outcome is in the metrics: an example has nobody else to tell.
        let _ = measure(&path).await;
    }
}

async fn next(queue: &Mutex<mpsc::Receiver<String>>) -> Option<String> {
    queue.lock().await.recv().await
}

/// Answers a client's lines until it goes away or it is time to stop.
#[in_flight(name = "client")] // (2) clients that are connected
async fn answer(mut client: TcpStream, queue: mpsc::Sender<String>, stop: Stop) -> io::Result<()> {
    let (read, mut write) = client.split();
    let mut lines = BufReader::new(read).lines();
    while let Some(Some(path)) = stop.run_until_stopped(lines.next_line()).await.transpose()? {
        let answer: &[u8] = match queue.try_send(path) {
            Ok(()) => b"queued\n",
            Err(_) => b"full\n", // The queue counts it as back-pressure by itself.
        };
        write.write_all(answer).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:7070".into());
    let metrics = arguments.next().unwrap_or_else(|| "127.0.0.1:9095".into()).parse()?;

    let listener = TcpListener::bind(&listen).await?;
    let admin = admin::spawn(metrics, Registry::global().clone(), Readiness::new())?; // (3)
    let _runtime = RuntimeProbe::named("main", &Handle::current()); // (4) busy worker threads
    print_addresses(listener.local_addr()?, admin.address());

    let (stopper, stop) = shutdown::channel();
    tokio::spawn(shutdown::on_signals(stopper)?);
    let (sender, queue) = mpsc::channel_named("files", QUEUED_MAX); // (5) depth, time in it, turned away
    let queue = Arc::new(Mutex::new(queue));
    let workers: JoinSet<()> = (0..WORKERS).map(|_| work(Arc::clone(&queue))).collect();
    let mut clients = JoinSet::new();
    while let Some(accepted) = stop.run_until_stopped(listener.accept()).await {
        clients.spawn(answer(accepted?.0, sender.clone(), stop.clone()));
        while clients.try_join_next().is_some() {}
    }
    // Nobody can send once the clients are gone: then the queue runs dry and the work ends.
    drop(sender);
    clients.join_all().await;
    workers.join_all().await;
    Ok(())
}

#[allow(clippy::print_stdout, reason = "whoever starts it needs the ports that it got")]
fn print_addresses(service: std::net::SocketAddr, metrics: std::net::SocketAddr) {
    println!("serving {service}\nmetrics {metrics}");
}
