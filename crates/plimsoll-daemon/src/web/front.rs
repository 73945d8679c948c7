//! The listener: plain, or TLS as the web configuration says at that time.

use super::Web;
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Handshakes at once; who comes on top waits.
const HANDSHAKES_MAX: usize = 256;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long nobody is let in after the system refused a connection, as without descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes connections in; a slow handshake holds up nobody else.
#[derive(Debug)]
pub(crate) struct Front {
    listener: TcpListener,
    web: Arc<Web>,
    handshakes: JoinSet<Option<(Stream, SocketAddr)>>,
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Front {
    pub(crate) fn new(listener: TcpListener, web: Arc<Web>) -> Self {
        Self { listener, web, handshakes: JoinSet::new() }
    }
}

impl Listener for Front {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                Some(done) = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                accepted = self.listener.accept(), if has_room => match accepted {
                    Ok((stream, peer)) => match self.web.rules().tls.clone() {
                        None => return (Stream::Plain(stream), peer),
                        Some(tls) => {
                            let acceptor = TlsAcceptor::from(tls);
                            self.handshakes.spawn(shake(acceptor, stream, peer));
                        }
                    },
                    Err(error) => {
                        tracing::warn!(%error, "no connection can be taken");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn shake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<(Stream, SocketAddr)> {
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some((Stream::Tls(Box::new(stream)), peer)),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            None
        }
        Err(_elapsed) => None,
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
