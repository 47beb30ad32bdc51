//! The provider as a process: how a host finds it, trusts it, reads its logs and stops it. No Terraform rules, no
//! resources: the executable and our own plugin host.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use acceptance_tests::host::{Connection, HostError, HostIdentity, Launch, LogLine, Plugin, Signal};
use tfplugin_proto::health_v1::HealthCheckRequest;
use tfplugin_proto::health_v1::health_check_response::ServingStatus;
use tfplugin_proto::plugin::Empty;
use tfplugin_proto::tfplugin6::{get_provider_schema, stop_provider};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tonic::Code;
use tonic::codegen::tokio_stream;

/// Terraform kills a provider two seconds after `Shutdown`; ours is to be gone long before.
const EXIT_LIMIT: Duration = Duration::from_millis(300);

/// How soon the process must notice that its host is dead.
const ORPHAN_LIMIT: Duration = Duration::from_secs(1);

/// Well before the provider itself gives up on a peer that does not finish its handshake.
const PROMPTLY: Duration = Duration::from_secs(4);

/// For what should take milliseconds, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn provider() -> Launch {
    Launch::provider().unwrap()
}

async fn serving(connection: &Connection) -> bool {
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    match timeout(PATIENCE, connection.health().check(request)).await.unwrap() {
        Ok(response) => response.into_inner().status() == ServingStatus::Serving,
        Err(_) => false,
    }
}

/// A refusal shows while connecting, or at the first call when the client finished its handshake first.
async fn refused(connection: Result<Connection, HostError>) -> bool {
    match connection {
        Ok(connection) => !serving(&connection).await,
        Err(_) => true,
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

// Start-up

#[tokio::test]
async fn run_by_hand_it_explains_itself_and_fails() {
    let finished = provider().by_hand().run().await.unwrap();
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("Terraform starts it"), "{}", finished.stderr);
    assert!(is_empty(finished.temp_dir.path()));
}

#[tokio::test]
async fn a_wrong_cookie_is_no_cookie() {
    let finished = provider().env("TF_PLUGIN_MAGIC_COOKIE", "another plugin's").run().await.unwrap();
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(1), ""));
}

#[tokio::test]
async fn version_and_help_need_no_host() {
    for (argument, text) in [("--version", "plugin protocol 6"), ("--help", "--debug")] {
        let finished = provider().by_hand().arg(argument).run().await.unwrap();
        assert!(finished.status.success() && finished.stdout.contains(text), "{argument}: {}", finished.stdout);
        assert_eq!(finished.stderr, "");
    }
}

#[tokio::test]
async fn an_unknown_argument_is_an_error_that_names_it() {
    let finished = provider().by_hand().arg("plan").run().await.unwrap();
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(1), ""));
    assert!(finished.stderr.contains("\"plan\""), "{}", finished.stderr);
}

#[tokio::test]
async fn the_first_bytes_on_stdout_are_a_handshake_of_six_fields() {
    let plugin = provider().start().await.unwrap();
    let handshake = plugin.handshake();
    assert_eq!(handshake.line.matches('|').count(), 5);
    assert!(handshake.certificate.is_some());
    assert!(fs::metadata(&handshake.socket).unwrap().file_type().is_socket());
}

#[tokio::test]
async fn only_a_host_that_multiplexes_gets_a_seventh_field() {
    let plugin = provider().env("PLUGIN_MULTIPLEX_GRPC", "true").start().await.unwrap();
    assert_eq!(plugin.handshake().multiplex, Some(false));
    let plugin = provider().env("PLUGIN_MULTIPLEX_GRPC", "").start().await.unwrap();
    assert_eq!(plugin.handshake().multiplex, None);
}

#[tokio::test]
async fn a_host_of_protocol_five_or_of_none_gets_the_same_answer() {
    for launch in [provider().env("PLUGIN_PROTOCOL_VERSIONS", "5"), provider().without("PLUGIN_PROTOCOL_VERSIONS")] {
        let plugin = launch.start().await.unwrap(); // the handshake parser insists on 6
        assert!(serving(&plugin.connect().await.unwrap()).await);
    }
}

