//! Runs that end too early: interrupted while waiting, and with the provider killed in the middle of a call. Protects:
//! nothing tainted, nothing lost, nothing doubled, and the next apply goes on from what exists.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::time::Duration;

use acceptance_tests::processes::{children, end, interrupt_group, kill};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::wait_until;
use serde_json::Value;
use tokio::time::Instant;

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// From Ctrl-C to the end of Terraform. The provider's own budget is a second; the rest is Terraform and a busy machine.
const INTERRUPT_LIMIT: Duration = Duration::from_secs(10);
const PROVIDER: &str = "terraform-provider-ackone";

/// Applies again, and holds what then exists to what one undisturbed walkthrough makes; then nothing is left of it.
fn converges_and_leaves_nothing(sandbox: &Sandbox, workspace: &Workspace, before: &Value, told: &str) {
    let applied = workspace.apply().unwrap();
    assert!(applied.ok(), "{told}: {}\n{}\n{}", applied.stdout, applied.stderr, sandbox.log());
    let tainted: Vec<String> =
        workspace.instances().unwrap().into_iter().filter_map(|(name, tainted)| tainted.then_some(name)).collect();
    assert!(tainted.is_empty(), "{told}: tainted {tainted:?}");
    assert_eq!(workspace.attributes("ackone_grpc_ingress.demo").unwrap()["ready"], true, "{told}");
    let plan = workspace.plan().unwrap();
    assert_eq!(plan.code, 0, "{told}: the plan after it is not empty\n{}\n{}", plan.stdout, plan.stderr);
    one_of_each(sandbox, told);
    let destroyed = workspace.destroy().unwrap();
    assert!(destroyed.ok(), "{told}: {}\n{}", destroyed.stdout, destroyed.stderr);
    assert_eq!(&sandbox.inventory().unwrap(), before, "{told}: something is left");
}

fn one_of_each(sandbox: &Sandbox, told: &str) {
    let gateways = sandbox.control.get("/v1/gateways").unwrap();
    assert_eq!(gateways["gateways"].as_array().map(Vec::len), Some(1), "{told}: {gateways}");
    let inventory = sandbox.inventory().unwrap();
    for (resource, name) in [
        ("alibabacloud.com/albconfigs", "ackone-gateway-demo"),
        ("networking.k8s.io/ingressclasses", "alb"),
        ("networking.k8s.io/ingresses", "gateway-demo/grpc-ingress"),
        ("namespaces", "gateway-demo"),
    ] {
        assert_eq!(inventory["kubernetes"][resource], serde_json::json!([name]), "{told}: {resource} in {inventory}");
    }
    let secrets = inventory["kubernetes"]["secrets"].to_string();
    assert_eq!(secrets.matches("gateway-demo/").count(), 1, "{told}: {secrets}");
}

#[test]
fn an_interrupted_wait_ends_at_once_taints_nothing_and_the_next_apply_goes_on() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();
    sandbox.pause_controller().unwrap();

    let apply = workspace.start_apply().unwrap();
    // The Ingress comes last; once it is written the provider waits for the controller.
    sandbox.wait_called("patch", "ingresses", PATIENCE).unwrap();
    let interrupted = Instant::now();
    interrupt_group(&apply).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    let took = interrupted.elapsed();
    println!("interrupt to the end of Terraform: {} ms", took.as_millis());
    assert!(took < INTERRUPT_LIMIT, "{took:?}\n{}\n{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, 1, "{}\n{}", finished.stdout, finished.stderr);

    let instances = workspace.instances().unwrap();
    let names: Vec<&str> = instances.iter().map(|(name, _)| name.as_str()).collect();
    for needed in
        ["ackone_alb_gateway.demo", "ackone_grpc_ingress.demo", "ackone_namespace.demo", "ackone_tls_secret.grpc"]
    {
        assert!(names.contains(&needed), "{needed} is not in state: {names:?}\n{}", finished.stderr);
    }
    assert!(instances.iter().all(|(_, tainted)| !tainted), "{instances:?}\n{}", finished.stderr);
    let ingress = workspace.attributes("ackone_grpc_ingress.demo").unwrap();
    assert_eq!(ingress["ready"], false, "{ingress}");
    assert!(ingress["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{ingress}");

    sandbox.resume_controller().unwrap();
    converges_and_leaves_nothing(&sandbox, &workspace, &before, "interrupted");
}

/// Kills the provider at a chosen call, applies again, destroys.
fn killed(sandbox: &Sandbox, before: &Value, told: &str, faults: &[&str]) {
    let workspace = Workspace::walkthrough(sandbox).unwrap();
    let rules: Vec<_> = faults.iter().map(|spec| sandbox.fault(spec).unwrap()).collect();
    let apply = workspace.start_apply().unwrap();
    for rule in rules {
        sandbox.wait_fired(rule, PATIENCE).unwrap();
    }
    let provider = wait_until("the provider", PATIENCE, || {
        let found = children(apply.id(), PROVIDER);
        found.first().copied().ok_or_else(|| "Terraform has no such child".to_owned())
    })
    .unwrap();
    kill(provider).unwrap();
    // Held calls are let go first, so that nothing of the dead provider is still to come.
    sandbox.no_faults().unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    assert_ne!(finished.code, 0, "{told}: Terraform must have noticed\n{}", finished.stdout);
    converges_and_leaves_nothing(sandbox, &workspace, before, told);
}

/// Latency that lasts until the rule is removed and the caller is gone.
const HELD: &str = "latency,ms=600000,count=1";

#[test]
fn a_provider_killed_before_a_write_leaves_what_the_next_apply_completes() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.inventory().unwrap();
    for call in ["adcp/AttachClusterToHub", "kubernetes/patch/albconfigs", "kubernetes/patch/ingresses"] {
        killed(&sandbox, &before, &format!("before {call}"), &[&format!("{call}={HELD}")]);
    }
}

#[test]
fn a_provider_killed_after_a_write_whose_answer_it_never_saw_doubles_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.inventory().unwrap();
    for call in ["adcp/AttachClusterToHub", "kubernetes/patch/albconfigs", "kubernetes/patch/ingresses"] {
        killed(&sandbox, &before, &format!("after {call}"), &[&format!("{call}=drop_after,nth=1")]);
    }
}

#[test]
fn a_provider_killed_while_it_waits_leaves_what_the_next_apply_completes() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.inventory().unwrap();
    sandbox.pause_controller().unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();
    let apply = workspace.start_apply().unwrap();
    sandbox.wait_called("patch", "ingresses", PATIENCE).unwrap();
    for provider in children(apply.id(), PROVIDER) {
        kill(provider).unwrap();
    }
    assert_ne!(end(apply, PATIENCE).unwrap().code, 0);
    sandbox.resume_controller().unwrap();
    converges_and_leaves_nothing(&sandbox, &workspace, &before, "killed in a wait");
}
