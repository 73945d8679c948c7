//! A connection to one broker.

use super::sasl::{self, Mechanism};
use super::wire::{Garbled, Reader, Writer};
use crate::server::ServerConfig;
use crate::{Reason, tls};
use futures_util::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// How long a broker may take at most to connect, and to answer.
const REQUEST: Duration = Duration::from_secs(2);

/// No answer to what is asked here is longer; whoever says so speaks something else.
const ANSWER_MAX: usize = 32 << 20;

/// Where brokers are asked, and as whom.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) server: ServerConfig,
    pub(super) mechanism: Mechanism,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) patience: Patience,
}

/// How long a broker may take to connect, and to answer. Each that hangs in a round leaves half as much to
/// the others: any number of them costs two thirds of the deadline at most.
#[derive(Clone)]
pub(super) struct Patience {
    first: Duration,
    hung: Arc<AtomicU32>,
}

impl Patience {
    pub(super) fn new(deadline: Duration) -> Self {
        Self { first: (deadline / 3).min(REQUEST), hung: Arc::default() }
    }

    /// Forgets who hung, for the next round.
    pub(super) fn renew(&self) {
        self.hung.store(0, Ordering::Relaxed);
    }

    /// Waits for what a broker does, as long as is left to it.
    async fn wait_for<T>(
        &self,
        broker: &str,
        does: impl Future<Output = Result<T, Reason>>,
    ) -> Result<T, Reason> {
        let hung = self.hung.load(Ordering::Relaxed);
        let left = self.first / 2_u32.saturating_pow(hung);
        timeout(left, does).await.unwrap_or_else(|_| {
            self.hung.fetch_add(1, Ordering::Relaxed);
            Err(Reason::new(format_args!("{broker} gives no answer within {left:.1?}")))
        })
    }
}

/// What is asked: an interface of Kafka's and its version.
#[derive(Clone, Copy)]
pub(super) struct Api {
    pub(super) key: i16,
    pub(super) version: i16,
    /// Whether this version has the newer encoding.
    pub(super) is_flexible: bool,
}

/// An open connection; dropped, it is closed.
pub(super) struct Link {
    stream: Box<dyn Stream>,
    broker: String,
    patience: Patience,
    asked: i32,
    /// Whether the last request was answered, if only by a refusal: else there can't be another.
    pub(super) is_sound: bool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Dial {
    /// Connects to the broker at `host` and `port`, and logs in.
    pub(super) async fn connect(&self, host: &str, port: u16) -> Result<Link, Reason> {
        let broker = format!("{host}:{port}");
        let stream = self.stream(host, port, &broker);
        let stream = self.patience.wait_for(&broker, stream).await?;
        let patience = self.patience.clone();
        let mut link = Link { stream, broker, patience, asked: 0, is_sound: true };
        let password = self.server.password()?;
        if let (Some(user), Some(password)) = (self.server.address.user(), password) {
            sasl::log_in(&mut link, self.mechanism, &user, &password).await?;
        }
        Ok(link)
    }

    async fn stream(&self, host: &str, port: u16, broker: &str) -> Result<Box<dyn Stream>, Reason> {
        let plain = TcpStream::connect((host, port)).await;
        let plain = plain
            .map_err(|error| Reason::new(format_args!("{broker} can't be reached: {error}")))?;
        let Some(config) = &self.tls else { return Ok(Box::new(plain)) };
        let refused = |error: &dyn std::fmt::Display| {
            let error = error.to_string();
            let advice = tls::advice(&error).unwrap_or("name a listener that speaks TLS");
            Reason::new(format_args!("{broker}: TLS was refused: {error}; {advice}"))
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(&error))?;
        let encrypted = TlsConnector::from(Arc::clone(config)).connect(name, plain).await;
        Ok(Box::new(encrypted.map_err(|error| refused(&error))?))
    }
}

impl Link {
    /// Says whether the broker has kept the connection since: it says nothing that it wasn't asked.
    pub(super) fn is_open(&mut self) -> bool {
        self.stream.read(&mut [0]).now_or_never().is_none()
    }

    /// Asks, and reads what is answered.
    pub(super) async fn ask<T>(
        &mut self,
        api: Api,
        request: &Writer,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Garbled>,
    ) -> Result<T, Reason> {
        self.is_sound = false;
        let (patience, broker) = (self.patience.clone(), self.broker.clone());
        let answer = patience.wait_for(&broker, self.exchange(api, request)).await?;
        let mut reader = Reader(&answer);
        let is_mine = reader.i32() == Ok(self.asked);
        let head = if api.is_flexible { reader.tags() } else { Ok(()) };
        match head.and_then(|()| read(&mut reader)) {
            Ok(answer) if is_mine => {
                self.is_sound = true;
                Ok(answer)
            }
            _ => Err(self.garbled()),
        }
    }

    async fn exchange(&mut self, api: Api, request: &Writer) -> Result<Vec<u8>, Reason> {
        self.asked = self.asked.wrapping_add(1);
        let mut head = Writer::default();
        head.i16(api.key).i16(api.version).i32(self.asked).string("plimsoll-sidecar");
        if api.is_flexible {
            head.i8(0);
        }
        head.0.extend_from_slice(&request.0);
        let mut frame = Writer::default();
        frame.bytes(&head.0);
        let sent = self.stream.write_all(&frame.0).await;
        sent.map_err(|error| self.lost(&error))?;
        let length = self.stream.read_i32().await.map_err(|error| self.lost(&error))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= ANSWER_MAX);
        let length = length.ok_or_else(|| self.garbled())?;
        let mut answer = vec![0; length];
        let whole = self.stream.read_exact(&mut answer).await;
        whole.map_err(|error| self.lost(&error))?;
        Ok(answer)
    }

    fn lost(&self, error: &std::io::Error) -> Reason {
        let broker = &self.broker;
        Reason::new(format_args!(
            "{broker} closed the connection ({error}): it stops, is older than Kafka 2.6, or its \
             listener wants TLS (kafka+ssl://) or a user"
        ))
    }

    fn garbled(&self) -> Reason {
        Reason::new(format_args!("{}: what it answers isn't Kafka's protocol", self.broker))
    }

    /// Returns a reason that names the broker.
    pub(super) fn reason(&self, what: impl std::fmt::Display) -> Reason {
        Reason::new(format_args!("{}: {what}", self.broker))
    }
}
