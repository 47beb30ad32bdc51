//! The walkthrough, told by real Terraform: plan, apply, proof, an empty second plan, destroy, nothing left.

use acceptance_tests::calls::{Call, tally};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;

/// A Fleet as it is before step one: nothing is associated, nothing admitted, nothing deployed.
const BARE: [&str; 2] = ["--bare-members", "--closed-security-groups"];

#[test]
fn the_walkthrough_applies_proves_itself_plans_empty_and_leaves_nothing() {
    let sandbox = Sandbox::start_with(&BARE).unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();

    // A plan needs nothing of what it will make: no key, no kubeconfig, no credentials in it.
    let plan = workspace.plan_saved().unwrap();
    let created: Vec<String> = plan.summary();
    assert_eq!(created.len(), 9, "{created:?}");
    assert!(created.iter().all(|line| line.ends_with(": create")), "{created:?}");
    let text = plan.json.to_string();
    for secret in [sandbox.ready.access_key_secret.as_str(), "PRIVATE KEY", "client-key-data"] {
        assert!(!text.contains(secret), "the plan holds {secret:?}");
    }

    let applied = workspace.apply_saved(false).unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}\n{}", applied.stdout, sandbox.log());
    let ingress = workspace.attributes("ackone_grpc_ingress.demo").unwrap();
    assert_eq!(ingress["address"], "localhost");
    assert_eq!(ingress["ready"], true);
    // Its HTTPS listener has no certificate of its own, so nobody waited for it.
    let gateway = workspace.attributes("ackone_alb_gateway.demo").unwrap();
    assert_eq!(gateway["ready"], serde_json::Value::Null, "{gateway}");
    let output = workspace.run(&["output", "-json"]).unwrap().expect_ok();
    let output: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(output["address"]["value"], "localhost", "{output}");

    let second = workspace.plan().unwrap();
    assert_eq!(second.code, 0, "{}\n{}", second.stdout, second.stderr);
    assert!(!second.prose().contains("Warning:"), "{}", second.stdout);

    // Applied again: a refresh and nothing else.
    sandbox.forget_calls().unwrap();
    let again = workspace.apply().unwrap().expect_ok();
    assert!(again.stdout.contains("0 added, 0 changed, 0 destroyed"), "{}", again.stdout);
    let calls = sandbox.calls().unwrap();
    println!("calls of a refresh of the walkthrough: {} in all", calls.len());
    for (call, count) in tally(&calls) {
        println!("  {count:3} {call}");
    }
    let writes: Vec<String> = calls.iter().filter(|call| call.is_write()).map(Call::to_string).collect();
    assert!(writes.is_empty(), "{writes:?}");
    let failed: Vec<String> = calls.iter().filter(|call| call.status / 100 != 2).map(Call::to_string).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let kubeconfigs = calls.iter().filter(|call| call.action == "DescribeHubClusterKubeconfig").count();
    assert_eq!(kubeconfigs, 1, "one kubeconfig for the one provider process of the run");

    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}

#[test]
fn the_walkthrough_applies_with_the_published_controller_too() {
    let sandbox = Sandbox::start_with(&[&BARE[..], &["--generation", "open-source"]].concat()).unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.attributes("ackone_grpc_ingress.demo").unwrap()["ready"], true);
    // It rewrites the whole AlbConfig and takes both lists over: no drift, and no conflict for our next write.
    let second = workspace.plan().unwrap();
    assert_eq!(second.code, 0, "{}\n{}", second.stdout, second.stderr);
    let main = std::fs::read_to_string(workspace.path().join("main.tf")).unwrap();
    let edited = main.replace("\"8001/HTTP\" = {}", "\"8001/HTTP\" = { idle_timeout = 45 }");
    assert_ne!(edited, main);
    workspace.write("main.tf", &edited).unwrap();
    workspace.apply().unwrap().expect_ok();
    let third = workspace.plan().unwrap();
    assert_eq!(third.code, 0, "{}\n{}", third.stdout, third.stderr);
    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}
