//! The world after the walkthrough, seen with the tools that its readers have: kubectl, grpcurl, openssl.

use std::path::Path;
use std::process::{Command, Stdio};

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::tools::{grpcurl, run};

#[test]
fn stock_tools_see_what_the_walkthrough_shows() {
    let sandbox = Sandbox::start_with(&["--bare-members", "--closed-security-groups"]).unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();
    workspace.apply().unwrap().expect_ok();
    let folder = workspace.path();
    let port = sandbox.ready.gateway_ports["443"];
    let address = format!("localhost:{port}");

    // Step 4: kubectl get ingress.
    let table = sandbox.kubectl(&folder, &["get", "ingress", "--namespace", "gateway-demo"]).unwrap().stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"], "{table}");
    assert_eq!(rows[1][..6], ["grpc-ingress", "alb", "grpc.example.com", "localhost", "80,", "443"], "{table}");
    let described =
        sandbox.kubectl(&folder, &["describe", "ingress", "grpc-ingress", "-ngateway-demo"]).unwrap().stdout;
    assert!(described.contains("SuccessfullyReconciled"), "{described}");

    let rows = |table: &str| -> Vec<Vec<String>> {
        table.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    // Step 3: kubectl get albconfig, as the controller's documentation shows it.
    let table = sandbox.kubectl(&folder, &["get", "albconfig"]).unwrap().stdout;
    let gateway = workspace.attributes("ackone_alb_gateway.demo").unwrap();
    let status: serde_json::Value = sandbox.object(&folder, &["albconfig", "ackone-gateway-demo"]).unwrap();
    let id = status["status"]["loadBalancer"]["id"].as_str().unwrap();
    assert_eq!(rows(&table)[0][..3], ["NAME", "ALBID", "DNSNAME"], "{table}");
    assert_eq!(rows(&table)[1][..3], ["ackone-gateway-demo", id, "localhost"], "{table}\n{gateway}");
    // Step 2: what Argo CD deployed, one Application for each member.
    let table = sandbox.kubectl(&folder, &["get", "applications", "--namespace", "argocd"]).unwrap().stdout;
    assert_eq!(rows(&table)[0], ["NAME", "SYNC", "STATUS", "HEALTH", "STATUS"], "{table}");
    let deployed: Vec<String> = rows(&table)[1..].iter().map(|row| row.join(" ")).collect();
    assert_eq!(deployed, ["member-1-grpc Synced Healthy", "member-2-grpc Synced Healthy"], "{table}");
    // And the controller's words.
    let table = sandbox.kubectl(&folder, &["get", "events", "--all-namespaces"]).unwrap().stdout;
    for (object, reason) in [
        ("ingress/grpc-ingress", "SuccessfullyReconciled"),
        ("albconfig/ackone-gateway-demo", "SuccessfullyReconciled"),
    ] {
        let told = rows(&table)
            .iter()
            .any(|row| row.iter().any(|word| word == object) && row.iter().any(|word| word == reason));
        assert!(told, "{object} {reason}\n{table}");
    }

    // Step 4: grpcurl list.
    let list = ["-insecure", "-authority", "grpc.example.com", &address, "list"];
    let listed = run(&grpcurl(), &folder, &list).unwrap().expect_ok();
    assert_eq!(listed.stdout, "grpc.reflection.v1alpha.ServerReflection\nhelloworld.Greeter\n");
    let hello = ["-insecure", "-authority", "grpc.example.com", "-d", "{\"name\": \"walkthrough\"}", &address];
    let answered = run(&grpcurl(), &folder, &[hello.as_slice(), &["helloworld.Greeter/SayHello"]].concat()).unwrap();
    assert!(answered.expect_ok().stdout.contains("walkthrough"));
    // Another authority is no rule's.
    let other = ["-insecure", "-authority", "other.example.com", &address, "list"];
    assert!(!run(&grpcurl(), &folder, &other).unwrap().ok());

    // The certificate that the gateway serves is the one in state.
    let served = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-servername", "grpc.example.com", "-alpn", "h2"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let handshake = String::from_utf8_lossy(&served.stdout).into_owned();
    assert!(handshake.contains("ALPN protocol: h2"), "{handshake}");
    std::fs::write(folder.join("served.txt"), &handshake).unwrap();
    #[rustfmt::skip]
    let facts = run(Path::new("openssl"), &folder, &["x509", "-in", "served.txt", "-noout", "-fingerprint", "-sha256", "-ext", "subjectAltName"])
        .unwrap()
        .expect_ok()
        .stdout;
    let fingerprint = facts.lines().find_map(|line| line.split_once('=')).unwrap().1.replace(':', "").to_lowercase();
    let state = workspace.attributes("ackone_tls_secret.grpc").unwrap();
    let stored = state["fingerprint_sha256"].as_str().unwrap().replace(':', "").to_lowercase();
    assert_eq!(fingerprint, stored, "{facts}");
    assert!(facts.contains("DNS:grpc.example.com"), "{facts}");

    workspace.destroy().unwrap().expect_ok();
    assert!(!run(&grpcurl(), &folder, &list).unwrap().ok(), "nobody serves any more");
}
