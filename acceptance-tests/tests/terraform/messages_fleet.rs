//! Messages about objects in the Fleet and about its API server, whichever resource meets them; ackone_namespace stands for
//! all. Protects: what a person reads when somebody else, or the server, had other plans.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::path::Path;
use std::time::Duration;

use acceptance_tests::golden;
use acceptance_tests::processes::{end, interrupt_group};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::wait_until;
use serde_json::{Value, json};

/// For what takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const APPLY_SAVED: &[&str] = &["apply", "-json", "saved.tfplan"];
/// Looks at nothing first, so that only the delete is told of.
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve", "-refresh=false"];
const PLAN: &[&str] = &["plan", "-json"];
const IMPATIENT: &str = "provider \"ackone\" {\n  fleet_id    = var.fleet_id\n  max_retries = 0\n}\n";

fn namespace(more: &str) -> String {
    format!("resource \"ackone_namespace\" \"demo\" {{\n  name = \"demo\"\n{more}}}\n")
}

fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    let finished = workspace.run(arguments).unwrap();
    told(name, sandbox, workspace, &finished, code);
}

fn told(
    name: &str,
    sandbox: &Sandbox,
    workspace: &Workspace,
    finished: &acceptance_tests::terraform::Finished,
    code: i32,
) {
    let uids = uids_hidden(&golden::told(sandbox, workspace, finished));
    assert_eq!(finished.code, code, "{name}\n{uids}\n{}", finished.stderr);
    assert!(!uids.is_empty(), "{name}: nothing is told\n{}", finished.stdout);
    golden::check(name, &uids).unwrap();
}

/// UIDs look like request IDs; where both stand, the words around say which is meant.
fn uids_hidden(told: &str) -> String {
    told.replace("UID REQUEST-ID", "UID A").replace("instead of REQUEST-ID", "instead of B")
}

#[test]
fn a_server_that_does_not_answer_as_it_should() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with_provider(&sandbox, IMPATIENT, &namespace("")).unwrap();
    for (name, fault) in [
        ("failure", "kubernetes/patch/namespaces=unavailable"),
        ("throttled", "kubernetes/patch/namespaces=throttle"),
        ("refused", "kubernetes/patch/namespaces=error,status=400,code=BadRequest,message=a webhook says no"),
    ] {
        sandbox.fault(fault).unwrap();
        tells(&format!("messages_fleet_{name}"), &sandbox, &workspace, APPLY, 1);
        sandbox.no_faults().unwrap();
    }
    // More annotations than an object takes, which no rule of ours counts.
    let heavy = "  annotations = { a = format(\"%0300000d\", 0) }\n";
    workspace.write("main.tf", &namespace(heavy)).unwrap();
    tells("messages_fleet_value_refused", &sandbox, &workspace, APPLY, 1);

    workspace.write("main.tf", &namespace("  timeouts = { read = \"1s\" }\n")).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("main.tf", &namespace("  labels = { team = \"edge\" }\n  timeouts = { read = \"1s\" }\n")).unwrap();
    sandbox.fault("kubernetes/patch/namespaces=conflict").unwrap();
    tells("messages_fleet_changing", &sandbox, &workspace, APPLY, 1);
    sandbox.no_faults().unwrap();
    sandbox.fault("kubernetes=latency,ms=5000").unwrap();
    tells("messages_fleet_slow", &sandbox, &workspace, PLAN, 1);
}

#[test]
fn a_provider_block_that_does_not_lead_to_the_fleet() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let kubeconfig = sandbox.kubeconfig().unwrap();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server:")).unwrap().trim().trim_matches('"');
    let home = Workspace::with(&sandbox, &namespace("")).unwrap();
    home.apply().unwrap().expect_ok();

    let with = |provider: &str| {
        let workspace = Workspace::with_provider(&sandbox, provider, &namespace("")).unwrap();
        std::fs::write(workspace.path().join("terraform.tfstate"), home.state_text().unwrap()).unwrap();
        std::fs::copy(&kubeconfig, workspace.path().join("fleet.kubeconfig")).unwrap();
        workspace
    };
    let token = format!(
        "provider \"ackone\" {{\n  max_retries = 0\n  kubernetes  = {{ host = \"{server}\", token = \"nobody\", insecure = true }}\n}}\n"
    );
    tells("messages_fleet_unauthorized", &sandbox, &with(&token), PLAN, 1);
    let untrusted = token.replace(", insecure = true", "");
    tells("messages_fleet_untrusted", &sandbox, &with(&untrusted), PLAN, 1);
    let nowhere = "provider \"ackone\" {\n  kubernetes = { config_path = \"nowhere.kubeconfig\" }\n}\n";
    tells("messages_fleet_no_access", &sandbox, &with(nowhere), PLAN, 1);
    let other = "provider \"ackone\" {\n  fleet_id   = \"c00000000000000000000000000000000\"\n  kubernetes = { config_path = \"fleet.kubeconfig\" }\n}\n";
    tells("messages_fleet_another", &sandbox, &with(other), PLAN, 1);
    sandbox.kubectl(&home.path(), &["delete", "namespace", "demo"]).unwrap();
    let unnamed = "provider \"ackone\" {\n  kubernetes = { config_path = \"fleet.kubeconfig\" }\n}\n";
    tells("messages_fleet_not_certain", &sandbox, &with(unnamed), PLAN, 1);
}

