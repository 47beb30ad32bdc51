//! How a host and this process find each other: what the environment says, and the one line that answers it.
//!
//! Called by `plugin::serve`. Nothing here reads the environment but [`Environment::from_process`], once, at start-up,
//! and nothing here writes: the line is a value. Facts: go-plugin (`server.go`, `client.go`) and Terraform
//! (`internal/plugin6`), as summed up beside each constant.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::logging::LogVariables;

/// Name and value by which Terraform says "I am the one who started you" (`internal/plugin6/serve.go`, `Handshake`).
/// No security measure: it only keeps people from wondering why the program prints a strange line.
const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Version of the handshake itself (go-plugin `CoreProtocolVersion`).
const CORE_PROTOCOL_VERSION: u32 = 1;

/// The one Terraform plugin protocol served here.
pub(crate) const APP_PROTOCOL_VERSION: u32 = 6;

/// Everything `plugin` wants to know from the environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `TF_PLUGIN_MAGIC_COOKIE`.
    pub magic_cookie: Option<String>,
    /// `PLUGIN_PROTOCOL_VERSIONS`: a comma list of what the host speaks, in any order.
    pub protocol_versions: Option<String>,
    /// `PLUGIN_CLIENT_CERT`: PEM certificate of the host. Present when the host wants mutual TLS.
    pub client_certificate: Option<String>,
    /// `PLUGIN_UNIX_SOCKET_DIR`: where the socket goes instead of [`temp_dir`](Self::temp_dir).
    pub unix_socket_dir: Option<PathBuf>,
    /// `PLUGIN_UNIX_SOCKET_GROUP`: name or number of a group that may use the socket.
    pub unix_socket_group: Option<String>,
    /// `PLUGIN_MULTIPLEX_GRPC`: the host reads a seventh field. Older hosts would fail on it.
    pub multiplex_grpc: bool,
    /// The system's directory for temporary files.
    pub temp_dir: PathBuf,
    /// The variables that choose the log level.
    pub log: LogVariables,
}

impl Environment {
    /// Reads the environment of this process. For `main` only.
    #[must_use]
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var_os(name), std::env::temp_dir())
    }

    /// Reads variables through a function. An empty variable counts as a missing one, as it does in go-plugin.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>, temp_dir: PathBuf) -> Self {
        let raw = |name: &str| lookup(name).filter(|value| !value.is_empty());
        // Damaged text stays recognizably wrong, which is all its readers need.
        let text = |name: &str| raw(name).map(|value| value.to_string_lossy().into_owned());
        Self {
            magic_cookie: text(MAGIC_COOKIE.0),
            protocol_versions: text("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: text("PLUGIN_CLIENT_CERT"),
            unix_socket_dir: raw("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            unix_socket_group: text("PLUGIN_UNIX_SOCKET_GROUP"),
            multiplex_grpc: raw("PLUGIN_MULTIPLEX_GRPC").is_some(),
            temp_dir,
            log: LogVariables {
                provider_ackone: text("TF_LOG_PROVIDER_ACKONE"),
                provider: text("TF_LOG_PROVIDER"),
                core: text("TF_LOG"),
            },
        }
    }

    /// Whether a Terraform host started this process.
    pub(crate) fn started_by_host(&self) -> bool {
        self.magic_cookie.as_deref() == Some(MAGIC_COOKIE.1)
    }

    /// Whether the host lists protocol 6. A host that does not still gets our answer and reports the mismatch itself.
    pub(crate) fn host_speaks_our_protocol(&self) -> bool {
        self.protocol_versions.as_deref().is_some_and(|versions| {
            versions.split(',').any(|version| version.trim().parse() == Ok(APP_PROTOCOL_VERSION))
        })
    }

    /// The directory to create the socket in.
    pub(crate) fn socket_dir(&self) -> &Path {
        self.unix_socket_dir.as_deref().unwrap_or(&self.temp_dir)
    }
}

/// The handshake line with its line break: `CORE|APP|NETWORK|ADDRESS|PROTOCOL|CERT`.
///
/// The certificate is base64 without padding: hosts decode it strictly, and padding would fail for two of three
/// certificate lengths. The seventh field says that one connection cannot be shared by several gRPC brokers.
pub(crate) fn line(environment: &Environment, socket: &Path, server_certificate: Option<&[u8]>) -> String {
    let certificate = server_certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    let multiplex = if environment.multiplex_grpc { "|false" } else { "" };
    format!("{CORE_PROTOCOL_VERSION}|{APP_PROTOCOL_VERSION}|unix|{}|grpc|{certificate}{multiplex}\n", socket.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(
            |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)),
            PathBuf::from("/tmp"),
        )
    }

    #[test]
    fn only_the_exact_cookie_counts_as_a_host() {
        assert!(environment(&[MAGIC_COOKIE]).started_by_host());
        for (case, value) in [("empty", ""), ("other", "x"), ("longer", &format!("{}0", MAGIC_COOKIE.1))] {
            assert!(!environment(&[(MAGIC_COOKIE.0, value)]).started_by_host(), "{case}");
        }
        assert!(!environment(&[]).started_by_host());
    }

    #[test]
    fn protocol_six_is_found_in_any_order() {
        for (list, speaks) in [("5,6", true), ("6,5", true), ("6", true), ("5", false), ("16", false), ("", false)] {
            let environment = environment(&[("PLUGIN_PROTOCOL_VERSIONS", list)]);
            assert_eq!(environment.host_speaks_our_protocol(), speaks, "{list:?}");
        }
    }

    #[test]
    fn the_line_has_six_fields_and_an_empty_certificate_without_tls() {
        let line = line(&environment(&[]), Path::new("/run/plugin1"), None);
        assert_eq!(line, "1|6|unix|/run/plugin1|grpc|\n");
    }

    #[test]
    fn certificates_of_every_length_are_unpadded() {
        for (length, text) in [(1, "AA"), (2, "AAA"), (3, "AAAA")] {
            let line = line(&environment(&[]), Path::new("/p"), Some(&vec![0; length]));
            assert_eq!(line, format!("1|6|unix|/p|grpc|{text}\n"), "{length}");
        }
    }

    #[test]
    fn a_host_that_multiplexes_gets_a_seventh_field() {
        let environment = environment(&[("PLUGIN_MULTIPLEX_GRPC", "true")]);
        assert_eq!(line(&environment, Path::new("/p"), None), "1|6|unix|/p|grpc||false\n");
    }

    #[test]
    fn an_empty_variable_is_a_missing_one() {
        let environment =
            environment(&[("PLUGIN_CLIENT_CERT", ""), ("PLUGIN_UNIX_SOCKET_DIR", ""), ("PLUGIN_MULTIPLEX_GRPC", "")]);
        assert_eq!(environment.client_certificate, None);
        assert_eq!(environment.socket_dir(), Path::new("/tmp"));
        assert!(!environment.multiplex_grpc);
    }

    #[test]
    fn the_socket_directory_of_the_host_wins() {
        let environment = environment(&[("PLUGIN_UNIX_SOCKET_DIR", "/run/host")]);
        assert_eq!(environment.socket_dir(), Path::new("/run/host"));
    }
}
