//! Messages of `ackone_application_set`: mistakes in the configuration, each reason why Argo CD does not deploy, waits that end
//! early, and deletes that keep something or do not end. Protects: what a person reads when a member runs nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::time::Duration;

use acceptance_tests::golden;
use acceptance_tests::processes::{end, interrupt_group};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::{Finished, Workspace};
use acceptance_tests::wait_until;
use serde_json::json;

/// For what takes seconds on an idle machine, and for the time after which a lasting failure ends a wait.
const PATIENCE: Duration = Duration::from_secs(120);
const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve"];

/// A set that deploys the walkthrough's service, with some of it exchanged.
fn set(name: &str, exchange: &[(&str, &str)]) -> String {
    let mut text = r#"
resource "ackone_application_set" "NAME" {
  name             = "NAME"
  application_name = "{{.metadata.annotations.cluster_name}}-NAME"

  source = {
    repo_url        = "https://github.com/ivan-cai/gitops-demo.git"
    path            = "manifests/directory/grpc"
    target_revision = "main"
  }

  destination = { namespace = "gateway-demo" }

  sync_policy = {
    automated    = {}
    sync_options = ["CreateNamespace=true"]
  }
}
"#
    .replace("NAME", name);
    for (from, to) in exchange {
        assert!(text.contains(from), "{from:?} is not there");
        text = text.replace(from, to);
    }
    text
}

fn told(name: &str, sandbox: &Sandbox, workspace: &Workspace, finished: &Finished, code: i32) {
    let told = golden::told(sandbox, workspace, finished);
    assert_eq!(finished.code, code, "{name}\n{told}\n{}", finished.stderr);
    assert!(!told.is_empty(), "{name}: nothing is told\n{}", finished.stdout);
    golden::check(name, &told).unwrap();
}

fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    told(name, sandbox, workspace, &workspace.run(arguments).unwrap(), code);
}

/// Every reason for which Argo CD does not deploy, one set each, all in one run.
#[test]
fn reasons_for_which_nothing_is_deployed() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let sets = [
        set("repository", &[("ivan-cai/gitops-demo", "ivan-cai/nowhere")]),
        set("private", &[("ivan-cai/gitops-demo", "ivan-cai/private")]),
        set("folder", &[("manifests/directory/grpc", "manifests/nowhere")]),
        set("revision", &[("\"main\"", "\"v9\"")]),
        set("field", &[("annotations.cluster_name", "annotations.cluster_nick")]),
        set("function", &[("{{.metadata.annotations.cluster_name}}", "{{.name | shout}}")]),
        set("doubled", &[("{{.metadata.annotations.cluster_name}}-doubled", "doubled")]),
        set("capital", &[("{{.metadata.annotations.cluster_name}}-capital", "{{.metadata.annotations.managed-by}}")])
            .replace("annotations.managed-by", "labels.shown"),
        set("project", &[("  destination = {", "  project = \"closed\"\n\n  destination = {")]),
        set("namespace", &[("[\"CreateNamespace=true\"]", "[]"), ("gateway-demo\" }", "nobodys\" }")]),
    ];
    let workspace = Workspace::with(&sandbox, &sets.concat()).unwrap();
    let project = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "closed", "namespace": "argocd"},
        "spec": {"sourceRepos": ["https://example.com/*"], "destinations": [{"namespace": "*", "server": "*"}]},
    });
    std::fs::write(workspace.path().join("project.json"), project.to_string()).unwrap();
    sandbox.kubectl(&workspace.path(), &["apply", "--filename", "project.json"]).unwrap();
    // Cluster names have capitals in life; here a label stands in for them.
    for id in &sandbox.ready.member_ids {
        let secret = format!("secret/cluster-{id}");
        sandbox
            .kubectl(
                &workspace.path(),
                &["label", &secret, "-nargocd", &format!("shown=Member_{}", id.get(..4).unwrap())],
            )
            .unwrap();
    }
    tells("messages_application_set_reasons", &sandbox, &workspace, APPLY, 0);
}

#[test]
fn a_project_that_is_missing_and_a_cluster_that_is_unknown_are_waited_for() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let sets = [
        set("project", &[("  destination = {", "  project = \"nobodys\"\n\n  destination = {")]),
        set("cluster", &[("{ namespace = \"gateway-demo\" }", "{ name = \"nobody\", namespace = \"gateway-demo\" }")]),
    ];
    let workspace = Workspace::with(&sandbox, &sets.concat()).unwrap();
    tells("messages_application_set_missing", &sandbox, &workspace, APPLY, 0);
}

#[test]
fn a_wait_that_runs_out() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let ill = json!({"cluster_id": sandbox.ready.member_ids[0]});
    sandbox.control.post("/v1/argocd/fail", &ill).unwrap();
    let short = ("  destination = {", "  timeouts = { create = \"4s\", update = \"4s\" }\n\n  destination = {");
    let workspace = Workspace::with(&sandbox, &set("degraded", &[short])).unwrap();
    tells("messages_application_set_degraded", &sandbox, &workspace, APPLY, 0);
    // Once the member is well the next apply only waits.
    sandbox.control.post("/v1/argocd/resume", &json!({})).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes("ackone_application_set.degraded").unwrap()["ready"], true);
    assert_eq!(workspace.plan().unwrap().code, 0);

    sandbox.control.post("/v1/argocd/pause", &json!({})).unwrap();
    let paused = set("paused", &[short]);
    workspace.write("main.tf", &paused).unwrap();
    workspace.run(&["state", "rm", "ackone_application_set.degraded"]).unwrap().expect_ok();
    tells("messages_application_set_asleep", &sandbox, &workspace, APPLY, 0);
    let strict = set("strict", &[short, ("  destination = {", "  on_wait_timeout = \"error\"\n\n  destination = {")]);
    workspace.write("main.tf", &format!("{paused}{strict}")).unwrap();
    tells("messages_application_set_strict", &sandbox, &workspace, APPLY, 1);
}

