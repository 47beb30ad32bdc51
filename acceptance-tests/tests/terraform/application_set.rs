//! `ackone_application_set` by real Terraform: what the walkthrough's set deploys is what the gateway serves, and what keeps
//! it from being deployed is told of each member. Protects: step 2 of the walkthrough from HCL alone.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::time::Duration;

use acceptance_tests::configuration::Blocks;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::{repository, wait_until};
use serde_json::{Value, json};

/// For what takes seconds on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);
const SET: &str = "ackone_application_set.grpc";

/// The walkthrough's set, on members that are associated already.
const ATTACHED: &str = r#"
resource "ackone_application_set" "grpc" {
  name             = "appset-grpc-demo"
  application_name = "{{.metadata.annotations.cluster_name}}-grpc"

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
"#;

/// The set as the example has it, which is the one with associations of the same run.
fn example() -> String {
    std::fs::read_to_string(repository().join("examples/resources/ackone_application_set/resource.tf")).unwrap()
}

/// The walkthrough up to the set, which each test adds in its own way.
fn without_the_set(sandbox: &Sandbox) -> Workspace {
    let workspace = Workspace::walkthrough(sandbox).unwrap();
    let mut blocks = Blocks::of(&workspace, "main.tf").unwrap();
    blocks.without("resource \"ackone_application_set\"");
    blocks.replace("  depends_on = [ackone_application_set.grpc]\n", "");
    workspace.write("main.tf", blocks.text()).unwrap();
    workspace
}

fn edited(from: &str, to: &str) -> String {
    let text = ATTACHED.replace(from, to);
    assert_ne!(text, ATTACHED, "{from:?} is not there");
    text
}

/// What a member runs, as the data plane would find it.
fn probe(workspace: &Workspace) -> Value {
    let state = workspace.show().unwrap();
    let resources = state["values"]["root_module"]["resources"].as_array().unwrap();
    let probe = resources.iter().find(|one| one["address"] == "data.ackone_grpc_services.demo").unwrap();
    probe["values"].clone()
}

fn plans_nothing(workspace: &Workspace) {
    let plan = workspace.plan().unwrap();
    assert_eq!(plan.code, 0, "{}\n{}", plan.stdout, plan.stderr);
    assert!(!plan.prose().contains("Warning:"), "{}", plan.stdout);
}

/// Names of Applications in the Fleet.
fn applications(sandbox: &Sandbox, workspace: &Workspace) -> Vec<String> {
    let list = sandbox.object(&workspace.path(), &["applications.argoproj.io", "-nargocd"]).unwrap();
    let items = list["items"].as_array().unwrap();
    items.iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_the_set_the_gateway_answers_503_and_with_it_the_proof_passes() {
    let sandbox = Sandbox::start_with(&["--bare-members"]).unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = without_the_set(&sandbox);
    workspace.apply().unwrap().expect_ok();
    let failed = probe(&workspace);
    assert!(failed["failure"].as_str().unwrap_or_default().contains("503"), "{failed}");

    workspace.write("application_set.tf", &example()).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [format!("{SET}: create")]);
    let after = plan.change(SET).unwrap().after;
    assert_eq!((&after["project"], &after["destination"]["name"]), (&json!("default"), &json!("{{.name}}")));
    assert_eq!(after["cluster_selector"]["match_expressions"][0]["values"], json!(["cluster"]));
    workspace.apply_saved(false).unwrap().expect_ok();
    let set = workspace.attributes(SET).unwrap();
    assert_eq!((&set["ready"], &set["reason"]), (&json!(true), &Value::Null), "{set}");
    let names: Vec<&String> = set["applications"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["member-1-grpc", "member-2-grpc"]);
    assert_eq!(set["applications"]["member-1-grpc"]["namespace"], "gateway-demo");

    // The controller notices new endpoints in a moment, and the next refresh asks again.
    wait_until("the proof", PATIENCE, || {
        workspace.apply().unwrap().expect_ok();
        let proof = probe(&workspace);
        let services = proof["services"].to_string();
        if services.contains("helloworld.Greeter") { Ok(()) } else { Err(proof.to_string()) }
    })
    .unwrap();
    plans_nothing(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}

#[test]
fn one_apply_associates_deploys_and_waits_for_each_member() {
    let sandbox = Sandbox::start_with(&["--bare-members"]).unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = without_the_set(&sandbox);
    workspace.write("application_set.tf", &example()).unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("No Application Generated"), "{}", applied.stdout);
    assert_eq!(workspace.attributes(SET).unwrap()["ready"], true);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}

fn imports_without_a_change(apply: &[&str]) {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let workspace = Workspace::with(&sandbox, ATTACHED).unwrap();
    let folder = workspace.path();
    sandbox.walkthrough_yaml("appset.yaml", &folder).unwrap();
    sandbox.kubectl(&folder, &[apply, &["--filename", "appset.yaml"]].concat()).unwrap();
    wait_until("healthy Applications", PATIENCE, || {
        let list = sandbox.object(&folder, &["applications.argoproj.io", "-nargocd"]).unwrap();
        let items = list["items"].as_array().unwrap();
        let healthy = items.iter().filter(|one| one["status"]["health"]["status"] == "Healthy").count();
        if healthy == 2 { Ok(()) } else { Err(list.to_string()) }
    })
    .unwrap();
    workspace
        .write("import.tf", &format!("import {{\n  to = {SET}\n  id = \"argocd/appset-grpc-demo\"\n}}\n"))
        .unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [""; 0], "{}", plan.finished.stdout);
    assert!(plan.finished.stdout.contains("1 to import, 0 to add, 0 to change"), "{}", plan.finished.stdout);
    assert!(!plan.finished.prose().contains("Warning:"), "{}", plan.finished.stdout);
    sandbox.forget_calls().unwrap();
    workspace.apply_saved(false).unwrap().expect_ok();
    let writes: Vec<String> =
        sandbox.calls().unwrap().iter().filter(|call| call.is_write()).map(ToString::to_string).collect();
    assert!(writes.is_empty(), "an import writes nothing: {writes:?}");
    plans_nothing(&workspace);
    assert_eq!(workspace.attributes(SET).unwrap()["ready"], true);
    // What was imported is managed: its next change is ours, and it can be destroyed.
    workspace.write("main.tf", &edited("automated    = {}", "automated    = { prune = true }")).unwrap();
    workspace.apply().unwrap().expect_ok();
    plans_nothing(&workspace);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(applications(&sandbox, &workspace), [""; 0]);
}