#[tokio::test]
async fn a_damaged_client_certificate_ends_the_start_with_a_log_line() {
    let empty_block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (case, value) in [("no PEM", "hello"), ("no X.509", empty_block)] {
        let finished = provider().env("PLUGIN_CLIENT_CERT", value).run().await.unwrap();
        assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(1), ""), "{case}");
        let line = LogLine::parse(finished.stderr.trim_end()).unwrap();
        assert!(line.level == "error" && line.message.contains("PLUGIN_CLIENT_CERT"), "{case}: {line:?}");
        assert!(is_empty(finished.temp_dir.path()), "{case}");
    }
}

// The socket

#[tokio::test]
async fn the_socket_is_the_owners_alone_and_lies_in_the_temporary_directory() {
    let plugin = provider().start().await.unwrap();
    let socket = &plugin.handshake().socket;
    assert_eq!(socket.parent(), Some(plugin.temp_dir()));
    assert_eq!(fs::metadata(socket).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn the_host_chooses_the_directory_and_the_group_of_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let group = rustix::process::getegid().as_raw();
    let plugin = provider()
        .env("PLUGIN_UNIX_SOCKET_DIR", directory.path())
        .env("PLUGIN_UNIX_SOCKET_GROUP", group.to_string())
        .start()
        .await
        .unwrap();
    let socket = plugin.handshake().socket.clone();
    assert_eq!(socket.parent(), Some(directory.path()));
    let metadata = fs::metadata(&socket).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.gid()), (0o660, group));
    assert!(serving(&plugin.connect().await.unwrap()).await);
}

#[tokio::test]
async fn a_start_that_fails_leaves_no_socket() {
    let directory = tempfile::tempdir().unwrap();
    let finished = provider()
        .env("PLUGIN_UNIX_SOCKET_DIR", directory.path())
        .env("PLUGIN_UNIX_SOCKET_GROUP", "no-such-group")
        .run()
        .await
        .unwrap();
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(1), ""));
    assert!(finished.stderr.contains("no-such-group"), "{}", finished.stderr);
    assert!(is_empty(directory.path()));
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let finished = provider().env("PLUGIN_UNIX_SOCKET_DIR", "/no/such/directory").run().await.unwrap();
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(1), ""));
    let line = LogLine::parse(finished.stderr.trim_end()).unwrap();
    assert!(line.message.contains("/no/such/directory"), "{line:?}");
}

// Trust

#[tokio::test]
async fn the_host_that_started_it_connects_with_tls_and_http2() {
    // The host's TLS client checks the name, the usage, ALPN, and the validity half a minute ago.
    let plugin = provider().start().await.unwrap();
    assert!(serving(&plugin.connect().await.unwrap()).await);
}

#[tokio::test]
async fn without_a_client_certificate_it_speaks_clear_text() {
    let plugin = provider().clear_text().start().await.unwrap();
    assert_eq!(plugin.handshake().certificate, None);
    assert!(serving(&plugin.connect().await.unwrap()).await);
}

#[tokio::test]
async fn strangers_are_refused_and_the_host_still_gets_in() {
    let plugin = provider().start().await.unwrap();
    assert!(refused(plugin.connect_without_certificate().await).await, "no certificate");
    let stranger = HostIdentity::generate().unwrap();
    assert!(refused(plugin.connect_as(&stranger).await).await, "another certificate of the same subject");
    let thief = plugin.identity().unwrap().stolen().unwrap();
    assert!(refused(plugin.connect_as(&thief).await).await, "the host's certificate without its key");
    assert!(serving(&plugin.connect().await.unwrap()).await);
}

#[tokio::test]
async fn clear_text_is_refused_when_the_host_wants_tls() {
    let plugin = provider().start().await.unwrap();
    let mut raw = plugin.raw().await.unwrap();
    raw.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, or an end: no HTTP/2 settings frame (which has type 4 in its fourth byte).
    drop(timeout(PATIENCE, raw.read_to_end(&mut answer)).await.unwrap());
    assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
}

