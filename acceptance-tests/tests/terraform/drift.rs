//! Changes made behind Terraform's back, with kubectl. Protects: the plan names the attribute, what is not ours survives
//! our updates, what was deleted is made again, and a change between plan and apply stops the apply.

use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;

const BODY: &str = r#"
resource "ackone_namespace" "demo" {
  name   = "gateway-demo"
  labels = { team = "edge" }
}

resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"
  labels    = { team = "edge" }

  self_signed = {
    common_name   = "grpc.example.com"
    dns_names     = ["grpc.example.com"]
    key_algorithm = "ECDSA_P256"
  }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  remote_clusters        = var.member_cluster_ids
  load_balancer_name     = "one-alb-demo"
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]

  listeners = {
    "8001/HTTP" = {}
    "443/HTTPS" = { idle_timeout = 60, security_policy_id = "tls_cipher_policy_1_2" }
  }
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]

  rules = [{
    host  = "grpc.example.com"
    paths = [{ service_name = "grpc-service", service_port = 50051 }]
  }]

  tls = [{
    hosts       = ["grpc.example.com"]
    secret_name = ackone_tls_secret.grpc.name
  }]
}
"#;

/// Object by object: how kubectl names it, its address, one edit of what is configured, and the attribute that must show.
const EDITS: [(&[&str], &str, &[&str], &str); 4] = [
    (
        &["namespace/gateway-demo"],
        "ackone_namespace.demo",
        &["label", "--overwrite", "namespace/gateway-demo", "team=core"],
        "labels",
    ),
    (
        &["secret/grpc-secret", "--namespace=gateway-demo"],
        "ackone_tls_secret.grpc",
        &["label", "--overwrite", "secret/grpc-secret", "--namespace=gateway-demo", "team=core"],
        "labels",
    ),
    (
        &["albconfig/ackone-gateway-demo"],
        "ackone_alb_gateway.demo",
        &[
            "patch",
            "albconfig/ackone-gateway-demo",
            "--type=merge",
            r#"--patch={"spec":{"config":{"name":"renamed-by-hand"}}}"#,
        ],
        "load_balancer_name",
    ),
    (
        &["ingress/grpc-ingress", "--namespace=gateway-demo"],
        "ackone_grpc_ingress.demo",
        &[
            "patch",
            "ingress/grpc-ingress",
            "--namespace=gateway-demo",
            "--type=json",
            r#"--patch=[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/port/number","value":50052}]"#,
        ],
        "rules",
    ),
];

/// What a change of any attribute takes along: it is known only after the write.
const FOLLOWERS: [&str; 5] = ["ready", "reason", "listener_status", "effective_labels", "renewal_due"];

#[test]
fn an_edit_by_hand_shows_at_its_attribute_and_what_is_foreign_survives() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, BODY).unwrap();
    let folder = workspace.path();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);

    // What other tools add is theirs.
    for (object, ..) in EDITS {
        for (verb, pair) in [("label", "cost-centre=4711"), ("annotate", "example.com/watched-by=someone")] {
            sandbox.kubectl(&folder, &[&[verb], object, &[pair]].concat()).unwrap();
        }
    }
    let plan = workspace.plan().unwrap();
    assert_eq!(plan.code, 0, "foreign labels and annotations are no drift\n{}", plan.stdout);

    for (_, _, edit, _) in EDITS {
        sandbox.kubectl(&folder, edit).unwrap();
    }
    let plan = workspace.plan_saved().unwrap();
    let mut wanted: Vec<String> = EDITS.iter().map(|(_, address, ..)| format!("{address}: update")).collect();
    wanted.sort();
    assert_eq!(plan.summary(), wanted, "{}", plan.finished.stdout);
    for (_, address, _, attribute) in EDITS {
        let mut changed = plan.change(address).unwrap().attributes();
        changed.retain(|name| !FOLLOWERS.contains(&name.as_str()));
        assert_eq!(changed, [attribute], "{address}\n{}", plan.finished.stdout);
    }
    // Terraform shows values; who changed them is ours to tell.
    let told = plan.finished.prose();
    for (_, _, _, attribute) in EDITS {
        assert!(told.contains(&format!("- {attribute}")), "{attribute}\n{}", plan.finished.stdout);
    }
    assert!(told.contains("last written by \"kubectl-patch\" at "), "{}", plan.finished.stdout);
    assert!(told.contains("it was \"one-alb-demo\" and is \"renamed-by-hand\""), "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);
    for (object, address, ..) in EDITS {
        let live = sandbox.object(&folder, object).unwrap();
        assert_eq!(live["metadata"]["labels"]["cost-centre"], "4711", "{address}");
        assert_eq!(live["metadata"]["annotations"]["example.com/watched-by"], "someone", "{address}");
    }
    let live = sandbox.object(&folder, EDITS[2].0).unwrap();
    assert_eq!(live["spec"]["config"]["name"], "one-alb-demo");

    // Deleted by hand: planned again, with nothing else.
    sandbox.kubectl(&folder, &["delete", "ingress/grpc-ingress", "--namespace=gateway-demo"]).unwrap();
    let plan = workspace.plan_saved().unwrap();
    assert_eq!(plan.summary(), ["ackone_grpc_ingress.demo: create"], "{}", plan.finished.stdout);
    workspace.apply_saved(false).unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);

    // Edited between plan and apply: the plan no longer says what would happen.
    let edited = BODY.replace("idle_timeout = 60", "idle_timeout = 120").replace("one-alb-demo", "two-alb-demo");
    workspace.write("main.tf", &edited).unwrap();
    workspace.plan_saved().unwrap();
    sandbox.kubectl(&folder, EDITS[2].2).unwrap();
    let applied = workspace.apply_saved(true).unwrap();
    assert_eq!(applied.code, 1, "{}", applied.stdout);
    let known: Vec<(&str, &str)> = vec![(sandbox.ready.fleet_id.as_str(), "FLEET")];
    let told = golden::normalised(&golden::diagnostics(&applied.stdout).join("\n"), &known, &folder);
    golden::check("conflicting_field_manager", &told).unwrap();
    let live = sandbox.object(&folder, EDITS[2].0).unwrap();
    assert_eq!(live["spec"]["config"]["name"], "renamed-by-hand", "nothing was written");

    // A new plan shows the edit, and agreeing to it is enough.
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);

    // What others set in fields that were left to them is overwritten by a plan that says so.
    let theirs = r#"--patch={"spec":{"config":{"resourceGroupId":"rg-theirs"}}}"#;
    sandbox.kubectl(&folder, &["patch", "albconfig/ackone-gateway-demo", "--type=merge", theirs]).unwrap();
    assert_eq!(workspace.plan().unwrap().code, 0, "it is theirs");
    let more = edited.replace("  address_type ", "  resource_group_id = \"rg-ours\"\n  address_type ");
    workspace.write("main.tf", &more).unwrap();
    let planned = workspace.run(&["plan", "-json"]).unwrap();
    let mut told = golden::diagnostics(&planned.stdout);
    told.retain(|one| one.contains("Values of Others"));
    golden::check("values_of_others_overwritten", &golden::normalised(&told.join("\n"), &known, &folder)).unwrap();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);
    let live = sandbox.object(&folder, EDITS[2].0).unwrap();
    assert_eq!(live["spec"]["config"]["resourceGroupId"], "rg-ours");
    workspace.destroy().unwrap().expect_ok();
}