#[test]
fn an_object_that_is_there_already() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let first = Workspace::with(&sandbox, &namespace("")).unwrap();
    first.apply().unwrap().expect_ok();
    let second = Workspace::with(&sandbox, &namespace("  adopt  = true\n  labels = { team = \"other\" }\n")).unwrap();
    tells("messages_object_of_another_state", &sandbox, &second, APPLY, 1);
    first.run(&["state", "rm", "ackone_namespace.demo"]).unwrap().expect_ok();
    tells("messages_object_recorded", &sandbox, &first, APPLY, 0);

    let folder = first.path();
    sandbox.kubectl(&folder, &["delete", "namespace", "demo"]).unwrap();
    sandbox.kubectl(&folder, &["create", "namespace", "demo"]).unwrap();
    tells("messages_object_recreated", &sandbox, &first, PLAN, 0);

    for (resource, id) in [
        ("ackone_namespace", "a/b"),
        ("ackone_tls_secret", "a"),
        ("ackone_alb_gateway", "a/b"),
        ("ackone_grpc_ingress", "a"),
        ("ackone_application_set", "a"),
        ("ackone_fleet_cluster_association", "a"),
    ] {
        let body = format!("import {{\n  to = {resource}.x\n  id = \"{id}\"\n}}\n");
        let imports = Workspace::with(&sandbox, &body).unwrap();
        let generate = ["plan", "-json", "-generate-config-out=made.tf"];
        tells(&format!("messages_import_{resource}"), &sandbox, &imports, &generate, 1);
    }
}

/// Has a finalizer hold the Namespace.
fn hold(sandbox: &Sandbox, folder: &Path) {
    let held = r#"--patch={"metadata":{"finalizers":["example.com/hold"]}}"#;
    sandbox.kubectl(folder, &["patch", "namespace/demo", "--type=merge", held]).unwrap();
}

/// Deletes the Namespace that is held, and waits until nothing but that finalizer holds it: the namespace controller of a
/// real server lets five seconds pass before it takes its own away.
fn delete_held(sandbox: &Sandbox, folder: &Path) {
    sandbox.kubectl(folder, &["delete", "namespace", "demo", "--wait=false"]).unwrap();
    wait_until("a Namespace that only the test holds", PATIENCE, || {
        let namespace = sandbox.object(folder, &["namespace/demo"]).map_err(|error| error.to_string())?;
        let finalizers = namespace.pointer("/spec/finalizers").and_then(Value::as_array);
        if finalizers.is_none_or(Vec::is_empty) { Ok(()) } else { Err(format!("{finalizers:?}")) }
    })
    .unwrap();
}

#[test]
fn an_object_that_changes_under_the_plan() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &namespace("  labels = { team = \"edge\" }\n")).unwrap();
    let folder = workspace.path();
    let kubectl = |arguments: &[&str]| sandbox.kubectl(&folder, arguments).unwrap();
    workspace.apply().unwrap().expect_ok();
    kubectl(&["label", "--overwrite", "namespace/demo", "team=core"]);
    tells("messages_object_changed", &sandbox, &workspace, PLAN, 0);
    kubectl(&["label", "--overwrite", "namespace/demo", "team=edge"]);

    workspace.write("main.tf", &namespace("  labels = { team = \"cloud\" }\n")).unwrap();
    workspace.plan_saved().unwrap();
    kubectl(&["label", "--overwrite", "namespace/demo", "team=core"]);
    tells("messages_object_conflict", &sandbox, &workspace, APPLY_SAVED, 1);

    workspace.plan_saved().unwrap();
    kubectl(&["delete", "namespace", "demo"]);
    tells("messages_object_gone", &sandbox, &workspace, APPLY_SAVED, 1);

    // Somebody deletes it, and a finalizer holds it until the update waits.
    workspace.apply().unwrap().expect_ok();
    hold(&sandbox, &folder);
    workspace.write("main.tf", &namespace("  labels = { team = \"edge\" }\n")).unwrap();
    delete_held(&sandbox, &folder);
    tells("messages_object_going", &sandbox, &workspace, PLAN, 0);
    sandbox.forget_calls().unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    sandbox.wait_called("watch", "namespaces", PATIENCE).unwrap();
    kubectl(&["patch", "namespace/demo", "--type=merge", r#"--patch={"metadata":{"finalizers":null}}"#]);
    let finished = end(apply, PATIENCE).unwrap();
    told("messages_object_deleted", &sandbox, &workspace, &finished, 1);
}

#[test]
fn a_delete_that_does_not_end() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &namespace("  timeouts = { delete = \"2s\" }\n")).unwrap();
    let folder = workspace.path();
    workspace.apply().unwrap().expect_ok();
    hold(&sandbox, &folder);
    delete_held(&sandbox, &folder);
    tells("messages_delete_held", &sandbox, &workspace, DESTROY, 1);

    workspace.write("main.tf", &namespace("")).unwrap();
    sandbox.forget_calls().unwrap();
    let destroy = workspace.start_group(DESTROY).unwrap();
    sandbox.wait_called("watch", "namespaces", PATIENCE).unwrap();
    interrupt_group(&destroy).unwrap();
    let finished = end(destroy, PATIENCE).unwrap();
    told("messages_interrupted", &sandbox, &workspace, &finished, 1);
}

#[test]
fn a_state_that_does_not_fit() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, &namespace("")).unwrap();
    workspace.apply().unwrap().expect_ok();
    let mut state: Value = serde_json::from_str(&workspace.state_text().unwrap()).unwrap();
    *state.pointer_mut("/resources/0/instances/0/attributes/labels").unwrap() = json!([1]);
    std::fs::write(workspace.path().join("terraform.tfstate"), state.to_string()).unwrap();
    tells("messages_state_edited", &sandbox, &workspace, PLAN, 1);
}
