//! The Unix socket a host connects to, and the loop that accepts connections on it.
//!
//! Called by `plugin::serve`. Each connection gets its own task up to the end of its TLS handshake, so a peer that sends
//! garbage, or nothing, holds up nobody. The socket file exists as long as its [`Socket`] does. Facts: go-plugin
//! (`server.go`, `serverListener_unix`).

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng as _;
use rustix::fs::{Gid, Mode};
use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tracing::debug;

/// Nobody but the owner may connect.
const OWNER_ONLY: u32 = 0o600;

/// The owner and the group of `PLUGIN_UNIX_SOCKET_GROUP` may connect.
const OWNER_AND_GROUP: u32 = 0o660;

/// Connections the system keeps while the accept loop is busy. A host opens one.
const BACKLOG: i32 = 16;

/// A fresh name is taken with a chance of 2^-64; a second attempt is politeness.
const NAME_ATTEMPTS: u32 = 3;

/// A host finishes its handshake within milliseconds. A peer that does not must not pile up.
const TLS_HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Connections that have finished their handshake and wait for the server to take them.
const READY_CONNECTIONS: usize = 16;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The socket could not be created.
    #[error("could not create the socket {path}")]
    Bind {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The group is unknown, or the socket could not be given to it.
    #[error("could not give the socket to the group {group:?} of PLUGIN_UNIX_SOCKET_GROUP")]
    Group {
        group: String,
        #[source]
        source: io::Error,
    },
}

/// A bound socket. Its file goes away with it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
}

impl Socket {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            debug!(path = %self.path.display(), %error, "could not remove the socket");
        }
    }
}

/// Creates the socket in a directory.
pub(crate) fn bind(directory: &Path, group: Option<&str>) -> Result<(Socket, UnixListener), ListenError> {
    let group = group.map(|group| Ok((group, group_id(group)?))).transpose()?;
    let (path, listener) = bind_fresh_name(directory)?;
    let socket = Socket { path };
    let failed = |source| ListenError::Bind { path: socket.path.clone(), source };
    listener.set_nonblocking(true).map_err(failed)?;
    let mode = match group {
        None => OWNER_ONLY,
        Some((name, id)) => {
            rustix::fs::chown(&socket.path, None, Some(id))
                .map_err(|source| ListenError::Group { group: name.to_owned(), source: source.into() })?;
            OWNER_AND_GROUP
        }
    };
    fs::set_permissions(&socket.path, Permissions::from_mode(mode)).map_err(failed)?;
    Ok((socket, listener))
}

fn bind_fresh_name(directory: &Path) -> Result<(PathBuf, UnixListener), ListenError> {
    let mut attempts = 1;
    loop {
        // Short: a socket's path ends at 104 to 108 bytes.
        let path = directory.join(format!("plugin{:016x}", rand::rng().random::<u64>()));
        match listen(&path) {
            Ok(listener) => return Ok((path, listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < NAME_ATTEMPTS => attempts += 1,
            Err(source) => return Err(ListenError::Bind { path, source }),
        }
    }
}

/// Binds a socket that is never open to others, not even for a moment: on Linux the file takes over the mode that the
/// unbound socket has, less the umask (`unix_bind` in the kernel). Elsewhere the umask alone decides until the caller
/// sets the mode. Changing the umask instead would change it for every thread of the process.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    #[cfg(target_os = "linux")]
    rustix::fs::fchmod(&socket, Mode::from_raw_mode(OWNER_ONLY))?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// The group's number: looked up by name first, as go-plugin does, then read as a number.
fn group_id(group: &str) -> Result<Gid, ListenError> {
    let failed = |source| ListenError::Group { group: group.to_owned(), source };
    let groups = fs::read_to_string("/etc/group").map_err(failed)?;
    find_group(&groups, group)
        .map(Gid::from_raw)
        .ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "there is no such group")))
}

