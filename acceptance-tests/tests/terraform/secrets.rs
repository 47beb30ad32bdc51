//! Canaries: no secret of the walkthrough reaches a log, a plan, the state or the sandbox's books, at the most talkative
//! level there is. A key that is kept in state by choice is found there, and only there.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::path::Path;

use acceptance_tests::plan::PLAN_FILE;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::tools;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Texts that betray a secret: as it is, and as a Secret's data would show it.
fn betrayals(secret: &str) -> Vec<String> {
    // Lines of a PEM body; the last one is short, and says nothing alone.
    let lines = secret.lines().filter(|line| !line.starts_with("-----") && line.len() >= 20);
    let mut all: Vec<String> = lines.map(str::to_owned).collect();
    let encoded = STANDARD.encode(secret);
    // From a boundary of four on, so that what stands before does not matter.
    let middle = encoded.len() / 8 * 4;
    all.push(encoded.get(middle..(middle + 40).min(encoded.len())).unwrap_or(&encoded).to_owned());
    all.retain(|text| text.len() >= 16);
    assert!(!all.is_empty(), "a canary that cannot be recognised");
    all
}

/// A place where secrets might be, and which secrets may be there.
struct Place {
    name: String,
    text: String,
    allowed: &'static [&'static str],
}

fn place(name: &str, text: String) -> Place {
    assert!(!text.is_empty(), "{name} is empty: the test would prove nothing");
    Place { name: name.to_owned(), text, allowed: &[] }
}

fn plan_texts(folder: &Path, workspace: &Workspace) -> String {
    // A plan file is a zip of members that may be compressed; unpacked, with python's own module or unzip.
    let listed = tools::run(
        Path::new("python3"),
        folder,
        &["-c", "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nfor n in z.namelist(): sys.stdout.buffer.write(z.read(n))", PLAN_FILE],
    )
    .unwrap()
    .expect_ok();
    let shown = workspace.run(&["show", "-json", PLAN_FILE]).unwrap().expect_ok();
    format!("{}\n{}", listed.stdout, shown.stdout)
}

const KEPT: &str = r#"
resource "ackone_tls_secret" "kept" {
  namespace       = ackone_namespace.demo.name
  name            = "kept-by-choice"
  certificate_pem = file("kept.crt")
  private_key_pem = file("kept.key")
}
"#;

const WRITE_ONLY: &str = r#"
resource "ackone_tls_secret" "write_only" {
  namespace          = ackone_namespace.demo.name
  name               = "write-only"
  certificate_pem    = file("wo.crt")
  private_key_pem_wo = file("wo.key")
}
"#;

