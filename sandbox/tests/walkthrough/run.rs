//! A sandbox process of a test's own, and the stock tools that talk to it.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::client::{Call, Client, control};

/// How long anything may take; a limit for broken runs, not a pause.
const PATIENCE: Duration = Duration::from_secs(60);
/// The walkthrough's files.
pub(crate) const GATEWAY: &str = "gateway.yaml";
pub(crate) const INGRESS: &str = "ingress.yaml";

/// A running sandbox; it ends with this value.
pub(crate) struct Run {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) ready: Value,
}

/// Events as kubectl prints them while they come.
pub(crate) struct Events {
    path: PathBuf,
    _child: Child,
}

impl Events {
    /// Kind, reason and message, oldest first.
    pub(crate) fn lines(&self) -> Vec<(String, String, String)> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        let lines = text.lines().map(|line| {
            let mut parts = line.splitn(3, '|').map(str::to_owned);
            let mut next = || parts.next().unwrap_or_default();
            (next(), next(), next())
        });
        lines.collect()
    }
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackone-sandbox"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn output(command: &mut Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it does not end").expect("it starts")
}

fn succeeded(output: &Output, what: &[&str]) -> String {
    assert!(output.status.success(), "{what:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Run {
    pub(crate) async fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = binary()
            .args(["--ephemeral-gateway-ports", "--quiet", "--ready-file"])
            .arg(&path)
            .args(args)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut run = Self { child, folder, ready: Value::Null };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        run.ready = loop {
            ticks.tick().await;
            if let Ok(text) = std::fs::read_to_string(&path) {
                break serde_json::from_str(&text).unwrap();
            }
            let log = || std::fs::read_to_string(run.folder.path().join("log")).unwrap();
            assert!(run.child.try_wait().unwrap().is_none(), "the sandbox ended: {}", log());
            assert!(tokio::time::Instant::now() < deadline, "it is not ready: {}", log());
        };
        run
    }

    /// Asks again and again until there is something.
    pub(crate) async fn until<T, F: Future<Output = Option<T>>>(&self, what: &str, mut ask: impl FnMut() -> F) -> T {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            ticks.tick().await;
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(tokio::time::Instant::now() < deadline, "waiting for {what}: {}", log());
        }
    }

    fn text(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap()
    }

    fn list(&self, field: &str) -> Vec<String> {
        self.ready[field].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn members(&self) -> Vec<String> {
        self.list("member_ids")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Asks with a subcommand of the binary.
    pub(crate) async fn ask(&self, what: &str, args: &[&str]) -> Value {
        let answer = output(binary().arg(what).args(["--ready-file", &self.path("ready.json")]).args(args)).await;
        serde_json::from_str(&succeeded(&answer, &[what])).unwrap()
    }

    /// Posts to the control endpoint.
    pub(crate) async fn control(&self, path: &str, body: &Value) {
        let reply = control(
            self.text("control_url"),
            "POST",
            path,
            &if body.is_null() { String::new() } else { body.to_string() },
        )
        .await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.body);
    }

    // The Fleet's cloud API.

    async fn adcp(&self, action: &str, query: &[(&str, &str)], form: &[(&str, &str)]) -> Value {
        let client = Client {
            address: self.ready["endpoints"]["adcp"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned(),
            key_id: self.text("access_key_id").to_owned(),
            secret: self.text("access_key_secret").to_owned(),
            token: None,
        };
        let reply = client.call(&Call::rpc("2022-01-01", action, query).form(form)).await.unwrap();
        assert_eq!(reply.status, 200, "{action}: {}", reply.body);
        reply.json()
    }

    async fn associated(&self) -> Vec<Value> {
        let answer = self.adcp("DescribeManagedClusters", &[("ClusterId", self.text("fleet_id"))], &[]).await;
        answer["Clusters"].as_array().cloned().unwrap_or_default()
    }

    fn ids(&self) -> String {
        serde_json::to_string(&self.members()).unwrap()
    }

    /// Associates both members and waits until the associations are complete.
    pub(crate) async fn attach(&self) {
        let fleet = [("ClusterId", self.text("fleet_id"))];
        self.adcp("AttachClusterToHub", &fleet, &[("ClusterIds", &self.ids())]).await;
        self.until("the members", || async {
            let list = self.associated().await;
            (list.len() == 2 && list.iter().all(|member| member["Status"]["State"] == "Successed")).then_some(())
        })
        .await;
    }

    /// Ends both associations and waits until they are gone.
    pub(crate) async fn detach(&self) {
        let fleet = [("ClusterId", self.text("fleet_id"))];
        self.adcp("DetachClusterFromHub", &fleet, &[("ClusterIds", &self.ids())]).await;
        self.until("the members to leave", || async { self.associated().await.is_empty().then_some(()) }).await;
    }

    /// Asks the cloud for a kubeconfig and answers the file it lies in.
    pub(crate) async fn issued_kubeconfig(&self, name: &str) -> String {
        let answer = self.adcp("DescribeHubClusterKubeconfig", &[("ClusterId", self.text("fleet_id"))], &[]).await;
        let path = self.path(name);
        std::fs::write(&path, answer["Kubeconfig"].as_str().unwrap()).unwrap();
        path
    }

    // kubectl.

    pub(crate) async fn kubectl_as(&self, kubeconfig: &str, args: &[&str]) -> Output {
        output(self.kubectl_command(kubeconfig).args(args)).await
    }

    fn kubectl_command(&self, kubeconfig: &str) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["--kubeconfig", kubeconfig, "--cache-dir", &self.path("kubectl-cache")]);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) async fn kubectl_output(&self, args: &[&str]) -> Output {
        self.kubectl_as(self.text("kubeconfig"), args).await
    }

    /// Runs kubectl, which must succeed, and answers what it prints.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> String {
        succeeded(&self.kubectl_output(args).await, args)
    }

    /// Starts kubectl and leaves it running.
    pub(crate) fn start_kubectl(&self, args: &[&str]) -> Child {
        let mut command = self.kubectl_command(self.text("kubeconfig"));
        command.args(args).stdout(Stdio::null()).spawn().unwrap()
    }

    /// One of the walkthrough's files with the ids of this sandbox.
    pub(crate) fn manifest(&self, name: &str) -> String {
        let file = repository().join("acceptance-tests/testdata/walkthrough").join(name);
        let mut text = std::fs::read_to_string(file).unwrap();
        for (place, ids) in [("cluster", self.members()), ("vsw-id", self.list("vswitch_ids"))] {
            for (number, id) in ids.iter().enumerate() {
                text = text.replace(&format!("${{{place}{}}}", number + 1), id);
            }
        }
        assert!(!text.contains("${"), "{text}");
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Puts a self-signed certificate into the Secret, as the walkthrough does with openssl.
    pub(crate) async fn create_secret(&self) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["grpc.example.com".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "grpc.example.com");
        let (certificate_file, key_file) = (self.path("tls.crt"), self.path("tls.key"));
        std::fs::write(&certificate_file, params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let files = [format!("--cert={certificate_file}"), format!("--key={key_file}")];
        self.kubectl(&["create", "secret", "tls", "grpc-secret", "-n", "gateway-demo", &files[0], &files[1]]).await;
    }

    /// Waits for the Ingress' address with kubectl's own means.
    pub(crate) async fn address(&self) {
        let condition = "--for=jsonpath={.status.loadBalancer.ingress[0].hostname}=localhost";
        self.kubectl(&["wait", "-n", "gateway-demo", "ingress/grpc-ingress", condition, "--timeout=50s"]).await;
    }

    /// Waits until there is a load balancer.
    pub(crate) async fn gateway(&self) {
        let one = async || {
            let gateways = self.ask("gateways", &[]).await;
            gateways["gateways"].as_array().filter(|list| list.len() == 1).map(drop)
        };
        self.until("a load balancer", one).await;
    }

    /// Waits for an Event and answers its message.
    pub(crate) async fn event(&self, kind: &str, reason: &str) -> String {
        let fields = format!("involvedObject.kind={kind},reason={reason}");
        let list = ["get", "events", "-A", "--field-selector", &fields, "-o", "jsonpath={.items[*].message}"];
        self.until(&fields, || async { Some(self.kubectl(&list).await).filter(|text| !text.is_empty()) }).await
    }

    /// Starts kubectl to print Events as they come.
    pub(crate) fn follow_events(&self) -> Events {
        let path = self.folder.path().join("events");
        let form = r#"jsonpath={.involvedObject.kind}|{.reason}|{.message}{"\n"}"#;
        let child = self
            .kubectl_command(self.text("kubeconfig"))
            .args(["get", "events", "-A", "--watch", "-o", form])
            .stdout(std::fs::File::create(&path).unwrap())
            .spawn()
            .unwrap();
        Events { path, _child: child }
    }

    // grpcurl.

    pub(crate) async fn grpcurl_output(&self, args: &[&str]) -> Output {
        let script = output(Command::new(repository().join("scripts/grpcurl")).stdin(Stdio::null())).await;
        let grpcurl = succeeded(&script, &["scripts/grpcurl"]);
        let address = format!("localhost:{}", self.ready["gateway_ports"]["443"]);
        let (options, method) = args.split_at(args.len() - 1);
        let mut command = Command::new(grpcurl.trim());
        command.args(["-insecure", "-authority", "grpc.example.com"]).args(options).arg(address).args(method);
        output(&mut command).await
    }

    /// Runs grpcurl as the walkthrough does; it must succeed.
    pub(crate) async fn grpcurl(&self, args: &[&str]) -> String {
        succeeded(&self.grpcurl_output(args).await, args)
    }

    /// Ends the sandbox and sees to it that it ends well and leaves no file behind.
    pub(crate) async fn stop(mut self) {
        self.control("/v1/shutdown", &Value::Null).await;
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it does not end").unwrap();
        assert!(status.success(), "{status}");
        assert!(!Path::new(self.text("kubeconfig")).exists(), "the kubeconfig promises a running sandbox");
    }
}