#[tokio::test]
async fn garbage_and_silence_on_one_connection_hold_up_no_other() {
    for launch in [provider(), provider().clear_text()] {
        let plugin = launch.start().await.unwrap();
        let mut garbage = plugin.raw().await.unwrap();
        garbage.write_all(&[0xff; 4096]).await.unwrap();
        let silence = plugin.raw().await.unwrap();
        let connection = timeout(PROMPTLY, plugin.connect()).await.unwrap().unwrap();
        assert!(timeout(PROMPTLY, serving(&connection)).await.unwrap());
        drop((garbage, silence));
    }
}

// Services

#[tokio::test]
async fn every_service_of_a_plugin_answers() {
    let plugin = provider().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    assert!(serving(&connection).await);
    let unknown = connection.health().check(HealthCheckRequest { service: "nobody".to_owned() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    connection.stdio().stream_stdio(()).await.unwrap();
    connection.broker().start_stream(tokio_stream::pending()).await.unwrap();
    let stopped = connection.provider().stop_provider(stop_provider::Request {}).await;
    // A path that nobody serves is answered with the same code, but an empty message.
    let served = stopped.as_ref().err().is_none_or(|status| !status.message().is_empty());
    assert!(served, "{stopped:?}");
    connection.controller().shutdown(Empty {}).await.unwrap();
}

#[tokio::test]
async fn the_broker_stream_ends_with_the_hosts_half() {
    let plugin = provider().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    let mut offers = connection.broker().start_stream(tokio_stream::empty()).await.unwrap().into_inner();
    assert_eq!(timeout(PATIENCE, offers.message()).await.unwrap().unwrap(), None);
}

// The end

#[tokio::test]
async fn shutdown_ends_the_process_while_streams_and_connection_stay_open() {
    let mut plugin = provider().start().await.unwrap();
    let socket = plugin.handshake().socket.clone();
    let connection = plugin.connect().await.unwrap();
    let stdio = connection.stdio().stream_stdio(()).await.unwrap().into_inner();
    let broker = connection.broker().start_stream(tokio_stream::pending()).await.unwrap().into_inner();
    let watch = connection.health().watch(HealthCheckRequest { service: "plugin".to_owned() }).await.unwrap();

    connection.controller().shutdown(Empty {}).await.unwrap();
    let answered = Instant::now();
    let status = plugin.wait(PATIENCE).await.unwrap();

    let elapsed = answered.elapsed();
    assert!(elapsed <= EXIT_LIMIT, "{elapsed:?}");
    assert_eq!(status.code(), Some(0));
    assert!(!socket.exists());
    drop((stdio, broker, watch, connection));
}

#[tokio::test]
async fn streams_stay_silent_until_shutdown_ends_them_cleanly() {
    let plugin = provider().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    let mut stdio = connection.stdio().stream_stdio(()).await.unwrap().into_inner();
    connection.controller().shutdown(Empty {}).await.unwrap();
    assert_eq!(timeout(PATIENCE, stdio.message()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn an_interrupt_is_left_to_the_host() {
    // Ctrl-C reaches the whole process group; the host then sends StopProvider.
    let mut plugin = provider().env("TF_LOG", "DEBUG").start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    for _ in 0..2 {
        plugin.signal(Signal::Interrupt).unwrap();
    }
    plugin.stderr_holds("ignored an interrupt").await.unwrap();
    assert!(serving(&connection).await);
    assert!(plugin.is_running().unwrap());
}

#[tokio::test]
async fn sigterm_ends_the_process_and_removes_the_socket() {
    let mut plugin = provider().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    plugin.signal(Signal::Terminate).unwrap();
    assert_eq!(plugin.wait(PATIENCE).await.unwrap().code(), Some(0));
    assert!(!plugin.handshake().socket.exists());
    drop(connection);
}

#[tokio::test]
async fn the_death_of_the_host_ends_the_process_and_removes_the_socket() {
    let mut plugin = provider().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    plugin.close_stdout().await;
    let died = Instant::now();
    plugin.wait(PATIENCE).await.unwrap();
    let elapsed = died.elapsed();
    assert!(elapsed <= ORPHAN_LIMIT, "{elapsed:?}");
    assert!(!plugin.handshake().socket.exists());
    drop(connection);
}

// Standard streams

#[tokio::test]
async fn stdin_is_the_users_and_stays_unread() {
    let mut input: File = tempfile::tempfile().unwrap();
    input.write_all(b"yes\n").unwrap();
    input.rewind().unwrap();
    let plugin = provider().stdin(input.try_clone().unwrap()).start().await.unwrap();
    assert!(plugin.shut_down().await.unwrap().success());
    assert_eq!(input.stream_position().unwrap(), 0);
}

/// A whole life with some traffic, for what it leaves on stdout and stderr.
async fn live(launch: Launch) -> Plugin {
    let mut plugin = launch.start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    assert!(serving(&connection).await);
    drop(connection.provider().get_provider_schema(get_provider_schema::Request {}).await);
    connection.controller().shutdown(Empty {}).await.unwrap();
    plugin.wait(PATIENCE).await.unwrap();
    plugin.output_ended().await.unwrap();
    plugin
}

#[tokio::test]
async fn nothing_follows_the_handshake_on_stdout() {
    let plugin = live(provider().env("TF_LOG", "TRACE")).await;
    assert_eq!(plugin.stdout(), "");
}

#[tokio::test]
async fn without_a_log_level_stderr_stays_empty() {
    for launch in [provider(), provider().env("TF_LOG", "").env("TF_LOG_PROVIDER", "")] {
        assert_eq!(live(launch).await.stderr(), "");
    }
}

#[tokio::test]
async fn every_line_of_the_log_is_one_a_host_can_read() {
    let plugin = live(provider().env("TF_LOG", "TRACE")).await;
    let lines = plugin.log_lines().unwrap();
    assert!(lines.iter().any(|line| line.level == "debug" && line.message.contains("shutdown")), "{lines:?}");
    assert!(lines.iter().all(|line| line.module.starts_with("ackone")), "{lines:?}");
}

#[tokio::test]
async fn the_most_specific_variable_sets_the_level() {
    let debug_lines = |variables: &'static [(&str, &str)]| async move {
        let launch = variables.iter().fold(provider(), |launch, (name, value)| launch.env(*name, *value));
        live(launch).await.log_lines().unwrap().iter().filter(|line| line.level == "debug").count()
    };
    assert!(debug_lines(&[("TF_LOG", "JSON")]).await > 0);
    assert!(debug_lines(&[("TF_LOG_PROVIDER", "DEBUG")]).await > 0);
    assert!(debug_lines(&[("TF_LOG", "ERROR"), ("TF_LOG_PROVIDER_ACKONE", "debug")]).await > 0);
    assert_eq!(debug_lines(&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "INFO")]).await, 0);
    assert_eq!(debug_lines(&[("TF_LOG", "OFF")]).await, 0);
}

// Debug mode

#[tokio::test]
async fn a_debugged_provider_prints_what_terraform_needs_to_attach() {
    let (plugin, reattach) = provider().start_debugged().await.unwrap();
    let entry = &reattach["registry.terraform.io/ackone/ackone"];
    assert_eq!((entry["Protocol"].as_str(), entry["ProtocolVersion"].as_u64()), (Some("grpc"), Some(6)));
    assert_eq!((entry["Test"].as_bool(), entry["Addr"]["Network"].as_str()), (Some(true), Some("unix")));
    assert_eq!(entry["Pid"].as_u64(), plugin.id().map(u64::from));
    for _ in 0..2 {
        // One host after the other, each with a connection of its own.
        assert!(serving(&plugin.connect().await.unwrap()).await);
    }
}

#[tokio::test]
async fn a_debugged_provider_outlives_its_terminal_and_ends_on_interrupt() {
    let (mut plugin, _) = provider().start_debugged().await.unwrap();
    plugin.close_stdout().await;
    assert!(matches!(plugin.wait(EXIT_LIMIT).await, Err(HostError::Timeout { .. })));
    assert!(serving(&plugin.connect().await.unwrap()).await);
    plugin.signal(Signal::Interrupt).unwrap();
    assert_eq!(plugin.wait(PATIENCE).await.unwrap().code(), Some(0));
    assert!(!plugin.handshake().socket.exists());
}
