//! Messages of the data source that probes a gateway: each symptom with its golden, all in one plan. Protects: what a
//! person reads who asks why the gateway does not serve.

use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use acceptance_tests::answers::{Answer, serve};
use acceptance_tests::golden;
use acceptance_tests::processes::{end, interrupt_group};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::wait_until;

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A probe that gives up soon.
fn probe(name: &str, lines: &str) -> String {
    format!(
        "data \"ackone_grpc_services\" \"{name}\" {{\n  {lines}\n  deadline = \"2s\"\n  attempt_timeout = \"400ms\"\n}}\n\n"
    )
}

/// How often was asked depends on the machine.
fn without_counts(told: &str) -> String {
    let told =
        told.replace(" attempts within ", " attempt(s) within ").replace(" attempt within ", " attempt(s) within ");
    told.lines()
        .map(|line| match (line.split_once("no answer within "), line.split_once("connection broke: ")) {
            (Some((head, _)), _) => format!("{head}no answer within N s."),
            // Which end notices first is the system's business.
            (None, Some((head, _))) => format!("{head}connection broke: WHY."),
            (None, None) => line.to_owned(),
        })
        .map(|line| match line.trim_start().split_once(" attempt(s)") {
            Some((count, rest)) if count.parse::<u32>().is_ok() => format!("  N attempt(s){rest}"),
            _ => line.clone(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn symptoms_of_a_gateway_that_does_not_serve() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let plain = |answer: Answer| {
        let port = serve(answer).unwrap().port;
        format!("host = \"127.0.0.1\"\n  port = {port}\n  plaintext = true\n  authority = \"grpc.example.com\"")
    };
    let control = sandbox.ready.control_url.rsplit(':').next().unwrap().to_owned();
    let api: String = {
        let kubeconfig = std::fs::read_to_string(sandbox.kubeconfig().unwrap()).unwrap();
        let server = kubeconfig.lines().find(|line| line.contains("server:")).unwrap();
        server.rsplit(':').next().unwrap().trim().trim_matches('"').to_owned()
    };
    let body = [
        // Port 9 (discard) of loopback: nothing listens there.
        probe("refused", "host = \"127.0.0.1\"\n  port = 9\n  insecure_skip_verify = true"),
        probe("unresolved", "host = \"gateway.invalid\"\n  insecure_skip_verify = true"),
        probe("no_route", &plain(Answer::Status(503))),
        probe("no_backend", &plain(Answer::Status(502))),
        probe("redirect", &plain(Answer::Status(308))),
        probe("http", &plain(Answer::Status(404))),
        probe("no_reflection", &plain(Answer::Grpc(12, "no such method"))),
        probe("service_error", &plain(Answer::Grpc(13, "out of coffee"))),
        probe("silent", &plain(Answer::Silence)),
        probe("closed", &plain(Answer::Close)),
        probe("untrusted", &format!("host = \"127.0.0.1\"\n  port = {api}")),
        probe("no_tls", &format!("host = \"127.0.0.1\"\n  port = {control}\n  insecure_skip_verify = true")),
        probe("no_http2", &{
            let port = serve(Answer::TlsWithoutHttp2).unwrap().port;
            format!("host = \"127.0.0.1\"\n  port = {port}\n  insecure_skip_verify = true")
        }),
        probe("no_ca", "host = \"127.0.0.1\"\n  ca_certificate_pem = \"hello\""),
        probe("no_host", "host = var.nothing"),
        "variable \"nothing\" {\n  type    = string\n  default = null\n}\n".to_owned(),
    ];
    let workspace = Workspace::with(&sandbox, &body.concat()).unwrap();
    let finished = workspace.run(&["plan", "-json"]).unwrap();
    let told = without_counts(&golden::told(&sandbox, &workspace, &finished));
    let told = hide_port_lines(&told);
    assert_eq!(finished.code, 1, "{told}");
    golden::check("messages_probe", &told).unwrap();
}

#[test]
fn a_host_that_turns_out_to_be_null_and_a_probe_that_is_interrupted() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let body = r#"
resource "terraform_data" "address" {
  input = timestamp() == "never" ? "grpc.example.com" : null
}

data "ackone_grpc_services" "gateway" {
  host = terraform_data.address.output
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    let finished = workspace.run(&["apply", "-json", "-auto-approve"]).unwrap();
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    golden::check("messages_probe_without_host", &golden::told(&sandbox, &workspace, &finished)).unwrap();

    let gateway = serve(Answer::Status(503)).unwrap();
    let port = gateway.port;
    let body = format!(
        "data \"ackone_grpc_services\" \"gateway\" {{\n  host      = \"127.0.0.1\"\n  port      = {port}\n  plaintext = true\n  deadline  = \"10m\"\n}}\n"
    );
    let workspace = Workspace::with(&sandbox, &body).unwrap();
    let mut command = workspace.command(&["plan", "-json"]);
    let plan = command.process_group(0).spawn().unwrap();
    wait_until("the probe to begin", PATIENCE, || match gateway.connections() {
        0 => Err("no connection yet".to_owned()),
        _ => Ok(()),
    })
    .unwrap();
    interrupt_group(&plan).unwrap();
    let finished = end(plan, PATIENCE).unwrap();
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    golden::check("messages_probe_interrupted", &hide_port_lines(&golden::told(&sandbox, &workspace, &finished)))
        .unwrap();
}

/// Lines of the configuration show ports without a host.
fn hide_port_lines(told: &str) -> String {
    told.lines().map(hide_ports).collect::<Vec<_>>().join("\n")
}

fn hide_ports(line: &str) -> String {
    match line.split_once("port = ") {
        Some((head, number)) if number.len() > 4 && number.chars().all(|c| c.is_ascii_digit()) => {
            format!("{head}port = PORT")
        }
        _ => line.to_owned(),
    }
}
