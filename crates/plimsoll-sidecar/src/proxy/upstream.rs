//! Connections to the target, of one thread: kept open for the next request.

use super::seats::Seats;
use super::shared::{Counted, Shared};
use std::cell::RefCell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connections that a thread keeps open without a use for them.
const IDLE_MAX: usize = 256;

/// Ticks (1.5 s) after which one that nobody used is closed: sooner than any usual server closes it,
/// because a request that is sent at that moment is lost.
const IDLE_TICKS: u64 = 6;

/// The target can't be connected to.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error("{0}")]
    Failed(#[from] io::Error),
    #[error("no answer in time")]
    Late,
}

/// The target, as one thread sees it.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    seats: Rc<Seats>,
    idle: RefCell<Vec<(Connection, u64)>>,
}

/// A connection to the target.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Whether it has carried a request before.
    pub(crate) is_used: bool,
    counted: Counted,
}

impl Upstream {
    pub(crate) fn new(shared: Arc<Shared>, seats: Rc<Seats>) -> Self {
        Self { shared, seats, idle: RefCell::default() }
    }

    /// Returns a connection that was kept, if the target hasn't closed it.
    pub(crate) fn kept(&self) -> Option<Connection> {
        loop {
            let (connection, _) = self.idle.borrow_mut().pop()?;
            // Nobody asked anything: what there is to read is the end, or rubbish.
            let read = connection.stream.try_read(&mut [0]);
            if matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return Some(connection);
            }
        }
    }

    /// Makes a new connection.
    pub(crate) async fn connect(&self) -> Result<Connection, ConnectError> {
        let connected = timeout(
            self.shared.timing.connect,
            TcpStream::connect(self.shared.target.authority.as_str()),
        );
        let connected = match connected.await {
            Ok(connected) => connected.map_err(ConnectError::Failed),
            Err(_) => Err(ConnectError::Late),
        };
        self.shared.tried(connected.as_ref().err());
        let stream = connected?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, is_used: false, counted: self.shared.targets.enter() })
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, mut connection: Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_MAX && !self.seats.is_draining() {
            connection.is_used = true;
            idle.push((connection, self.seats.ticks()));
        }
    }

    /// Closes those that nobody has used for a while.
    pub(crate) fn tick(&self) {
        let now = self.seats.ticks();
        let mut idle = self.idle.borrow_mut();
        idle.retain(|(_, since)| now - since <= IDLE_TICKS);
        if idle.is_empty() {
            idle.shrink_to_fit();
        }
    }
}

impl Connection {
    /// Returns the stream, and what counts it until it is dropped.
    pub(crate) fn into_parts(self) -> (TcpStream, Counted) {
        (self.stream, self.counted)
    }
}

impl Deref for Connection {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}
