//! The life of the process, from its arguments to its exit status.
//!
//! Called by `main`. The order matters: everything that can fail comes before the handshake line, signals are taken
//! over before it, and nothing slow happens before it, since one Terraform command starts up to five processes.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tfplugin_proto::plugin::grpc_broker_server::GrpcBrokerServer;
use tfplugin_proto::plugin::grpc_controller_server::GrpcControllerServer;
use tfplugin_proto::plugin::grpc_stdio_server::GrpcStdioServer;
use tfplugin_proto::tfplugin6::provider_server::{Provider, ProviderServer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::transport::Server;
use tonic::transport::server::{Connected, Router};
use tonic_health::ServingStatus;
use tracing::{debug, error, warn};

use super::arguments::{HELP, Mode, NOT_A_HOST};
use super::handshake::{self, Environment};
use super::listener::{self, Incoming, ListenError};
use super::process::{End, EndSender, Signals, end_channel, watch_host};
use super::services::{Broker, Controller, Ending, HEALTH_SERVICE, Stdio, ended};
use super::tls::{self, MutualTls, TlsError};
use super::{logging, reattach};
use crate::clock::Clock;

/// Largest message of the provider service, both ways, in bytes: what the Go SDK's server allows. The library's default
/// of 4 MiB is less than a large attribute.
const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// How long open connections may hold up the exit. A host keeps its connection open, and kills us after two seconds.
const EXIT_GRACE: Duration = Duration::from_millis(200);

/// One worker would stall every call on one blocking one; more gain nothing.
const WORKER_THREADS: usize = 2;

/// What `main` found out about this run.
pub struct Options {
    /// What the process is for.
    pub mode: Mode,
    /// The environment, read once.
    pub environment: Environment,
    /// The provider's version, for `--version`.
    pub version: &'static str,
    /// The time, for log lines and for the certificate.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("mode", &self.mode).field("version", &self.version).finish_non_exhaustive()
    }
}