#[test]
fn no_secret_of_the_walkthrough_is_written_anywhere() {
    let sandbox = Sandbox::start().unwrap();
    let mut workspace = Workspace::walkthrough(&sandbox).unwrap();
    let folder = workspace.path();
    workspace.write("kept.tf", KEPT).unwrap();
    tools::certificate(&folder, "kept", "kept.example.com", 30).unwrap();
    tools::certificate(&folder, "wo", "wo.example.com", 30).unwrap();
    let write_only = workspace.minor_version().unwrap() >= 11;
    if write_only {
        workspace.write("write_only.tf", WRITE_ONLY).unwrap();
    }
    workspace.set_env("TF_LOG", "TRACE");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();

    let planned = workspace.plan_saved().unwrap();
    let plan = plan_texts(&folder, &workspace);
    let applied = workspace.apply_saved(false).unwrap().expect_ok();
    let refreshed = workspace.plan().unwrap();
    assert_eq!(refreshed.code, 0, "{}", refreshed.stdout);
    let state = workspace.state_text().unwrap();
    let generated = sandbox.object(&folder, &["secret/grpc-secret", "-ngateway-demo"]).unwrap();
    let generated = STANDARD.decode(generated["data"]["tls.key"].as_str().unwrap()).unwrap();
    let destroyed = workspace.destroy().unwrap().expect_ok();
    let calls = sandbox.control.get("/v1/calls").unwrap().to_string();

    assert!(applied.stderr.contains("[TRACE]"), "the logs must be there to prove anything");
    let mut secrets = vec![
        ("the access key secret", sandbox.ready.access_key_secret.clone()),
        ("the generated key", String::from_utf8(generated).unwrap()),
        ("the key kept by choice", read("kept.key")),
    ];
    if write_only {
        secrets.push(("the write-only key", read("wo.key")));
    }
    let logs = [&planned.finished, &applied, &refreshed, &destroyed];
    let logs: String = logs.iter().flat_map(|one| [one.stdout.as_str(), one.stderr.as_str()]).collect();
    let kept: &'static [&'static str] = &["the key kept by choice"];
    let places = [
        place("Terraform's output and TRACE log", logs),
        Place { allowed: kept, ..place("the plan file", plan) },
        Place { allowed: kept, ..place("the state", state) },
        place("the sandbox's call log", calls),
        place("the sandbox's log", sandbox.log()),
    ];
    for place in &places {
        for (what, secret) in &secrets {
            let found = betrayals(secret).into_iter().any(|text| place.text.contains(&text));
            let allowed = place.allowed.contains(what);
            assert!(allowed || !found, "{what} is in {}", place.name);
            // Were it not found where it must be, the search itself would be broken.
            assert!(!allowed || found, "{what} is not in {}", place.name);
        }
        if place.allowed.is_empty() {
            assert!(!place.text.contains("PRIVATE KEY-----"), "a private key is in {}", place.name);
        }
        assert!(!place.text.contains("client-key-data"), "a kubeconfig is in {}", place.name);
    }
}

/// Values of these fields at any depth of a kubeconfig.
fn credentials(kubeconfig: &Value, found: &mut Vec<String>) {
    match kubeconfig {
        Value::Object(fields) => {
            for (name, value) in fields {
                if matches!(name.as_str(), "token" | "client-key-data") {
                    found.extend(value.as_str().map(str::to_owned));
                }
                credentials(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| credentials(item, found)),
        _ => {}
    }
}

#[test]
fn no_credential_of_a_configured_kubeconfig_is_written_anywhere() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let provider = "provider \"ackone\" {\n  kubernetes = {\n    config_content = file(\"fleet.kubeconfig\")\n  }\n}\n";
    let mut workspace = Workspace::with_provider(
        &sandbox,
        provider,
        "resource \"ackone_namespace\" \"demo\" {\n  name = \"gateway-demo\"\n}\n",
    )
    .unwrap();
    let folder = workspace.path();
    let text = std::fs::read_to_string(sandbox.kubeconfig().unwrap()).unwrap();
    std::fs::write(folder.join("fleet.kubeconfig"), &text).unwrap();
    let shown = sandbox.kubectl(&folder, &["config", "view", "--raw", "-o", "json"]).unwrap();
    let mut canaries = Vec::new();
    credentials(&serde_json::from_str(&shown.stdout).unwrap(), &mut canaries);
    assert!(!canaries.is_empty(), "{}", shown.stdout);
    workspace.set_env("TF_LOG", "TRACE");

    let planned = workspace.plan_saved().unwrap();
    let plan = plan_texts(&folder, &workspace);
    let applied = workspace.apply_saved(false).unwrap().expect_ok();
    let logs = format!("{}{}{}", planned.finished.stderr, applied.stdout, applied.stderr);
    let places = [
        place("Terraform's output and TRACE log", logs),
        place("the plan file", plan),
        place("the state", workspace.state_text().unwrap()),
        place("the sandbox's log", sandbox.log()),
    ];
    for place in &places {
        for canary in &canaries {
            for text in betrayals(canary) {
                assert!(!place.text.contains(&text), "a credential of the kubeconfig is in {}", place.name);
            }
        }
    }
    workspace.destroy().unwrap().expect_ok();
}
