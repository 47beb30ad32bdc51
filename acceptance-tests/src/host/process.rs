//! A running plugin process: its output, its connections, its signals and its end.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tfplugin_proto::plugin::Empty;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::HostError;
use super::connection::Connection;
use super::handshake::Handshake;
use super::identity::{HostIdentity, anonymous_client};
use super::log_line::LogLine;

/// How long Terraform waits for the handshake.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a test waits for anything else before it fails.
const WAIT_LIMIT: Duration = Duration::from_secs(20);

/// A signal a host or a user may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: what Ctrl-C sends to the whole process group.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// A started plugin. Dropping it kills the process.
#[derive(Debug)]
pub struct Plugin {
    child: Child,
    handshake: Handshake,
    handshake_after: Duration,
    identity: Option<Arc<HostIdentity>>,
    stdout: Output,
    stderr: Output,
    // Last: the process is told to die before its directory goes.
    temp_dir: TempDir,
}

/// A pipe that is read to its end in the background.
#[derive(Debug)]
struct Output {
    collected: watch::Receiver<Collected>,
    reader: JoinHandle<()>,
}

/// What has come out of a pipe.
#[derive(Debug, Default)]
struct Collected {
    text: String,
    ended: bool,
}

/// Reads the first line, or says how the process ended without one.
pub(crate) async fn read_line(child: &mut Child) -> Result<(String, BufReader<ChildStdout>), HostError> {
    let stdout = child.stdout.take().ok_or_else(|| missing("stdout"))?;
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    let read = timeout(START_LIMIT, stdout.read_line(&mut line)).await.map_err(|_| HostError::Timeout {
        awaited: "the handshake line",
        limit: START_LIMIT,
        last: "nothing on stdout".to_owned(),
    })?;
    if read.map_err(HostError::io("read stdout"))? > 0 {
        return Ok((line, stdout));
    }
    let mut text = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_end(&mut text).await.map_err(HostError::io("read stderr"))?;
    }
    let status = child.wait().await.map_err(HostError::io("wait for the provider"))?;
    Err(HostError::NoHandshake { status, stderr: String::from_utf8_lossy(&text).into_owned() })
}

fn missing(pipe: &'static str) -> HostError {
    HostError::io("find a pipe of the provider")(std::io::Error::other(pipe))
}

impl Plugin {
    pub(crate) fn new(
        mut child: Child,
        stdout: BufReader<ChildStdout>,
        handshake: Handshake,
        handshake_after: Duration,
        identity: Option<Arc<HostIdentity>>,
        temp_dir: TempDir,
    ) -> Self {
        let stderr: Option<BufReader<ChildStderr>> = child.stderr.take().map(BufReader::new);
        Self {
            child,
            handshake,
            handshake_after,
            identity,
            stdout: Output::collect(Some(stdout)),
            stderr: Output::collect(stderr),
            temp_dir,
        }
    }

    /// What the process said about itself.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// The process ID; none once the process has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Time from start to handshake.
    #[must_use]
    pub fn handshake_after(&self) -> Duration {
        self.handshake_after
    }

    /// The directory the process takes for the system's temporary one.
    #[must_use]
    pub fn temp_dir(&self) -> &Path {
        self.temp_dir.path()
    }

