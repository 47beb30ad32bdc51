//! Messages of ackone_tls_secret and ackone_namespace that only a live Fleet provokes. Protects: what a person reads about
//! certificates whose time is over, and about objects that others still use.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::path::Path;

use acceptance_tests::golden;
use acceptance_tests::material::{LONG, Material, Validity, chain_of, self_signed};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const APPLY: &[&str] = &["apply", "-json", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-json", "-auto-approve"];
const PLAN: &[&str] = &["plan", "-json"];

#[track_caller]
fn tells(name: &str, sandbox: &Sandbox, workspace: &Workspace, arguments: &[&str], code: i32) {
    golden::tells(name, sandbox, workspace, arguments, code).unwrap();
}

fn material(validity: Validity) -> Material {
    self_signed(Some("grpc.example.com"), &["grpc.example.com"], validity).unwrap()
}

fn write(folder: &Path, name: &str, material: &Material) {
    std::fs::write(folder.join(format!("{name}.crt")), &material.certificate).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), &material.key).unwrap();
}

fn secret(files: &str, more: &str) -> String {
    format!(
        "resource \"ackone_tls_secret\" \"{files}\" {{\n  namespace       = \"demo\"\n  name            = \"grpc-secret\"\n  certificate_pem = file(\"{files}.crt\")\n  private_key_pem = file(\"{files}.key\")\n{more}}}\n"
    )
}

/// The day in so many days, for certificates that end soon.
fn day(offset: i64) -> (i32, u8, u8) {
    let date =
        std::process::Command::new("date").args(["-u", "-d", &format!("{offset} days"), "+%Y-%m-%d"]).output().unwrap();
    let text = String::from_utf8(date.stdout).unwrap();
    let parts: Vec<&str> = text.trim().split('-').collect();
    (
        parts.first().unwrap().parse().unwrap(),
        parts.get(1).unwrap().parse().unwrap(),
        parts.get(2).unwrap().parse().unwrap(),
    )
}

fn start() -> (Sandbox, Workspace) {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, "").unwrap();
    sandbox.kubectl(&workspace.path(), &["create", "namespace", "demo"]).unwrap();
    (sandbox, workspace)
}

#[test]
fn certificates_whose_time_is_over_near_or_to_come() {
    let (sandbox, workspace) = start();
    let folder = workspace.path();
    write(&folder, "expired", &material([(2020, 1, 1), (2021, 1, 1)]));
    write(&folder, "soon", &material([(2020, 1, 1), day(10)]));
    write(&folder, "early", &material([(2089, 1, 1), (2090, 1, 1)]));
    let (issued, [leaf, middle, _]) = chain_of("grpc.example.com", [(2020, 1, 1), (2021, 1, 1)]).unwrap();
    write(&folder, "issuer", &Material { certificate: [leaf, middle].concat(), ..issued });
    let body: String =
        ["expired", "soon", "early", "issuer"].map(|name| secret(name, "").replace("grpc-secret", name)).concat();
    workspace.write("main.tf", &body).unwrap();
    tells("messages_secret_dates", &sandbox, &workspace, PLAN, 1);
}

#[test]
fn secrets_that_cannot_be_written() {
    let (sandbox, workspace) = start();
    let folder = workspace.path();
    write(&folder, "grpc", &material(LONG));
    let kubectl = |arguments: &[&str]| sandbox.kubectl(&folder, arguments).unwrap();
    kubectl(&["create", "secret", "generic", "grpc-secret", "--namespace=demo", "--from-literal=a=b"]);
    workspace.write("main.tf", &secret("grpc", "  adopt = true\n")).unwrap();
    tells("messages_secret_of_another_type", &sandbox, &workspace, APPLY, 1);
    kubectl(&["delete", "secret", "grpc-secret", "--namespace=demo"]);

    workspace.apply().unwrap().expect_ok();
    kubectl(&["patch", "secret/grpc-secret", "--namespace=demo", "--type=merge", r#"--patch={"immutable":true}"#]);
    write(&folder, "grpc", &material(LONG));
    tells("messages_secret_immutable", &sandbox, &workspace, APPLY, 1);

    // A namespace that is going takes nothing new.
    let held = r#"--patch={"metadata":{"finalizers":["example.com/hold"]}}"#;
    kubectl(&["create", "namespace", "going"]);
    kubectl(&["patch", "namespace/going", "--type=merge", held]);
    kubectl(&["delete", "namespace", "going", "--wait=false"]);
    workspace.write("main.tf", &secret("grpc", "").replace("\"demo\"", "\"going\"")).unwrap();
    workspace.run(&["state", "rm", "ackone_tls_secret.grpc"]).unwrap().expect_ok();
    tells("messages_namespace_going", &sandbox, &workspace, APPLY, 1);
}

#[test]
fn a_live_pair_that_does_not_match() {
    let (sandbox, workspace) = start();
    let folder = workspace.path();
    write(&folder, "grpc", &material(LONG));
    write(&folder, "other", &material(LONG));
    workspace.write("main.tf", &secret("grpc", "")).unwrap();
    workspace.apply().unwrap().expect_ok();
    // The key of the other pair, as somebody might paste it by hand.
    let other = std::fs::read_to_string(folder.join("other.key")).unwrap();
    let patch = json!({"stringData": {"tls.key": other}}).to_string();
    let patch = format!("--patch={patch}");
    sandbox.kubectl(&folder, &["patch", "secret/grpc-secret", "--namespace=demo", "--type=merge", &patch]).unwrap();
    tells("messages_secret_mismatch", &sandbox, &workspace, PLAN, 0);
}

#[test]
fn objects_that_others_use() {
    let (sandbox, workspace) = start();
    let folder = workspace.path();
    write(&folder, "grpc", &material(LONG));
    let ingress: Value = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "user", "namespace": "demo"},
        "spec": {
            "rules": [{"host": "grpc.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": "grpc-service", "port": {"number": 50051}}}}]}}],
            "tls": [{"hosts": ["grpc.example.com"], "secretName": "grpc-secret"}],
        },
    });
    std::fs::write(folder.join("ingress.json"), ingress.to_string()).unwrap();
    let namespace = "import {\n  to = ackone_namespace.demo\n  id = \"demo\"\n}\n\nresource \"ackone_namespace\" \"demo\" {\n  name = \"demo\"\n}\n\n";
    workspace.write("main.tf", &format!("{namespace}{}", secret("grpc", ""))).unwrap();
    workspace.apply().unwrap().expect_ok();
    sandbox.kubectl(&folder, &["apply", "--filename", "ingress.json"]).unwrap();

    tells("messages_in_use", &sandbox, &workspace, DESTROY, 1);
    let replace = [APPLY, &["-replace=ackone_tls_secret.grpc"]].concat();
    tells("messages_secret_in_use_replaced", &sandbox, &workspace, &replace, 0);
    let replace = [APPLY, &["-replace=ackone_namespace.demo"]].concat();
    tells("messages_namespace_in_use_replaced", &sandbox, &workspace, &replace, 0);

    let groups = json!({"kubernetes_groups": ["platform-team"]});
    sandbox.control.post("/v1/world/keys", &groups).unwrap();
    let deny = json!({"deny": [{"verb": "list", "resource": "services"}, {"verb": "watch", "resource": "services"}]});
    sandbox.control.post("/v1/kubernetes/permissions", &deny).unwrap();
    let destroy = [DESTROY, &["-target=ackone_namespace.demo"]].concat();
    tells("messages_namespace_not_looked_through", &sandbox, &workspace, &destroy, 1);
}