/// Why the process ends before it served anybody.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("could not start the runtime")]
    Runtime(#[source] io::Error),
    #[error("could not print the reattach variable")]
    Reattach(#[from] serde_json::Error),
    #[error("could not write to stdout")]
    Stdout(#[source] io::Error),
}

/// Runs the executable: serves the provider to a host, or answers a person who ran it by hand.
///
/// Returns when the host, or the developer, has ended it. The socket is gone by then. The caller should return the
/// status from `main` without waiting for anything.
pub fn serve<P: Provider>(provider: P, options: Options) -> ExitCode {
    let clock = options.clock.clone();
    match options.mode {
        Mode::Help => print(HELP),
        Mode::Version => print(&format!("terraform-provider-ackone {}, plugin protocol 6.11\n", options.version)),
        Mode::Plugin if !options.environment.started_by_host() => {
            drop(io::stderr().write_all(NOT_A_HOST.as_bytes())); // nobody reads it, so nobody misses it
            ExitCode::FAILURE
        }
        Mode::Plugin | Mode::Debug => {
            logging::install(&options.environment.log, clock.clone());
            serve_host(provider, &options).unwrap_or_else(|error| {
                logging::report_failure(&*clock, &error);
                ExitCode::FAILURE
            })
        }
    }
}

fn print(text: &str) -> ExitCode {
    match write_stdout(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn serve_host<P: Provider>(provider: P, options: &Options) -> Result<ExitCode, StartError> {
    let Options { mode, environment, clock, .. } = options;
    let debugged = *mode == Mode::Debug;
    if !debugged && !environment.host_speaks_our_protocol() {
        warn!("the host does not list plugin protocol 6");
    }
    // Reattaching carries no certificate, so a debugged process has no use for one.
    let client_certificate = environment.client_certificate.as_deref().filter(|_| !debugged);
    let mutual_tls = client_certificate.map(|pem| tls::mutual_tls(pem, clock.now())).transpose()?;
    let (socket, listener) = listener::bind(environment.socket_dir(), environment.unix_socket_group.as_deref())?;

    let runtime = runtime().map_err(StartError::Runtime)?;
    let (end, ends) = end_channel();
    let (announce, ending) = watch::channel(false);
    let served = {
        let _guard = runtime.enter();
        let signals = Signals::install().map_err(StartError::Runtime)?;
        let listener = tokio::net::UnixListener::from_std(listener).map_err(StartError::Runtime)?;
        runtime.spawn(signals.watch(debugged, end.clone()));
        spawn_server(&runtime, Connections { listener, mutual_tls: mutual_tls.as_ref() }, provider, end.clone(), ending)
    };

    let certificate = mutual_tls.as_ref().map(|tls| tls.certificate.as_ref());
    announce_address(debugged, environment, socket.path(), certificate)?;
    if !debugged {
        watch_host(end).map_err(StartError::Runtime)?;
    }

    // Every sender lives as long as the server; a closed channel means it is gone.
    let reason = ends.recv().unwrap_or(End::ServerStopped);
    debug!(?reason, "ending");
    announce.send_replace(true);
    if served.recv_timeout(EXIT_GRACE) == Err(mpsc::RecvTimeoutError::Timeout) {
        debug!("exiting with connections still open");
    }
    drop(socket);
    runtime.shutdown_background();
    Ok(match reason {
        End::ShutdownCalled | End::Terminated | End::Interrupted | End::HostGone => ExitCode::SUCCESS,
        End::ServerStopped => ExitCode::FAILURE,
    })
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(WORKER_THREADS).thread_name("worker").enable_all().build()
}

fn announce_address(
    debugged: bool,
    environment: &Environment,
    socket: &Path,
    certificate: Option<&[u8]>,
) -> Result<(), StartError> {
    let line = if debugged {
        reattach::line(socket, std::process::id())?
    } else {
        handshake::line(environment, socket, certificate)
    };
    write_stdout(&line).map_err(StartError::Stdout)
}

/// Where connections come from.
struct Connections<'a> {
    listener: tokio::net::UnixListener,
    mutual_tls: Option<&'a MutualTls>,
}

/// Starts the server. The receiver hears, or is disconnected, when it has ended.
fn spawn_server<P: Provider>(
    runtime: &Runtime,
    connections: Connections<'_>,
    provider: P,
    end: EndSender,
    ending: Ending,
) -> mpsc::Receiver<Infallible> {
    let (alive, served) = mpsc::channel();
    let last_word = LastWord { end: end.clone(), _alive: alive };
    let Connections { listener, mutual_tls } = connections;
    match mutual_tls {
        Some(MutualTls { config, .. }) => {
            let acceptor = TlsAcceptor::from(config.clone());
            let incoming = async move { listener::accept_tls(listener, acceptor) };
            runtime.spawn(run(incoming, provider, end, ending, last_word));
        }
        None => {
            let incoming = async move { listener::accept_clear(listener) };
            runtime.spawn(run(incoming, provider, end, ending, last_word));
        }
    }
    served
}

/// Tells the supervisor that the server has ended, even by a panic.
struct LastWord {
    end: EndSender,
    _alive: mpsc::Sender<Infallible>,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        self.end.send(End::ServerStopped);
    }
}

async fn run<P, IO>(
    incoming: impl Future<Output = Incoming<IO>>,
    provider: P,
    end: EndSender,
    ending: Ending,
    last_word: LastWord,
) where
    P: Provider,
    IO: AsyncRead + AsyncWrite + Connected + Send + Unpin + 'static,
{
    let router = router(provider, end, ending.clone()).await;
    if let Err(error) = router.serve_with_incoming_shutdown(incoming.await, ended(ending)).await {
        error!(%error, "the server failed");
    }
    drop(last_word);
}

/// Every service of the one connection.
async fn router<P: Provider>(provider: P, end: EndSender, ending: Ending) -> Router {
    let provider = ProviderServer::new(provider)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_service_status(HEALTH_SERVICE, ServingStatus::Serving).await;
    Server::builder()
        .add_service(provider)
        .add_service(GrpcControllerServer::new(Controller { end }))
        .add_service(GrpcStdioServer::new(Stdio { ending: ending.clone() }))
        .add_service(GrpcBrokerServer::new(Broker { ending }))
        .add_service(health)
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tfplugin_proto::plugin::Empty;
    use tfplugin_proto::plugin::grpc_controller_client::GrpcControllerClient;
    use tfplugin_proto::tfplugin6::provider_client::ProviderClient;
    use tfplugin_proto::tfplugin6::{DynamicValue, read_resource, stop_provider, validate_provider_config};
    use tonic::transport::{Channel, Endpoint};
    use tonic::{Request, Response, Status};

    use super::*;

    /// Echoes state, panics when asked to validate, and never answers a stop.
    struct Echo;

    #[tonic::async_trait]
    impl Provider for Echo {
        async fn read_resource(
            &self,
            request: Request<read_resource::Request>,
        ) -> Result<Response<read_resource::Response>, Status> {
            let new_state = request.into_inner().current_state;
            Ok(Response::new(read_resource::Response { new_state, ..Default::default() }))
        }

        async fn validate_provider_config(
            &self,
            _request: Request<validate_provider_config::Request>,
        ) -> Result<Response<validate_provider_config::Response>, Status> {
            panic!("a bug in a handler")
        }

        async fn stop_provider(
            &self,
            _request: Request<stop_provider::Request>,
        ) -> Result<Response<stop_provider::Response>, Status> {
            std::future::pending().await
        }
    }

    struct Served {
        runtime: Runtime,
        socket: listener::Socket,
        ends: mpsc::Receiver<End>,
        announce: watch::Sender<bool>,
        served: mpsc::Receiver<Infallible>,
        _directory: tempfile::TempDir,
    }

    /// The server as `serve_host` starts it, on a socket of its own, without TLS.
    fn serve_echo() -> Served {
        let directory = tempfile::tempdir().unwrap();
        let (socket, listener) = listener::bind(directory.path(), None).unwrap();
        let runtime = runtime().unwrap();
        let (end, ends) = end_channel();
        let (announce, ending) = watch::channel(false);
        let served = {
            let _guard = runtime.enter();
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            spawn_server(&runtime, Connections { listener, mutual_tls: None }, Echo, end, ending)
        };
        Served { runtime, socket, ends, announce, served, _directory: directory }
    }

    impl Served {
        fn channel(&self) -> Channel {
            let path = self.socket.path().to_owned();
            let connector = tower::service_fn(move |_| {
                let path = path.clone();
                async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
            });
            let endpoint = Endpoint::from_static("http://localhost");
            self.runtime.block_on(endpoint.connect_with_connector(connector)).unwrap()
        }

        fn provider(&self) -> ProviderClient<Channel> {
            ProviderClient::new(self.channel())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_MESSAGE_BYTES)
        }
    }

    fn state(byte: u8, length: usize) -> read_resource::Request {
        let value = DynamicValue { msgpack: vec![byte; length], json: Vec::new() };
        read_resource::Request { current_state: Some(value), ..Default::default() }
    }

    #[test]
    fn a_value_of_ten_mebibytes_goes_in_and_comes_back() {
        let server = serve_echo();
        let mut provider = server.provider();
        let answer = server.runtime.block_on(provider.read_resource(state(7, 10 << 20))).unwrap().into_inner();
        assert_eq!(answer.new_state, state(7, 10 << 20).current_state);
    }

    #[test]
    fn a_panic_in_one_call_leaves_the_others_alone() {
        let server = serve_echo();
        let mut provider = server.provider();
        let mut other = provider.clone();
        server.runtime.block_on(async {
            provider.validate_provider_config(validate_provider_config::Request::default()).await.unwrap_err();
            let answer = other.read_resource(state(1, 1)).await.unwrap().into_inner();
            assert_eq!(answer.new_state, state(1, 1).current_state);
        });
    }

    #[test]
    fn sixty_four_calls_at_once_get_their_own_answers() {
        let server = serve_echo();
        let provider = server.provider();
        server.runtime.block_on(async {
            let calls = (0..64_u8).map(|n| {
                let mut provider = provider.clone();
                tokio::spawn(
                    async move { provider.read_resource(state(n, 1000)).await.unwrap().into_inner().new_state },
                )
            });
            let answers = futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
            for (n, answer) in (0..64_u8).zip(answers) {
                assert_eq!(answer.unwrap(), state(n, 1000).current_state, "{n}");
            }
        });
    }

    #[test]
    fn shutdown_is_answered_while_a_call_hangs_and_reaches_the_supervisor() {
        let server = serve_echo();
        let channel = server.channel();
        let mut hanging = ProviderClient::new(channel.clone());
        server.runtime.spawn(async move { hanging.stop_provider(stop_provider::Request {}).await });
        server.runtime.block_on(GrpcControllerClient::new(channel).shutdown(Empty {})).unwrap();
        assert_eq!(server.ends.recv(), Ok(End::ShutdownCalled));
    }

    #[test]
    fn the_server_ends_by_itself_once_its_connections_are_idle() {
        let server = serve_echo();
        let mut provider = server.provider();
        server.runtime.block_on(provider.read_resource(state(1, 1))).unwrap();
        server.announce.send_replace(true);
        let ended = server.served.recv_timeout(Duration::from_secs(10));
        assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected));
        assert_eq!(server.ends.recv(), Ok(End::ServerStopped));
    }
}