    /// Opens a connection as the host that started the process.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub async fn connect(&self) -> Result<Connection, HostError> {
        match &self.identity {
            Some(identity) => self.connect_as(identity).await,
            None => Connection::open(&self.handshake.socket, None).await,
        }
    }

    /// Opens a connection with the identity of some host. With TLS 1.3 a refusal may show only at the first call.
    ///
    /// # Errors
    ///
    /// The connection failed, or the process does not speak TLS.
    pub async fn connect_as(&self, identity: &HostIdentity) -> Result<Connection, HostError> {
        Connection::open(&self.handshake.socket, Some(identity.client(self.certificate()?)?)).await
    }

    /// Opens a TLS connection without a certificate of one's own.
    ///
    /// # Errors
    ///
    /// The connection failed, or the process does not speak TLS.
    pub async fn connect_without_certificate(&self) -> Result<Connection, HostError> {
        Connection::open(&self.handshake.socket, Some(anonymous_client(self.certificate()?)?)).await
    }

    fn certificate(&self) -> Result<&rustls::pki_types::CertificateDer<'static>, HostError> {
        self.handshake.certificate.as_ref().ok_or_else(|| HostError::BadHandshake {
            line: self.handshake.line.clone(),
            reason: "it carries no certificate".to_owned(),
        })
    }

    /// The identity this host handed over; none in clear text.
    #[must_use]
    pub fn identity(&self) -> Option<&HostIdentity> {
        self.identity.as_deref()
    }

    /// A bare connection to the socket, for a peer that speaks something else.
    ///
    /// # Errors
    ///
    /// The connection failed.
    pub async fn raw(&self) -> Result<UnixStream, HostError> {
        UnixStream::connect(&self.handshake.socket).await.map_err(HostError::io("connect to the socket"))
    }

    /// Sends a signal to the process.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), HostError> {
        let signal = match signal {
            Signal::Interrupt => rustix::process::Signal::INT,
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        let failed = HostError::io("signal the provider");
        match id.map(|id| rustix::process::kill_process(id, signal)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(failed(error.into())),
            None => Err(failed(std::io::ErrorKind::NotFound.into())),
        }
    }

    /// Closes the host's end of stdout, which is what the death of a host looks like from inside.
    pub async fn close_stdout(&mut self) {
        self.stdout.reader.abort();
        // The pipe is closed once the task is gone, however it ended.
        drop((&mut self.stdout.reader).await);
    }

    /// Waits for the end of the process.
    ///
    /// # Errors
    ///
    /// It did not end within the limit.
    pub async fn wait(&mut self, limit: Duration) -> Result<ExitStatus, HostError> {
        match timeout(limit, self.child.wait()).await {
            Ok(status) => status.map_err(HostError::io("wait for the provider")),
            Err(_) => Err(HostError::Timeout { awaited: "the provider to end", limit, last: self.stderr() }),
        }
    }

    /// Whether the process is still there.
    ///
    /// # Errors
    ///
    /// The system refused to say.
    pub fn is_running(&mut self) -> Result<bool, HostError> {
        Ok(self.child.try_wait().map_err(HostError::io("look at the provider"))?.is_none())
    }

    /// Ends the process as Terraform does, and waits for it. As there, the answer means nothing: on a busy machine the process
    /// may be gone before it was read. That it ends by itself is what counts.
    ///
    /// # Errors
    ///
    /// It could not be called, or the process did not end.
    pub async fn shut_down(mut self) -> Result<ExitStatus, HostError> {
        drop(self.connect().await?.controller().shutdown(Empty {}).await);
        self.wait(WAIT_LIMIT).await
    }

    /// What came on stdout after the handshake line. Complete only once the process has ended; see
    /// [`output_ended`](Self::output_ended).
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What has come on stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// The log lines that have come so far.
    ///
    /// # Errors
    ///
    /// A line is not one that a host can read; the text names it.
    pub fn log_lines(&self) -> Result<Vec<LogLine>, String> {
        let text = self.stderr();
        text.lines().map(|line| LogLine::parse(line).map_err(|reason| format!("{line:?}: {reason}"))).collect()
    }

    /// Waits until stderr holds a text.
    ///
    /// # Errors
    ///
    /// It did not come within the limit.
    pub async fn stderr_holds(&mut self, text: &'static str) -> Result<(), HostError> {
        self.stderr.wait_for(text, |collected| collected.text.contains(text)).await
    }

    /// Waits until stdout and stderr have ended, so that what they hold is everything.
    ///
    /// # Errors
    ///
    /// A pipe did not end: some process still holds it.
    pub async fn output_ended(&mut self) -> Result<(), HostError> {
        self.stdout.wait_for("the end of stdout", |collected| collected.ended).await?;
        self.stderr.wait_for("the end of stderr", |collected| collected.ended).await
    }
}

impl Output {
    fn collect<R: AsyncRead + Unpin + Send + 'static>(pipe: Option<BufReader<R>>) -> Self {
        let (sender, collected) = watch::channel(Collected::default());
        let reader = tokio::spawn(async move {
            if let Some(mut pipe) = pipe {
                let mut line = Vec::new();
                while pipe.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                    sender.send_modify(|collected| collected.text.push_str(&String::from_utf8_lossy(&line)));
                    line.clear();
                }
            }
            sender.send_modify(|collected| collected.ended = true);
        });
        Self { collected, reader }
    }

    fn text(&self) -> String {
        self.collected.borrow().text.clone()
    }

    async fn wait_for(
        &mut self,
        awaited: &'static str,
        condition: impl FnMut(&Collected) -> bool,
    ) -> Result<(), HostError> {
        let seen = matches!(timeout(WAIT_LIMIT, self.collected.wait_for(condition)).await, Ok(Ok(_)));
        if seen { Ok(()) } else { Err(HostError::Timeout { awaited, limit: WAIT_LIMIT, last: self.text() }) }
    }
}
