//! TCP sockets of the sidecar's own network namespace, as the kernel lists them for `ss`: sixty bytes a
//! socket instead of a line of text, and the backlog of a listener, which no file has.

use super::table::Socket;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};
use std::time::Duration;

/// The kernel answers at once or not at all.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) const ESTABLISHED: u8 = 1;
pub(super) const LISTEN: u8 = 10;

const TCP: u8 = 6;

/// `AF_INET` and `AF_INET6`.
const FAMILIES: [u8; 2] = [2, 10];

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST_DUMP: u16 = 0x301;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A message's head.
const HEAD_LEN: usize = 16;

/// Lists the sockets of one state.
///
/// # Errors
/// This kernel, or a filter of calls, has no such list.
pub(super) fn each(state: u8, mut told: impl FnMut(Socket)) -> Result<(), Errno> {
    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    set_socket_timeout(&kernel, Timeout::Recv, Some(PATIENCE))?;
    for family in FAMILIES {
        send(&kernel, &request(family, state), SendFlags::empty())?;
        receive(&kernel, &mut told)?;
    }
    Ok(())
}

/// Writes `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn request(family: u8, state: u8) -> [u8; 72] {
    let mut request = [0; 72];
    let states = 1_u32 << state;
    let mut at = 0;
    for part in [
        &72_u32.to_ne_bytes()[..],
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &REQUEST_DUMP.to_ne_bytes(),
        &[0; 8],
        &[family, TCP, 0, 0],
        &states.to_ne_bytes(),
    ] {
        request[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    request
}

fn receive(kernel: &OwnedFd, told: &mut impl FnMut(Socket)) -> Result<(), Errno> {
    let mut piece = vec![0; 32 * 1024];
    loop {
        let (len, _) = recv(kernel, &mut piece[..], RecvFlags::empty())?;
        let mut rest = piece.get(..len).unwrap_or_default();
        while let Some((kind, body, after)) = message(rest) {
            match kind {
                DONE => return Ok(()),
                ERROR => return Err(Errno::OPNOTSUPP),
                _ => parsed(body).into_iter().for_each(&mut *told),
            }
            rest = after;
        }
        if len == 0 {
            return Ok(());
        }
    }
}

/// Splits off the first message: its kind, its body, and what comes after.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(HEAD_LEN..len)?;
    let after = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, after))
}

/// Reads `struct inet_diag_msg`.
fn parsed(body: &[u8]) -> Option<Socket> {
    let number = |at: usize| Some(u32::from_ne_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let is_listener = *body.get(1)? == LISTEN;
    let port = u16::from_be_bytes(body.get(4..6)?.try_into().ok()?);
    let (received, sent) = (number(56)?, number(60)?);
    Some(Socket {
        inode: u64::from(number(68)?),
        port,
        is_listener,
        waiting: if is_listener { received } else { 0 },
        backlog: is_listener.then_some(sent),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn the_kernel_tells_who_waits_to_be_accepted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut sockets = Vec::new();
        each(LISTEN, |socket| sockets.push(socket)).unwrap();
        each(ESTABLISHED, |socket| sockets.push(socket)).unwrap();
        let of_port = |is_listener| {
            sockets.iter().filter(move |socket| {
                socket.port == address.port() && socket.is_listener == is_listener
            })
        };
        let seen: Vec<_> = of_port(true).map(|socket| (socket.waiting, socket.backlog)).collect();
        // The standard library asks for 128, on every Linux.
        assert_eq!(seen, [(3, Some(128))]);
        assert_eq!(of_port(false).count(), 3);
        drop(clients);
    }

    #[test]
    fn a_torn_message_is_none() {
        let whole = request(2, LISTEN);
        assert!(message(&whole).is_some());
        for end in 0..whole.len() {
            assert!(message(&whole[..end]).is_none());
            let _ = parsed(&whole[..end]);
        }
        assert!(message(&[3, 0, 0, 0, 0, 0, 0, 0]).is_none());
    }
}
