//! Messages of waits that do not end well, for the gateway as the one that is waited for. Protects: what a person reads in
//! the middle of an outage of the controller.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::time::Duration;

use acceptance_tests::configuration::HTTP_GATEWAY;
use acceptance_tests::golden;
use acceptance_tests::processes::end;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::{Finished, Workspace};
use acceptance_tests::wait_until;
use serde_json::{Value, json};

/// For what takes a second on an idle machine, and for the minute after which a lasting failure ends a wait.
const PATIENCE: Duration = Duration::from_secs(180);
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];

/// The gateway with further attributes.
fn gateway(more: &str) -> String {
    let open = HTTP_GATEWAY.trim_end().strip_suffix('}').unwrap();
    format!("{open}{more}}}\n")
}

fn told(name: &str, sandbox: &Sandbox, workspace: &Workspace, finished: &Finished, code: i32) {
    let told = golden::told(sandbox, workspace, finished);
    // How often an event came depends on the machine.
    let told: String = told.lines().map(without_count).collect::<Vec<_>>().join("\n");
    assert_eq!(finished.code, code, "{name}\n{told}\n{}", finished.stderr);
    assert!(!told.is_empty(), "{name}: nothing is told\n{}", finished.stdout);
    golden::check(name, &told).unwrap();
}

/// Waits until the AlbConfig was tried and then created: what follows is the wait.
fn wait_created(sandbox: &Sandbox) {
    wait_until("the AlbConfig to be written", PATIENCE, || {
        let calls = sandbox.calls().map_err(|error| error.to_string())?;
        let writes = calls.iter().filter(|call| call.is_write() && call.to_string().contains("albconfigs")).count();
        if writes >= 2 { Ok(()) } else { Err(format!("{writes} writes")) }
    })
    .unwrap();
}

fn without_count(line: &str) -> String {
    match (line.find(" ("), line.find(" times):")) {
        (Some(open), Some(close)) if open < close => {
            format!("{} (N times):{}", line.get(..open).unwrap(), line.get(close + " times):".len()..).unwrap())
        }
        _ => line.to_owned(),
    }
}

#[test]
fn a_controller_that_does_nothing() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    sandbox.pause_controller().unwrap();
    let body = gateway("  timeouts = { create = \"2s\", update = \"2s\" }\n");
    let workspace = Workspace::with(&sandbox, &body).unwrap();
    let finished = workspace.run(APPLY).unwrap();
    told("messages_wait_timed_out", &sandbox, &workspace, &finished, 0);

    let workspace = Workspace::with(&sandbox, &HTTP_GATEWAY.replace("ackone-gateway-demo", "gone")).unwrap();
    sandbox.forget_calls().unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    wait_created(&sandbox);
    sandbox.kubectl(&workspace.path(), &["delete", "albconfig", "gone", "--wait=false"]).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    told("messages_wait_object_gone", &sandbox, &workspace, &finished, 0);
}

#[test]
fn a_controller_that_fails_for_good() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let failure = json!({"message": "The quota is exceeded.", "times": 10000});
    sandbox.control.post("/v1/controller/fail", &failure).unwrap();
    let workspace = Workspace::with(&sandbox, HTTP_GATEWAY).unwrap();
    let finished = workspace.run(APPLY).unwrap();
    told("messages_wait_stuck", &sandbox, &workspace, &finished, 0);
}

#[test]
fn a_user_who_may_not_look() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let groups = json!({"kubernetes_groups": ["platform-team"]});
    sandbox.control.post("/v1/world/keys", &groups).unwrap();
    let deny = |all: Value| sandbox.control.post("/v1/kubernetes/permissions", &json!({"deny": all})).unwrap();
    let workspace = Workspace::with(&sandbox, HTTP_GATEWAY).unwrap();
    sandbox.pause_controller().unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    wait_created(&sandbox);
    deny(json!(["get", "list", "watch"].map(|verb| json!({"verb": verb, "resource": "albconfigs"}))));
    sandbox.control.post("/v1/kubernetes/drop-watches", &json!({})).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    told("messages_wait_blind", &sandbox, &workspace, &finished, 0);

    deny(json!(["list", "watch"].map(|verb| json!({"verb": verb, "resource": "events"}))));
    sandbox.resume_controller().unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("main.tf", &gateway("  load_balancer_name = \"renamed\"\n")).unwrap();
    let finished = workspace.run(APPLY).unwrap();
    told("messages_wait_without_events", &sandbox, &workspace, &finished, 0);
}