/// Finds a group in the text of `/etc/group` (group(5): `name:password:number:members`).
fn find_group(groups: &str, wanted: &str) -> Option<u32> {
    groups
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(wanted)).then(|| fields.nth(1)?.parse().ok())?
        })
        .or_else(|| wanted.parse().ok())
}

/// Connections a server can take: the clear ones of [`accept_clear`], the encrypted ones of [`accept_tls`].
pub(crate) type Incoming<IO> = ReceiverStream<io::Result<IO>>;

/// Accepts connections without TLS.
pub(crate) fn accept_clear(listener: tokio::net::UnixListener) -> Incoming<UnixStream> {
    accept(listener, |stream| async { Ok(stream) })
}

/// Accepts connections and hands them on once their TLS handshake is done.
pub(crate) fn accept_tls(
    listener: tokio::net::UnixListener,
    acceptor: TlsAcceptor,
) -> Incoming<tokio_rustls::server::TlsStream<UnixStream>> {
    accept(listener, move |stream| {
        let handshake = acceptor.accept(stream);
        async { tokio::time::timeout(TLS_HANDSHAKE_LIMIT, handshake).await? }
    })
}

/// The loop of both: one task per connection, and no error of one connection ends the loop.
fn accept<IO, Handshake>(
    listener: tokio::net::UnixListener,
    handshake: impl Fn(UnixStream) -> Handshake + Send + 'static,
) -> Incoming<IO>
where
    IO: AsyncRead + AsyncWrite + Connected + Send + Unpin + 'static,
    Handshake: Future<Output = io::Result<IO>> + Send + 'static,
{
    let (ready, incoming) = mpsc::channel(READY_CONNECTIONS);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = ready.closed() => return, // the server has ended
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let handshake = handshake(stream);
                        let ready = ready.clone();
                        tokio::spawn(async move {
                            match handshake.await {
                                // A closed channel: the server has ended, and the connection with it.
                                Ok(connection) => drop(ready.send(Ok(connection)).await),
                                Err(error) => debug!(%error, "refused a connection"),
                            }
                        });
                    }
                    Err(error) => {
                        debug!(%error, "could not accept a connection");
                        // Out of file descriptors, most likely: others need the processor to give some back.
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                },
            }
        }
    });
    ReceiverStream::new(incoming)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const GROUPS: &str = "root:x:0:\nbroken\nadm:x:4:syslog\n42:x:7:\n";

    #[test]
    fn groups_are_found_by_name_before_they_are_read_as_numbers() {
        for (wanted, id) in [("adm", Some(4)), ("root", Some(0)), ("42", Some(7)), ("1001", Some(1001))] {
            assert_eq!(find_group(GROUPS, wanted), id, "{wanted}");
        }
        for unknown in ["staff", "broken", "-1", ""] {
            assert_eq!(find_group(GROUPS, unknown), None, "{unknown}");
        }
    }

    #[test]
    fn only_the_owner_may_connect_and_the_file_goes_with_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let (socket, _listener) = bind(directory.path(), None).unwrap();
        let path = socket.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(path.starts_with(directory.path()));
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_socket_is_born_closed_to_others() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p");
        let _listener = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o177, 0);
    }

    #[test]
    fn the_group_may_connect_when_the_host_names_one() {
        let directory = tempfile::tempdir().unwrap();
        let group = rustix::process::getegid().as_raw();
        let (socket, _listener) = bind(directory.path(), Some(&group.to_string())).unwrap();
        let metadata = fs::metadata(socket.path()).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.gid()), (0o660, group));
    }

    #[test]
    fn an_unknown_group_leaves_no_socket_behind() {
        let directory = tempfile::tempdir().unwrap();
        let error = bind(directory.path(), Some("no-such-group")).unwrap_err();
        assert!(error.to_string().contains("no-such-group"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let error = bind(&deep, None).unwrap_err();
        assert!(error.to_string().contains("ddd"), "{error}");
    }
}
