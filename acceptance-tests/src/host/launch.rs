//! How an executable is started: with which environment, arguments and standard input, and as what kind of host.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::handshake::Handshake;
use super::process::{Plugin, START_LIMIT, read_line};
use super::{HostError, HostIdentity, provider_binary};

/// The cookie of Terraform's hosts.
const MAGIC_COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// A process about to be started. Its environment is built from nothing: what the test runs in does not leak in.
#[derive(Debug)]
pub struct Launch {
    binary: PathBuf,
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
    identity: Option<HostIdentity>,
    stdin: Option<File>,
    temp_dir: TempDir,
}

/// A process that has ended by itself.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
    /// Where its sockets would have been.
    pub temp_dir: TempDir,
}

impl Launch {
    /// The provider, started as Terraform starts it: with the cookie, the protocol versions and a client certificate.
    ///
    /// # Errors
    ///
    /// There is no executable, or no certificate could be made.
    pub fn provider() -> Result<Self, HostError> {
        Self::executable(provider_binary()?)
    }

    /// Any plugin, started as Terraform starts it.
    ///
    /// # Errors
    ///
    /// No certificate or temporary directory could be made.
    pub fn executable(binary: PathBuf) -> Result<Self, HostError> {
        let identity = HostIdentity::generate()?;
        // A short path: the socket goes in there, and its path has to fit in about a hundred bytes.
        let temp_dir =
            tempfile::Builder::new().prefix("host").tempdir().map_err(HostError::io("make a temporary directory"))?;
        let launch =
            Self { binary, arguments: Vec::new(), variables: BTreeMap::new(), identity: None, stdin: None, temp_dir };
        let temp_dir = launch.temp_dir.path().to_owned();
        let launch = launch
            .env(MAGIC_COOKIE.0, MAGIC_COOKIE.1)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_MIN_PORT", "10000")
            .env("PLUGIN_MAX_PORT", "25000")
            .env("PLUGIN_CLIENT_CERT", identity.pem())
            .env("TMPDIR", temp_dir);
        Ok(Self { identity: Some(identity), ..launch })
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(&OsString::from(name));
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Speaks clear text, as Terraform does with `TF_DISABLE_PLUGIN_TLS` set.
    #[must_use]
    pub fn clear_text(mut self) -> Self {
        self.identity = None;
        self.without("PLUGIN_CLIENT_CERT")
    }

    /// Removes the cookie: nobody's host.
    #[must_use]
    pub fn by_hand(self) -> Self {
        self.without(MAGIC_COOKIE.0)
    }

    /// Gives the process a file as standard input. Its read position is shared with every clone of the handle.
    #[must_use]
    pub fn stdin(mut self, file: File) -> Self {
        self.stdin = Some(file);
        self
    }

    /// The directory that the process takes for the system's temporary one.
    #[must_use]
    pub fn temp_dir(&self) -> &Path {
        self.temp_dir.path()
    }

    /// Starts the process and reads its handshake.
    ///
    /// # Errors
    ///
    /// The process could not be started, or did not print a line that a host takes.
    pub async fn start(mut self) -> Result<Plugin, HostError> {
        let started = Instant::now();
        let mut child = self.spawn()?;
        let (line, stdout) = read_line(&mut child).await?;
        let handshake = Handshake::parse(&line)?;
        let handshake_after = started.elapsed();
        Ok(Plugin::new(child, stdout, handshake, handshake_after, self.identity.map(Arc::new), self.temp_dir))
    }

    /// Starts the process in debug mode, and reads the reattach variable it prints instead of a handshake.
    ///
    /// # Errors
    ///
    /// The process could not be started, or printed something else.
    pub async fn start_debugged(mut self) -> Result<(Plugin, serde_json::Value), HostError> {
        self = self.arg("--debug").by_hand().clear_text();
        let started = Instant::now();
        let mut child = self.spawn()?;
        let (line, stdout) = read_line(&mut child).await?;
        let bad = |reason: &str| HostError::BadHandshake { line: line.clone(), reason: reason.to_owned() };
        let json = line
            .strip_prefix("TF_REATTACH_PROVIDERS='")
            .and_then(|line| line.strip_suffix("'\n"))
            .ok_or_else(|| bad("it is no shell assignment of TF_REATTACH_PROVIDERS"))?;
        let reattach: serde_json::Value = serde_json::from_str(json).map_err(|error| bad(&error.to_string()))?;
        let socket = reattach
            .as_object()
            .and_then(|providers| providers.values().next()?.pointer("/Addr/String")?.as_str())
            .ok_or_else(|| bad("it names no address"))?;
        let handshake =
            Handshake { line: line.clone(), socket: PathBuf::from(socket), certificate: None, multiplex: None };
        let plugin = Plugin::new(child, stdout, handshake, started.elapsed(), None, self.temp_dir);
        Ok((plugin, reattach))
    }

    /// Starts a process that should end by itself, and waits for it.
    ///
    /// # Errors
    ///
    /// The process could not be started, or did not end.
    pub async fn run(mut self) -> Result<Finished, HostError> {
        let started = Instant::now();
        let child = self.spawn()?;
        let output = tokio::time::timeout(START_LIMIT, child.wait_with_output())
            .await
            .map_err(|_| HostError::Timeout {
                awaited: "the process to end",
                limit: START_LIMIT,
                last: "it is running".to_owned(),
            })?
            .map_err(HostError::io("wait for the process"))?;
        Ok(Finished {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            elapsed: started.elapsed(),
            temp_dir: self.temp_dir,
        })
    }

    fn spawn(&mut self) -> Result<Child, HostError> {
        Command::new(&self.binary)
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables)
            .stdin(self.stdin.take().map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(HostError::io("start the provider"))
    }
}
