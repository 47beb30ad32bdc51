//! Stock kubectl against the embedded Fleet API server: the walkthrough's objects, and what an operator types.

#![expect(clippy::expect_used, reason = "a helper of a test may fail the test")]

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use ackone_sandbox::apiserver::{ApiServer, ApiServerConfig, Denial};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

const GATEWAY: &str = "
apiVersion: alibabacloud.com/v1
kind: AlbConfig
metadata:
  name: ackone-gateway-demo
  annotations:
    alb.ingress.kubernetes.io/remote-clusters: c1member,c2member
spec:
  config:
    name: one-alb-demo
    addressType: Internet
    addressAllocatedMode: Fixed
    zoneMappings:
    - vSwitchId: vsw-h
    - vSwitchId: vsw-i
  listeners:
  - port: 8001
    protocol: HTTP
  - port: 443
    protocol: HTTPS
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: alb
spec:
  controller: ingress.k8s.alibabacloud/alb
  parameters:
    apiGroup: alibabacloud.com
    kind: AlbConfig
    name: ackone-gateway-demo
";

const INGRESS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  annotations:
    alb.ingress.kubernetes.io/listen-ports: |
     [{\"HTTPS\": 443}]
    alb.ingress.kubernetes.io/backend-protocol: grpc
  name: grpc-ingress
  namespace: gateway-demo
spec:
  ingressClassName: alb
  rules:
  - host: grpc.example.com
    http:
      paths:
      - backend:
          service:
            name: grpc-service
            port:
              number: 50051
        path: /
        pathType: Prefix
  tls:
  - hosts:
    - grpc.example.com
    secretName: grpc-secret
";

struct Kubectl {
    server: ApiServer,
    folder: tempfile::TempDir,
}

impl Kubectl {
    async fn start() -> Kubectl {
        let server = ApiServer::start(ApiServerConfig::default()).await.expect("server");
        let folder = tempfile::tempdir().expect("folder");
        let text = server.kubeconfig("admin", &["system:masters"]).expect("kubeconfig");
        std::fs::write(folder.path().join("config"), text).expect("write");
        Kubectl { server, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn call_as(&self, config: &str, args: &[&str], input: &str) -> Output {
        let mut child = Command::new("kubectl")
            .args(args)
            .env("KUBECONFIG", self.file(config))
            .env("HOME", self.folder.path())
            .env("KUBECACHEDIR", self.folder.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("kubectl must be on PATH for this test");
        let mut stdin = child.stdin.take().expect("stdin");
        stdin.write_all(input.as_bytes()).await.expect("stdin");
        drop(stdin);
        tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await.expect("in time").expect("output")
    }

    async fn ok(&self, args: &[&str], input: &str) -> String {
        let output = self.call_as("config", args, input).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {args:?}\n{out}\n{err}");
        assert!(!err.contains("Warning") && !err.contains("error"), "kubectl {args:?} complained:\n{err}");
        out.into_owned()
    }

    async fn refused(&self, args: &[&str], input: &str) -> String {
        let output = self.call_as("config", args, input).await;
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "kubectl {args:?} was to fail:\n{}", String::from_utf8_lossy(&output.stdout));
        err
    }
}

fn columns(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walkthrough_can_be_typed_with_kubectl() {
    let kubectl = Kubectl::start().await;
    kubectl.ok(&["create", "namespace", "gateway-demo"], "").await;
    let key = rcgen::KeyPair::generate().expect("key");
    let certificate = rcgen::CertificateParams::new(vec!["grpc.example.com".to_owned()])
        .and_then(|params| params.self_signed(&key))
        .expect("certificate");
    std::fs::write(kubectl.file("grpc.key"), key.serialize_pem()).expect("write");
    std::fs::write(kubectl.file("grpc.crt"), certificate.pem()).expect("write");
    let (key, crt) = (kubectl.file("grpc.key"), kubectl.file("grpc.crt"));
    let (key, crt) = (key.to_str().expect("path"), crt.to_str().expect("path"));
    let secret = ["create", "secret", "tls", "grpc-secret", "--key", key, "--cert", crt, "-ngateway-demo"];
    assert_eq!(kubectl.ok(&secret, "").await, "secret/grpc-secret created\n");

    let first = kubectl.ok(&["apply", "-f", "-"], GATEWAY).await;
    assert!(first.contains("albconfig.alibabacloud.com/ackone-gateway-demo created"), "{first}");
    assert!(first.contains("ingressclass.networking.k8s.io/alb created"), "{first}");
    kubectl.ok(&["apply", "-f", "-"], INGRESS).await;
    let again = kubectl.ok(&["apply", "-f", "-"], GATEWAY).await;
    assert!(again.contains("ackone-gateway-demo unchanged") && again.contains("alb unchanged"), "{again}");

    let changed = GATEWAY.replace("    addressType: Internet\n", "").replace("port: 8001", "port: 8002");
    kubectl.ok(&["apply", "-f", "-"], &changed).await;
    let spec = kubectl.ok(&["get", "albconfig", "ackone-gateway-demo", "-o", "jsonpath={.spec}"], "").await;
    assert!(spec.contains("8002") && !spec.contains("addressType"), "{spec}");

    let rows = columns(&kubectl.ok(&["get", "ingress", "-ngateway-demo"], "").await);
    assert_eq!(rows[0], ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"]);
    assert_eq!(rows[1][..3], ["grpc-ingress", "alb", "grpc.example.com"]);
    assert!(rows[1].contains(&"80, 443".to_owned()), "{rows:?}");
    let rows = columns(&kubectl.ok(&["get", "albconfig"], "").await);
    assert_eq!(rows[0], ["NAME", "ALBID", "DNSNAME", "PORT&PROTOCOL", "CERTID", "AGE"]);
    let rows = columns(&kubectl.ok(&["get", "ns"], "").await);
    assert!(rows.iter().any(|row| row[..2] == ["argocd", "Active"]), "{rows:?}");
    let yaml = kubectl.ok(&["get", "ingressclass", "alb", "-o", "yaml"], "").await;
    assert!(yaml.contains("scope: Cluster"), "{yaml}");
    let described = kubectl.ok(&["describe", "ingress", "grpc-ingress", "-ngateway-demo"], "").await;
    assert!(described.contains("grpc-secret terminates grpc.example.com"), "{described}");
    let described = kubectl.ok(&["describe", "albconfig", "ackone-gateway-demo"], "").await;
    assert!(described.contains("one-alb-demo") && described.contains("Events:"), "{described}");
    kubectl.ok(&["describe", "ns", "gateway-demo"], "").await;
    kubectl.ok(&["get", "all,events", "-A"], "").await;

    kubectl.ok(&["delete", "ns", "gateway-demo", "--timeout=30s"], "").await;
    let gone = kubectl.refused(&["get", "ingress", "grpc-ingress", "-ngateway-demo"], "").await;
    assert!(gone.contains("(NotFound)"), "{gone}");
    kubectl.ok(&["delete", "albconfig/ackone-gateway-demo", "ingressclass/alb", "--timeout=30s"], "").await;
    kubectl.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_side_apply_reports_conflicts_by_manager() {
    let kubectl = Kubectl::start().await;
    kubectl.ok(&["apply", "--server-side", "--field-manager=walkthrough", "-f", "-"], GATEWAY).await;
    let rewritten = GATEWAY.replace("8001", "8003").replace("vsw-h", "vsw-x");
    let err = kubectl.refused(&["apply", "--server-side", "--field-manager=other", "-f", "-"], &rewritten).await;
    assert!(err.contains("Apply failed with 2 conflicts: conflicts with \"walkthrough\":"), "{err}");
    assert!(err.contains("- .spec.listeners") && err.contains("- .spec.config.zoneMappings"), "{err}");
    let force = ["apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-"];
    kubectl.ok(&force, &rewritten).await;
    let dry = ["apply", "--server-side", "--field-manager=other", "--dry-run=server", "-f", "-"];
    kubectl.ok(&dry, &rewritten.replace("8003", "8004")).await;
    let ports = ["get", "albconfig", "ackone-gateway-demo", "-o", "jsonpath={.spec.listeners[*].port}"];
    assert_eq!(kubectl.ok(&ports, "").await, "8003 443");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_sees_the_real_refusals() {
    let kubectl = Kubectl::start().await;
    kubectl.ok(&["create", "namespace", "gateway-demo"], "").await;
    let err = kubectl.refused(&["apply", "-f", "-"], &INGRESS.replace("pathType: Prefix", "pathTyp: Prefix")).await;
    assert!(err.contains("strict decoding error: unknown field \"spec.rules[0].http.paths[0].pathTyp\""), "{err}");
    let err = kubectl.refused(&["apply", "-f", "-"], &INGRESS.replace("path: /", "path: x")).await;
    assert!(err.contains("spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path"), "{err}");
    let err =
        kubectl.refused(&["create", "-f", "-"], &INGRESS.replace("namespace: gateway-demo", "namespace: nope")).await;
    assert!(err.contains("namespaces \"nope\" not found"), "{err}");
    assert_eq!(kubectl.ok(&["auth", "can-i", "create", "ingresses", "-ngateway-demo"], "").await, "yes\n");
    assert!(kubectl.ok(&["auth", "whoami"], "").await.contains("admin"));
    let resources = kubectl.ok(&["api-resources"], "").await;
    assert!(resources.contains("albconfigs") && resources.contains("alibabacloud.com/v1"), "{resources}");

    kubectl.server.set_denials(vec![Denial {
        user: "*".to_owned(),
        verb: "list".to_owned(),
        resource: "albconfigs".to_owned(),
    }]);
    let text = kubectl.server.kubeconfig("viewer", &["dev"]).expect("kubeconfig");
    std::fs::write(kubectl.file("viewer"), text).expect("write");
    let output = kubectl.call_as("viewer", &["get", "albconfig"], "").await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        err.contains(
            "albconfigs.alibabacloud.com is forbidden: User \"viewer\" cannot list resource \"albconfigs\" in API group \
             \"alibabacloud.com\" at the cluster scope"
        ),
        "{err}"
    );
    let past = jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(1)).expect("time");
    let text = kubectl.server.kubeconfig_until("admin", &["system:masters"], past).expect("kubeconfig");
    std::fs::write(kubectl.file("expired"), text).expect("write");
    let output = kubectl.call_as("expired", &["get", "ns"], "").await;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("Unauthorized") || err.contains("must be logged in"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_changes_objects_in_every_way() {
    let kubectl = Kubectl::start().await;
    kubectl.ok(&["create", "namespace", "gateway-demo"], "").await;
    kubectl.ok(&["config", "set-context", "--current", "--namespace=gateway-demo"], "").await;
    kubectl.ok(&["create", "-f", "-"], INGRESS).await;
    kubectl.ok(&["label", "ingress", "grpc-ingress", "team=payments"], "").await;
    kubectl.ok(&["annotate", "ingress", "grpc-ingress", "note=x"], "").await;
    let rows = kubectl.ok(&["get", "ingress", "-l", "team=payments", "-o", "name"], "").await;
    assert_eq!(rows, "ingress.networking.k8s.io/grpc-ingress\n");
    let patch = r#"{"spec":{"rules":[{"host":"other.example.com"}]}}"#;
    kubectl.ok(&["patch", "ingress", "grpc-ingress", "-p", patch], "").await;
    let json = r#"[{"op":"remove","path":"/spec/tls"}]"#;
    kubectl.ok(&["patch", "ingress", "grpc-ingress", "--type=json", "-p", json], "").await;
    let rows = columns(&kubectl.ok(&["get", "ingress", "grpc-ingress"], "").await);
    assert_eq!(rows[1][2..4], ["other.example.com", "80"]);
    let status = r#"{"status":{"loadBalancer":{"ingress":[{"hostname":"alb-1.example.com"}]}}}"#;
    kubectl.ok(&["patch", "ingress", "grpc-ingress", "--subresource=status", "-p", status], "").await;
    let jsonpath = "--for=jsonpath={.status.loadBalancer.ingress[0].hostname}=alb-1.example.com";
    kubectl.ok(&["wait", "ingress/grpc-ingress", jsonpath, "--timeout=20s"], "").await;

    kubectl.ok(&["create", "configmap", "c", "--from-literal=k=v"], "").await;
    kubectl.ok(&["create", "service", "nodeport", "grpc-service", "--tcp=50051:50051"], "").await;
    let rows = columns(&kubectl.ok(&["get", "svc", "grpc-service", "-o", "wide"], "").await);
    assert!(rows[1].iter().any(|cell| cell.starts_with("50051:3")), "{rows:?}");
    kubectl.ok(&["describe", "svc", "grpc-service"], "").await;
    let yaml = kubectl.ok(&["get", "ingress", "grpc-ingress", "-o", "yaml"], "").await;
    kubectl.ok(&["replace", "-f", "-"], &yaml.replace("note: x", "note: other")).await;
    let note = kubectl.ok(&["get", "ingress", "grpc-ingress", "-o", "jsonpath={.metadata.annotations.note}"], "").await;
    assert_eq!(note, "other");
    let explained = kubectl.ok(&["explain", "ingress.spec"], "").await;
    assert!(explained.contains("ingressClassName"), "{explained}");
    kubectl.ok(&["apply", "--server-side", "--force-conflicts", "-f", "-"], INGRESS).await;
    kubectl.ok(&["apply", "--server-side", "-f", "-"], GATEWAY).await;
    let subresource = ["get", "albconfig", "ackone-gateway-demo", "--subresource=status", "-o", "name"];
    kubectl.ok(&subresource, "").await;

    let uid = kubectl.ok(&["get", "ingress", "grpc-ingress", "-o", "jsonpath={.metadata.uid}"], "").await;
    let event = format!(
        "apiVersion: v1\nkind: Event\nmetadata: {{name: e.1, namespace: gateway-demo}}\nreason: Sync\n\
         message: Scheduled for sync\ntype: Normal\ncount: 2\nsource: {{component: ingress}}\n\
         involvedObject: {{apiVersion: networking.k8s.io/v1, kind: Ingress, name: grpc-ingress, \
         namespace: gateway-demo, uid: {uid}}}\n"
    );
    kubectl.ok(&["create", "-f", "-"], &event).await;
    let described = kubectl.ok(&["describe", "ingress", "grpc-ingress"], "").await;
    assert!(described.contains("Scheduled for sync"), "{described}");
    let events = kubectl.ok(&["get", "events", "--field-selector", "involvedObject.name=grpc-ingress"], "").await;
    assert!(events.contains("ingress/grpc-ingress"), "{events}");
    kubectl.ok(&["delete", "ingress", "--all", "--timeout=20s"], "").await;
    kubectl.ok(&["delete", "svc", "grpc-service", "--cascade=foreground", "--timeout=20s"], "").await;
}