#[test]
fn a_set_that_generates_nothing() {
    let sandbox = Sandbox::start_with(&["--bare-members"]).unwrap();
    let by_hand = ("    automated    = {}\n", "");
    let sets = [set("nothing", &[]), set("by-hand", &[by_hand])].concat();
    let workspace = Workspace::with(&sandbox, &sets).unwrap();
    tells("messages_application_set_empty", &sandbox, &workspace, APPLY, 0);
    let set = workspace.attributes("ackone_application_set.nothing").unwrap();
    assert_eq!((&set["ready"], &set["reason"]), (&serde_json::Value::Null, &json!("the set generates no Application")));
    assert_eq!(workspace.plan().unwrap().code, 0);
}

#[test]
fn expected_members_without_an_application() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let ids = serde_json::Value::from(sandbox.ready.member_ids.clone()).to_string();
    let expecting = |rest: &str| {
        format!(
            "  timeouts = {{ create = \"4s\", update = \"4s\" }}\n  expected_cluster_ids = {ids}\n{rest}\n  destination = {{"
        )
    };
    let nobody = "  cluster_selector = { match_labels = { team = \"nobody\" } }\n";
    let workspace = Workspace::with(&sandbox, &set("expecting", &[("  destination = {", &expecting(nobody))])).unwrap();
    tells("messages_application_set_not_selected", &sandbox, &workspace, APPLY, 0);
    // Without the right to read cluster Secrets the names of the clusters tell.
    sandbox.control.post("/v1/world/keys", &json!({"kubernetes_groups": ["platform-team"]})).unwrap();
    let deny = json!(["list", "watch", "get"].map(|verb| json!({"verb": verb, "resource": "secrets"})));
    sandbox.control.post("/v1/kubernetes/permissions", &json!({"deny": deny})).unwrap();
    tells("messages_application_set_without_secrets", &sandbox, &workspace, APPLY, 0);
    workspace.write("main.tf", &set("expecting", &[("  destination = {", &expecting(""))])).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes("ackone_application_set.expecting").unwrap()["ready"], true);
}

#[test]
fn a_wait_that_is_interrupted_or_loses_its_object() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    sandbox.control.post("/v1/argocd/pause", &json!({})).unwrap();
    let workspace = Workspace::with(&sandbox, &set("interrupted", &[])).unwrap();
    let apply = workspace.start_group(APPLY).unwrap();
    sandbox.wait_called("patch", "applicationsets", PATIENCE).unwrap();
    interrupt_group(&apply).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    told("messages_application_set_interrupted", &sandbox, &workspace, &finished, 1);
    assert_eq!(workspace.instances().unwrap(), [("ackone_application_set.interrupted".to_owned(), false)]);
    sandbox.control.post("/v1/argocd/resume", &json!({})).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes("ackone_application_set.interrupted").unwrap()["ready"], true);
    assert_eq!(workspace.plan().unwrap().code, 0);

    sandbox.control.post("/v1/argocd/pause", &json!({})).unwrap();
    sandbox.forget_calls().unwrap();
    let other = Workspace::with(&sandbox, &set("vanished", &[])).unwrap();
    let apply = other.start_group(APPLY).unwrap();
    sandbox.wait_called("patch", "applicationsets", PATIENCE).unwrap();
    sandbox.kubectl(&other.path(), &["delete", "applicationset", "vanished", "-nargocd", "--wait=false"]).unwrap();
    let finished = end(apply, PATIENCE).unwrap();
    told("messages_application_set_vanished", &sandbox, &other, &finished, 0);
}

#[test]
fn deletes_that_keep_something_or_do_not_end() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let preserve = ("  destination = {", "  preserve_resources_on_deletion = true\n\n  destination = {");
    let workspace = Workspace::with(&sandbox, &set("kept", &[preserve])).unwrap();
    workspace.apply().unwrap().expect_ok();
    tells("messages_application_set_kept", &sandbox, &workspace, DESTROY, 0);

    let short = ("  destination = {", "  timeouts = { delete = \"2s\" }\n\n  destination = {");
    workspace.write("main.tf", &set("held", &[short])).unwrap();
    workspace.apply().unwrap().expect_ok();
    sandbox.control.post("/v1/argocd/pause", &json!({})).unwrap();
    // Somebody deletes one Application, which nobody ends now; the set's deletion marks the other on servers that collect.
    for name in ["member-1-held", "member-2-held"] {
        let delete = ["delete", "applications.argoproj.io", name, "-nargocd", "--wait=false"];
        sandbox.kubectl(&workspace.path(), &delete).unwrap();
    }
    tells("messages_application_set_held", &sandbox, &workspace, DESTROY, 1);
    sandbox.control.post("/v1/argocd/resume", &json!({})).unwrap();
    wait_until("the end of the Applications", PATIENCE, || {
        let list = sandbox.object(&workspace.path(), &["applications.argoproj.io", "-nargocd"]).unwrap();
        if list["items"] == json!([]) { Ok(()) } else { Err(list["items"].to_string()) }
    })
    .unwrap();
    // The set is gone, so a destroy has nothing left to do.
    workspace.destroy().unwrap().expect_ok();
}
