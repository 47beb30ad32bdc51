//! The door of an API server on loopback: its address, its certificates, who may come in.
//!
//! The embedded server and the relay to a real one have the same door, so that kubeconfigs, revoked credentials, faults
//! and the call log are the same with both. It knows nothing of what lies behind it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::AuthorityPem;
use super::auth::{Access, Denial};
use super::clock::Clock;
use super::gate::RequestGate;
use super::http::{self, Back};
use super::tls::Authority;

/// How long an issued client certificate is valid.
const CLIENT_VALIDITY: SignedDuration = SignedDuration::from_hours(24 * 365);
/// A client certificate is valid from a little before it is issued, for clocks that differ.
const CLIENT_BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// How to open a door.
pub(crate) struct Opening {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub(crate) port: u16,
    pub(crate) clock: Clock,
    pub(crate) gate: Arc<dyn RequestGate>,
    /// An earlier door's authority, so that its kubeconfigs stay good.
    pub(crate) authority: Option<AuthorityPem>,
}

/// An open door. Dropping it closes it.
pub(crate) struct Entrance {
    address: SocketAddr,
    access: Arc<Access>,
    authority: Authority,
    clock: Clock,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Entrance {
    /// Opens a door; `back` makes what answers behind it.
    pub(crate) async fn open(
        opening: Opening,
        back: impl FnOnce(SocketAddr, &Arc<Access>) -> Back,
    ) -> io::Result<Entrance> {
        let now = (opening.clock)();
        let authority = match &opening.authority {
            Some(pem) => Authority::load(&pem.certificate, &pem.key, now)?,
            None => Authority::generate(now)?,
        };
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((loopback, opening.port)).await?;
        let address = listener.local_addr()?;
        let tls = authority.server_config(loopback, now)?;
        let access = Arc::new(Access::new(authority.client_verifier()?));
        let front = Arc::new(http::Front {
            back: back(address, &access),
            access: Arc::clone(&access),
            clock: Arc::clone(&opening.clock),
            gate: opening.gate,
            acceptor: tokio_rustls::TlsAcceptor::from(Arc::new(tls)),
            calls: AtomicU64::new(1),
        });
        let (stop, stopped) = watch::channel(false);
        let task = Some(tokio::spawn(http::serve(front, listener, stopped)));
        Ok(Entrance { address, access, authority, clock: opening.clock, stop, task })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of the authority that signed the door's.
    pub(crate) fn ca_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// The authority with its key, for a state file.
    pub(crate) fn authority(&self) -> AuthorityPem {
        AuthorityPem {
            certificate: self.authority.certificate_pem().to_owned(),
            key: self.authority.key_pem().to_owned(),
        }
    }

    /// Issues a client certificate of one year and returns a kubeconfig with it.
    pub(crate) fn kubeconfig(&self, user: &str, groups: &[&str]) -> io::Result<String> {
        let until = (self.clock)().checked_add(CLIENT_VALIDITY).map_err(io::Error::other)?;
        self.kubeconfig_until(user, groups, until)
    }

    /// The same with the instant the certificate expires, which may lie in the past.
    pub(crate) fn kubeconfig_until(&self, user: &str, groups: &[&str], until: Timestamp) -> io::Result<String> {
        let now = (self.clock)();
        let from = now.min(until).checked_sub(CLIENT_BACKDATE).map_err(io::Error::other)?;
        let client = self.authority.issue_client(user, groups, from, until)?;
        self.access.record_issue(client.serial.clone(), now, user, groups);
        Ok(self.authority.kubeconfig(&self.url(), user, &client))
    }

    /// Makes a bearer token known.
    pub(crate) fn add_token(&self, token: &str, user: &str, groups: &[&str], expires: Option<Timestamp>) {
        self.access.add_token(token, user, groups, expires);
    }

    /// Refuses all client certificates issued before `instant` with 401.
    pub(crate) fn revoke_issued_before(&self, instant: Timestamp) {
        self.access.revoke_before(instant);
    }

    /// Replaces the list of what is refused with 403.
    pub(crate) fn set_denials(&self, denials: Vec<Denial>) {
        self.access.set_denials(denials);
    }

    /// Told when the door closes.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Closes the door, drops all connections and waits for their end.
    pub(crate) async fn close(&mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "a server task failed");
        }
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
