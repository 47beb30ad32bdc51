//! On which loopback ports listeners are bound, and ports promised before their listener exists.
//!
//! The sandbox tells its users at the start where the first gateway will be reached. A promised port is held by a socket
//! that is bound but does not listen, so that nobody else gets it and clients are refused until the listener is made.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// On which ports listeners are bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PortPolicy {
    /// On the declared port where that is allowed and free, else on any other.
    #[default]
    Fallback,
    /// On the declared port or not at all.
    Declared,
    /// On any free port.
    Ephemeral,
}

/// A promised port: held while nobody serves there.
#[derive(Debug)]
struct Promise {
    port: u16,
    held: Option<Vec<TcpSocket>>,
}

/// The ports of a data plane.
#[derive(Debug, Default)]
pub struct Ports {
    policy: PortPolicy,
    promised: Mutex<BTreeMap<u16, Promise>>,
}

impl Ports {
    /// Ports after a policy, none of them promised.
    #[must_use]
    pub fn new(policy: PortPolicy) -> Self {
        Self { policy, promised: Mutex::default() }
    }

    /// Promises a place to the first listener of a declared port, and answers which.
    ///
    /// # Errors
    /// No port could be had, or under [`PortPolicy::Declared`] not the declared one.
    pub fn promise(&self, declared: u16) -> io::Result<u16> {
        let sockets = self.choose(declared)?;
        let port = port_of(&sockets)?;
        self.lock().insert(declared, Promise { port, held: Some(sockets) });
        Ok(port)
    }

    /// Listens for a declared port: at the promised place if nobody has it, else after the policy.
    pub(super) fn listen(&self, declared: u16) -> io::Result<Vec<TcpListener>> {
        let held = self.lock().get_mut(&declared).and_then(|promise| promise.held.take());
        let sockets = match held {
            Some(sockets) => sockets,
            None => self.choose(declared)?,
        };
        let listen = |socket: TcpSocket| {
            // Connections inherit it, so that the port can be had again while the last of them are still being closed.
            socket.set_reuseaddr(true)?;
            socket.listen(BACKLOG)
        };
        sockets.into_iter().map(listen).collect()
    }

    /// Holds a promised port again after its listener was closed.
    pub(super) fn give_back(&self, declared: u16, bound: u16) {
        let mut promised = self.lock();
        let Some(promise) = promised.get_mut(&declared).filter(|promise| promise.port == bound) else { return };
        match both(bound) {
            Ok(sockets) => promise.held = Some(sockets),
            Err(error) => tracing::warn!(%error, port = bound, "the gateway's port is lost to somebody else"),
        }
    }

    fn choose(&self, declared: u16) -> io::Result<Vec<TcpSocket>> {
        match self.policy {
            PortPolicy::Ephemeral => both(0),
            PortPolicy::Declared => both(declared),
            PortPolicy::Fallback => both(declared).or_else(|_| both(0)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Promise>> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn port_of(sockets: &[TcpSocket]) -> io::Result<u16> {
    let first = sockets.first().ok_or_else(|| io::Error::other("no socket"))?;
    Ok(first.local_addr()?.port())
}

/// The port on both loopback addresses, so that `localhost` works whichever a client tries first; without IPv6 on one.
fn both(port: u16) -> io::Result<Vec<TcpSocket>> {
    let first = bound(Ipv4Addr::LOCALHOST.into(), port)?;
    let port = first.local_addr()?.port();
    let second = bound(Ipv6Addr::LOCALHOST.into(), port).ok();
    Ok(std::iter::once(first).chain(second).collect())
}

/// A bound socket that does not listen. Nobody can bind a port beside a socket that does not share it; sharing is the
/// second choice, needed while connections of an earlier listener are still being closed.
fn bound(address: IpAddr, port: u16) -> io::Result<TcpSocket> {
    let bind = |shared: bool| -> io::Result<TcpSocket> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(shared)?;
        socket.bind(SocketAddr::new(address, port))?;
        Ok(socket)
    };
    match bind(false) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bind(true),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_promise_is_kept_again_and_again_but_not_twice_at_once() {
        let ports = Ports::new(PortPolicy::Ephemeral);
        let promised = ports.promise(443).unwrap();
        assert!(tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, promised)).await.is_err(), "nobody listens yet");
        for _ in 0..2 {
            let first = ports.listen(443).unwrap();
            let second = ports.listen(443).unwrap();
            assert_eq!(first[0].local_addr().unwrap().port(), promised);
            let other = second[0].local_addr().unwrap().port();
            assert_ne!(other, promised);
            tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, promised)).await.unwrap();
            drop((first, second));
            ports.give_back(443, other);
            ports.give_back(443, promised);
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_avoided_or_refused() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(Ports::new(PortPolicy::Fallback).promise(port).unwrap(), port);
        let refused = Ports::new(PortPolicy::Declared).promise(port).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }
}
