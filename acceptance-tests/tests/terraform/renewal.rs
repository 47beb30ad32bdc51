//! A self-signed certificate near its end is renewed in place by the next apply. Protects: the Secret stays the same object,
//! so that no Ingress loses it; only the date decides; the plan says so beforehand and is empty afterwards.

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::tools;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const SECRET: &str = r#"
resource "ackone_namespace" "demo" {
  name = "demo"
}

resource "ackone_tls_secret" "grpc" {
  namespace   = ackone_namespace.demo.name
  name        = "grpc-secret"
  self_signed = { common_name = "grpc.example.com", organization = "AlibabaCloud", validity_days = 90, renew_before_days = 30 }
}
"#;

#[test]
fn a_certificate_near_its_end_is_renewed_in_place() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, SECRET).unwrap();
    let folder = workspace.path();
    workspace.apply().unwrap().expect_ok();
    let live = || sandbox.object(&folder, &["secret/grpc-secret", "-ndemo"]).unwrap();
    let before = live();

    for (name, days, due) in [("fresh", 40, false), ("old", 20, true)] {
        // As if the one made 90 days ago were that near to its end.
        tools::certificate(&folder, name, "grpc.example.com", days).unwrap();
        let data = |part: &str| STANDARD.encode(std::fs::read(folder.join(format!("{name}.{part}"))).unwrap());
        let patch = json!({"data": {"tls.crt": data("crt"), "tls.key": data("key")}});
        let patch = format!("--patch={patch}");
        sandbox.kubectl(&folder, &["patch", "secret/grpc-secret", "-ndemo", "--type=merge", &patch]).unwrap();
        workspace.run(&["apply", "-refresh-only", "-auto-approve", "-no-color"]).unwrap().expect_ok();
        let planned = workspace.plan().unwrap();
        assert_eq!(planned.code, if due { 2 } else { 0 }, "{name}: {}", planned.prose());
    }

    workspace.apply().unwrap().expect_ok();
    let after = live();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "the Secret is the same object");
    for part in ["tls.crt", "tls.key"] {
        assert_ne!(after["data"][part], before["data"][part], "{part} is new");
    }
    let state = workspace.attributes("ackone_tls_secret.grpc").unwrap();
    assert_eq!(state["renewal_due"], Value::Bool(false));
    assert_eq!(state["subject_common_name"], json!("grpc.example.com"));
    assert_eq!(workspace.plan().unwrap().code, 0);
}