#[test]
fn what_kubectl_applied_is_imported_without_a_change() {
    imports_without_a_change(&["apply"]);
}

#[test]
fn what_kubectl_applied_server_side_is_imported_without_a_change() {
    imports_without_a_change(&["apply", "--server-side"]);
}

#[test]
fn a_generated_configuration_plans_nothing() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let workspace = Workspace::with(&sandbox, "").unwrap();
    let folder = workspace.path();
    sandbox.walkthrough_yaml("appset.yaml", &folder).unwrap();
    sandbox.kubectl(&folder, &["apply", "--filename", "appset.yaml"]).unwrap();
    let mut other: Value = sandbox.object(&folder, &["applicationset/appset-grpc-demo", "-nargocd"]).unwrap();
    other["metadata"] = json!({"name": "rolling", "namespace": "argocd"});
    other["status"] = Value::Null;
    other["spec"]["strategy"] = json!({"type": "RollingSync", "rollingSync": {"steps": []}});
    other["spec"]["template"]["metadata"]["name"] = json!("{{.name}}-rolling");
    std::fs::write(folder.join("other.json"), other.to_string()).unwrap();
    sandbox.kubectl(&folder, &["apply", "--filename", "other.json"]).unwrap();
    let import =
        |name: &str| format!("import {{\n  to = ackone_application_set.{name}\n  id = \"argocd/{name}\"\n}}\n");
    workspace.write("import.tf", &format!("{}{}", import("appset-grpc-demo"), import("rolling"))).unwrap();
    let generated = workspace.run(&["plan", "-no-color", "-generate-config-out=generated.tf"]).unwrap().expect_ok();
    assert!(generated.stdout.contains("2 to import, 0 to add, 0 to change"), "{}", generated.stdout);
    let text = std::fs::read_to_string(folder.join("generated.tf")).unwrap();
    assert!(text.contains("{{.metadata.annotations.cluster_name}}-grpc") && text.contains("RollingSync"), "{text}");
    workspace.apply().unwrap().expect_ok();
    plans_nothing(&workspace);
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn updates_reach_every_application_and_drift_is_set_back() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let workspace = Workspace::with(&sandbox, ATTACHED).unwrap();
    let folder = workspace.path();
    workspace.apply().unwrap().expect_ok();
    plans_nothing(&workspace);

    // Another name makes other Applications; the old ones go.
    workspace.write("main.tf", &edited("cluster_name}}-grpc", "cluster_name}}-greeter")).unwrap();
    workspace.apply().unwrap().expect_ok();
    let set = workspace.attributes(SET).unwrap();
    assert_eq!((&set["ready"], set["applications"].as_object().unwrap().len()), (&json!(true), 2), "{set}");
    assert_eq!(applications(&sandbox, &workspace), ["member-1-greeter", "member-2-greeter"]);

    workspace.write("main.tf", &edited("automated    = {}", "automated    = { self_heal = true }")).unwrap();
    workspace.apply().unwrap().expect_ok();
    let application = sandbox.object(&folder, &["applications.argoproj.io/member-1-grpc", "-nargocd"]).unwrap();
    assert_eq!(application["spec"]["syncPolicy"]["automated"]["selfHeal"], true);

    // Somebody else's edit of what is ours shows at its attribute; what is not ours stays theirs.
    let edit = r#"{"metadata": {"labels": {"theirs": "yes"}}, "spec": {"template": {"spec": {"project": "other", "syncPolicy": {"automated": {"prune": true}}}}}}"#;
    let patch = ["patch", "applicationset", "appset-grpc-demo", "-nargocd", "--type=merge", "--patch", edit];
    sandbox.kubectl(&folder, &patch).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), [format!("{SET}: update")], "{}", plan.finished.stdout);
    let mut changed = plan.change(SET).unwrap().attributes();
    changed.retain(|name| !["ready", "reason", "applications"].contains(&name.as_str()));
    assert_eq!(changed, ["project", "sync_policy"], "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    plans_nothing(&workspace);
    let live = sandbox.object(&folder, &["applicationset/appset-grpc-demo", "-nargocd"]).unwrap();
    assert_eq!(
        (&live["spec"]["template"]["spec"]["project"], &live["metadata"]["labels"]["theirs"]),
        (&json!("default"), &json!("yes"))
    );

    // A second generator is nothing that the attribute can say, and is taken back all the same.
    let edit = r#"[{"op": "add", "path": "/spec/generators/-", "value": {"list": {"elements": []}}}]"#;
    let patch = ["patch", "applicationset", "appset-grpc-demo", "-nargocd", "--type=json", "--patch", edit];
    sandbox.kubectl(&folder, &patch).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert!(
        plan.change(SET).unwrap().attributes().contains(&"cluster_selector".to_owned()),
        "{}",
        plan.finished.stdout
    );
    workspace.apply_saved(false).unwrap().expect_ok();
    plans_nothing(&workspace);
    let live = sandbox.object(&folder, &["applicationset/appset-grpc-demo", "-nargocd"]).unwrap();
    assert_eq!(live["spec"]["generators"].as_array().unwrap().len(), 1);
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn a_set_given_as_json_is_compared_by_meaning() {
    let sandbox = Sandbox::start_with(&["--attached", "--bare-members"]).unwrap();
    let body = r#"
resource "ackone_application_set" "grpc" {
  name = "by-list"

  spec_json = jsonencode({
    goTemplate = true
    generators = [{ list = { elements = [for id in var.member_cluster_ids : { id = id }] } }]
    template = {
      metadata = { name = "{{.id}}-grpc" }
      spec = {
        project     = "default"
        destination = { name = "{{.id}}-NAME", namespace = "gateway-demo" }
        source = {
          repoURL = "https://github.com/ivan-cai/gitops-demo.git", path = "manifests/directory/grpc", targetRevision = "main"
        }
        syncPolicy = { automated = {}, syncOptions = ["CreateNamespace=true"] }
      }
    }
  })
}
"#;
    // Names of clusters in Argo CD differ from member to member: one of them is enough here.
    let body = body
        .replace("var.member_cluster_ids", &format!("[{:?}]", sandbox.ready.member_ids[0]))
        .replace("NAME", "member-1");
    let workspace = Workspace::with(&sandbox, &body).unwrap();
    workspace.apply().unwrap().expect_ok();
    let set = workspace.attributes(SET).unwrap();
    assert_eq!(
        (&set["ready"], &set["project"], &set["cluster_selector"]),
        (&json!(true), &Value::Null, &Value::Null),
        "{set}"
    );
    plans_nothing(&workspace);
    let edit = r#"{"spec": {"template": {"spec": {"destination": {"namespace": "elsewhere"}}}}}"#;
    let patch = ["patch", "applicationset", "by-list", "-nargocd", "--type=merge", "--patch", edit];
    sandbox.kubectl(&workspace.path(), &patch).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert!(plan.change(SET).unwrap().attributes().contains(&"spec_json".to_owned()), "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    plans_nothing(&workspace);
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn what_is_preserved_outlives_the_set_and_what_is_not_goes_with_it() {
    let sandbox = Sandbox::start_with(&["--bare-members"]).unwrap();
    let workspace = without_the_set(&sandbox);
    let preserving =
        example().replace("  destination = {", "  preserve_resources_on_deletion = true\n\n  destination = {");
    workspace.write("application_set.tf", &preserving).unwrap();
    workspace.apply().unwrap().expect_ok();
    let proves = |expected: bool| {
        wait_until("the gateway's answer", PATIENCE, || {
            workspace.apply().unwrap().expect_ok();
            let proof = probe(&workspace);
            let serves = proof["services"].to_string().contains("helloworld.Greeter");
            if serves == expected { Ok(()) } else { Err(proof.to_string()) }
        })
        .unwrap();
    };
    proves(true);
    workspace.write("application_set.tf", "").unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(applied.prose().contains("Warning: Workloads Kept"), "{}", applied.stdout);
    assert_eq!(applications(&sandbox, &workspace), [""; 0]);
    proves(true);
    workspace.write("application_set.tf", &example()).unwrap();
    workspace.apply().unwrap().expect_ok();
    workspace.write("application_set.tf", "").unwrap();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Workloads Kept"), "{}", applied.stdout);
    proves(false);
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn a_member_that_leaves_loses_its_application_and_one_that_comes_gets_one() {
    let sandbox = Sandbox::start_with(&["--bare-members"]).unwrap();
    let before = sandbox.inventory().unwrap();
    let associations = r#"
variable "associated" { type = set(string) }

resource "ackone_fleet_cluster_association" "member" {
  for_each   = var.associated
  cluster_id = each.value

  lifecycle {
    create_before_destroy = true
  }
}
"#;
    let mut workspace = Workspace::with(&sandbox, &format!("{associations}{}", example())).unwrap();
    let ids = &sandbox.ready.member_ids;
    let mut associate = |ids: &[String]| {
        workspace.set_env("TF_VAR_associated", &Value::from(ids).to_string());
        workspace.apply().unwrap().expect_ok();
        plans_nothing(&workspace);
        let set = workspace.attributes(SET).unwrap();
        assert_eq!(set["ready"], true, "{set}");
        set["expected_cluster_ids"].as_array().unwrap().len()
    };
    assert_eq!(associate(&ids[..1]), 1);
    assert_eq!(associate(ids), 2);
    assert_eq!(associate(&ids[1..]), 1);
    // Argo CD takes the Application away once the member is gone, which the next refresh sees.
    wait_until("one Application", PATIENCE, || match applications(&sandbox, &workspace) {
        all if all == ["member-2-grpc"] => Ok(()),
        all => Err(format!("{all:?}")),
    })
    .unwrap();
    workspace.apply().unwrap().expect_ok();
    let set = workspace.attributes(SET).unwrap();
    assert_eq!(set["applications"].as_object().unwrap().len(), 1, "{set}");
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}
