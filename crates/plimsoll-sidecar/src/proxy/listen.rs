//! What proxies listen on.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::net::{TcpListener, TcpSocket};

/// Connections that the system keeps until they are accepted.
const BACKLOG: u32 = 1_024;

/// The sockets that proxies listen on. A proxy that takes another's place takes its socket too, so that no
/// connection is refused between the two.
#[derive(Debug, Default)]
pub(crate) struct Listeners(Mutex<HashMap<SocketAddr, Weak<TcpListener>>>);

impl Listeners {
    /// Returns the socket of the proxy that listens there, or makes one.
    pub(super) fn at(&self, address: SocketAddr) -> io::Result<Arc<TcpListener>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, listener| listener.strong_count() > 0);
        if let Some(listener) = open.get(&address).and_then(Weak::upgrade) {
            return Ok(listener);
        }
        let listener = Arc::new(listen(address)?);
        // Port 0 is another one each time.
        if address.port() != 0 {
            open.insert(address, Arc::downgrade(&listener));
        }
        Ok(listener)
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // What a proxy before it left behind in TIME_WAIT is no reason not to listen.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
