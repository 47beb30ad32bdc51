//! Waits that run out of time. Protects: a create that times out keeps its object, taints nothing and is waited for in
//! place by the next apply, which writes nothing; the strict ways say what they do.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::time::Duration;

use acceptance_tests::calls::Call;
use acceptance_tests::configuration::HTTP_GATEWAY;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use tokio::time::Instant;

const ADDRESS: &str = "ackone_alb_gateway.demo";

/// The gateway with further attributes.
fn gateway(more: &str) -> String {
    let open = HTTP_GATEWAY.trim_end().strip_suffix('}').unwrap();
    format!("{open}  timeouts = {{ create = \"2s\", update = \"60s\" }}\n{more}}}\n")
}

fn tainted(workspace: &Workspace) -> bool {
    workspace.instances().unwrap().iter().any(|(address, tainted)| address == ADDRESS && *tainted)
}

#[test]
fn a_create_that_times_out_waiting_keeps_the_load_balancer_and_the_next_plan_waits_in_place() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let before = sandbox.inventory().unwrap();
    sandbox.pause_controller().unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("")).unwrap();

    let applied = workspace.apply().unwrap().expect_ok();
    assert!(applied.prose().contains("Warning:"), "{}", applied.stdout);
    let state = workspace.attributes(ADDRESS).unwrap();
    assert_eq!(state["ready"], false, "{state}");
    let reason = state["reason"].as_str().unwrap_or_default().to_owned();
    assert!(!reason.is_empty(), "{state}");
    assert!(!tainted(&workspace));

    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [format!("{ADDRESS}: update")], "{}", plan.finished.stdout);
    let changed = plan.change(ADDRESS).unwrap().attributes();
    // Besides what the wait is about, what the controller has not published yet.
    let awaited = ["dns_name", "listener_status", "load_balancer_id", "ready", "reason"];
    assert_eq!(changed, awaited, "{}", plan.finished.stdout);

    sandbox.resume_controller().unwrap();
    sandbox.forget_calls().unwrap();
    workspace.apply_saved(false).unwrap().expect_ok();
    let writes: Vec<String> =
        sandbox.calls().unwrap().iter().filter(|call| call.is_write()).map(Call::to_string).collect();
    assert!(writes.is_empty(), "waiting needs no write: {writes:?}");
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true);
    assert_eq!(workspace.plan().unwrap().code, 0);

    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}

#[test]
fn strict_ways_fail_the_run_and_say_what_to_do() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let before = sandbox.inventory().unwrap();
    sandbox.pause_controller().unwrap();

    // on_wait_timeout = "error" taints a create, and says how to take that back.
    let workspace = Workspace::with(&sandbox, &gateway("  on_wait_timeout = \"error\"\n")).unwrap();
    let applied = workspace.apply().unwrap();
    assert_eq!(applied.code, 1, "{}", applied.stdout);
    assert!(applied.prose().contains("terraform untaint"), "{}", applied.stderr);
    assert!(tainted(&workspace));
    workspace.run(&["untaint", "-no-color", ADDRESS]).unwrap().expect_ok();
    let id = sandbox.object(&workspace.path(), &["albconfig", "ackone-gateway-demo"]).unwrap();
    sandbox.resume_controller().unwrap();
    workspace.apply().unwrap().expect_ok();
    let same = sandbox.object(&workspace.path(), &["albconfig", "ackone-gateway-demo"]).unwrap();
    assert_eq!(same["metadata"]["uid"], id["metadata"]["uid"], "untainted, it is not replaced");
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);

    // A postcondition fails the run and taints nothing.
    sandbox.pause_controller().unwrap();
    let postcondition = r#"
  lifecycle {
    postcondition {
      condition     = self.ready != false
      error_message = "The gateway is not ready: ${coalesce(self.reason, "no reason")}"
    }
  }
"#;
    let workspace = Workspace::with(&sandbox, &gateway(postcondition)).unwrap();
    let applied = workspace.apply().unwrap();
    assert_eq!(applied.code, 1, "{}", applied.stdout);
    assert!(applied.prose().contains("The gateway is not ready: "), "{}", applied.stderr);
    assert!(!tainted(&workspace));
    sandbox.resume_controller().unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    // Waited for in place, or found ready by the refresh: never made again.
    assert!(applied.stdout.contains("0 added, ") && applied.stdout.contains(" 0 destroyed"), "{}", applied.stdout);
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}

/// Far less than any wait: an update that waited for a pass that never comes would take all of `timeouts.update`.
const AT_ONCE: Duration = Duration::from_secs(30);

#[test]
fn an_update_that_the_controller_skips_is_not_waited_for() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &gateway("")).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true);
    // Labels are no part of the hash by which the controller tells whether there is something to do.
    workspace.write("main.tf", &gateway("  labels = { team = \"edge\" }\n")).unwrap();
    let started = Instant::now();
    let applied = workspace.apply().unwrap().expect_ok();
    let took = started.elapsed();
    assert!(took < AT_ONCE, "{took:?}: {}", applied.stdout);
    assert!(!applied.prose().contains("Warning:"), "{}", applied.stdout);
    assert_eq!(workspace.attributes(ADDRESS).unwrap()["ready"], true);
    assert_eq!(workspace.plan().unwrap().code, 0);
}
