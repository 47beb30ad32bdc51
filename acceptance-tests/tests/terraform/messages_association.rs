//! Messages of the association and of the cloud API behind it. Protects: what a person reads when a member does not come or
//! go as planned.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::time::Duration;

use acceptance_tests::configuration::{HTTP_GATEWAY, PROVIDER};
use acceptance_tests::golden;
use acceptance_tests::processes::{end, interrupt_group};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::json;

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);

fn association(more: &str) -> String {
    format!(
        "resource \"ackone_fleet_cluster_association\" \"member\" {{\n  cluster_id = tolist(var.member_cluster_ids)[0]\n{more}}}\n"
    )
}

/// Runs a command with JSON output and compares what it tells with a golden.
#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve"];

#[test]
fn a_member_that_does_not_come() {
    let sandbox = Sandbox::start().unwrap();
    let member = sandbox.ready.member_ids.iter().min().unwrap().clone();
    let fails = json!({"fail_next_attach": "the cluster is not running"});
    sandbox.control.post(&format!("/v1/members/{member}/state"), &fails).unwrap();
    let workspace = Workspace::with(&sandbox, &association("")).unwrap();
    tells("messages_association_failed", &sandbox, &workspace, APPLY, 0);

    // The list of members becomes unreadable after the attach.
    let sandbox = Sandbox::start().unwrap();
    let workspace = Workspace::with(&sandbox, &association("")).unwrap();
    let fault = "adcp/DescribeManagedClusters=error,status=403,code=Forbidden.RAM,nth=2,count=100";
    sandbox.fault(fault).unwrap();
    tells("messages_association_unlisted", &sandbox, &workspace, APPLY, 0);

    // It takes its time; then the wait is interrupted, then somebody detaches it.
    let sandbox = Sandbox::start().unwrap();
    sandbox.control.post("/v1/world/behaviour", &json!({"time_scale": 1000})).unwrap();
    let workspace = Workspace::with(&sandbox, &association("  timeouts = { create = \"2s\" }\n")).unwrap();
    tells("messages_association_slow", &sandbox, &workspace, APPLY, 0);

    let sandbox = Sandbox::start().unwrap();
    sandbox.control.post("/v1/world/behaviour", &json!({"time_scale": 1000})).unwrap();
    let workspace = Workspace::with(&sandbox, &association("")).unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    sandbox.wait_called("AttachClusterToHub", "", PATIENCE).unwrap();
    sandbox.forget_calls().unwrap();
    sandbox.wait_called("DescribeManagedClusters", "", PATIENCE).unwrap();
    interrupt_group(&apply).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    golden::check("messages_association_interrupted", &golden::told(&sandbox, &workspace, &finished)).unwrap();
}

#[test]
fn a_member_that_somebody_detaches_meanwhile() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.control.post("/v1/world/behaviour", &json!({"time_scale": 1000})).unwrap();
    let member = sandbox.ready.member_ids.iter().min().unwrap().clone();
    let state = |name: &str| {
        sandbox.control.post(&format!("/v1/members/{member}/state"), &json!({"association": name})).unwrap();
    };
    let workspace = Workspace::with(&sandbox, &association("")).unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    sandbox.wait_called("AttachClusterToHub", "", PATIENCE).unwrap();
    // Only a member that was seen can vanish.
    state("Installing");
    sandbox.forget_calls().unwrap();
    sandbox.wait_called("DescribeManagedClusters", "", PATIENCE).unwrap();
    sandbox.forget_calls().unwrap();
    sandbox.wait_called("DescribeManagedClusters", "", PATIENCE).unwrap();
    state("Absent");
    let finished = end(apply, PATIENCE).unwrap();
    let told = golden::told(&sandbox, &workspace, &finished);
    golden::check("messages_association_vanished", &told).unwrap();
}

#[test]
fn a_member_that_is_there_already_and_does_not_go() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let body = association("  timeouts = { delete = \"2s\" }\n");
    let workspace = Workspace::with(&sandbox, &body).unwrap();
    tells("messages_association_recorded", &sandbox, &workspace, APPLY, 0);

    // A gateway that another configuration made routes to it.
    let other = Workspace::with(&sandbox, HTTP_GATEWAY).unwrap();
    other.apply().unwrap().expect_ok();
    tells("messages_association_in_use", &sandbox, &workspace, DESTROY, 1);
    other.destroy().unwrap().expect_ok();

    sandbox.control.post("/v1/world/behaviour", &json!({"time_scale": 1000})).unwrap();
    tells("messages_association_still_listed", &sandbox, &workspace, DESTROY, 1);
}

#[test]
fn what_the_cloud_says_to_calls() {
    let sandbox = Sandbox::start().unwrap();
    let impatient = "provider \"ackone\" {\n  fleet_id    = var.fleet_id\n  max_retries = 0\n}\n";
    let body = association("  timeouts = { create = \"2s\" }\n");
    let workspace = Workspace::with_provider(&sandbox, impatient, &body).unwrap();
    for (name, fault) in [
        ("throttled", "adcp/AttachClusterToHub=throttle"),
        ("refused", "adcp/AttachClusterToHub=error,status=400,code=IncorrectStatus,message=The cluster is busy."),
        ("unreadable", "adcp/DescribeManagedClusters=html,status=200"),
    ] {
        sandbox.fault(fault).unwrap();
        tells(&format!("messages_cloud_{name}"), &sandbox, &workspace, APPLY, 1);
        sandbox.no_faults().unwrap();
    }
    let workspace = Workspace::with(&sandbox, &body).unwrap();
    sandbox.fault("adcp/DescribeManagedClusters=throttle,retry_after_ms=1000").unwrap();
    tells("messages_cloud_slow", &sandbox, &workspace, APPLY, 1);
    sandbox.no_faults().unwrap();

    let mut nowhere = Workspace::with_provider(&sandbox, PROVIDER, &body).unwrap();
    for name in ["ALIBABA_CLOUD_REGION", "ALIBABA_CLOUD_ENDPOINT_ADCP"] {
        nowhere.set_env(name, "");
    }
    tells("messages_cloud_nowhere", &sandbox, &nowhere, APPLY, 1);

    let unnamed = Workspace::with_provider(&sandbox, "provider \"ackone\" {}\n", &body).unwrap();
    let both = format!("{body}\nresource \"ackone_namespace\" \"demo\" {{\n  name = \"demo\"\n}}\n");
    unnamed.write("main.tf", &both).unwrap();
    tells("messages_no_fleet", &sandbox, &unnamed, APPLY, 1);
    unnamed.write("main.tf", "resource \"ackone_namespace\" \"demo\" {\n  name = \"demo\"\n}\n").unwrap();
    tells("messages_no_fleet_for_an_object", &sandbox, &unnamed, APPLY, 1);

    // Something in the provider block that only apply knows.
    let later = "provider \"ackone\" {\n  fleet_id = terraform_data.fleet.output\n}\n";
    let body = "resource \"terraform_data\" \"fleet\" {\n  input = var.fleet_id\n  triggers_replace = timestamp()\n}\n\nimport {\n  to = ackone_namespace.demo\n  id = \"demo\"\n}\n\nresource \"ackone_namespace\" \"demo\" {\n  name = \"demo\"\n}\n";
    let unknown = Workspace::with_provider(&sandbox, later, body).unwrap();
    tells("messages_provider_unknown", &sandbox, &unknown, &["plan", "-json"], 1);
}
