//! The binary as a process: ready file, printed text, signals, parent, state file, ports that cannot be had.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::client::{Call, Client, control};
use serde_json::Value;
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ackone-sandbox"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn output(args: &[&str]) -> Output {
    tokio::time::timeout(PATIENCE, command(args).output()).await.expect("it does not end").unwrap()
}

/// Waits until the ready file is there, or says what the process said instead.
async fn ready(child: &mut Child, path: &Path) -> Value {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
        if let Ok(text) = std::fs::read_to_string(path) {
            return serde_json::from_str(&text).unwrap();
        }
        assert!(child.try_wait().unwrap().is_none(), "the sandbox ended before it was ready");
        assert!(tokio::time::Instant::now() < deadline, "no ready file in time");
    }
}

async fn ended(child: Child) -> Output {
    tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it does not end").unwrap()
}

fn kill(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn client(ready: &Value) -> Client {
    Client {
        address: ready["endpoints"]["sts"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned(),
        key_id: ready["access_key_id"].as_str().unwrap().to_owned(),
        secret: ready["access_key_secret"].as_str().unwrap().to_owned(),
        token: None,
    }
}

#[tokio::test]
async fn it_prints_what_to_paste_serves_and_ends_on_signals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let file = path.to_str().unwrap();
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut child = command(&["--ready-file", file]).spawn().unwrap();
        let ready = ready(&mut child, &path).await;
        assert_eq!(ready["pid"], child.id().unwrap());
        let reply = client(&ready).call(&Call::rpc("2015-04-01", "GetCallerIdentity", &[])).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);

        let shell = output(&["env", "--ready-file", file]).await;
        let hcl = output(&["print", "--ready-file", file, "--format", "hcl"]).await;
        kill(&child, signal);
        let said = ended(child).await;
        assert!(said.status.success(), "{said:?}");
        let text = String::from_utf8(said.stdout).unwrap();
        for printed in [String::from_utf8(shell.stdout).unwrap(), String::from_utf8(hcl.stdout).unwrap()] {
            assert!(!printed.is_empty() && text.contains(&printed), "{printed}\nis not in\n{text}");
        }
        assert!(text.contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET=") && text.contains("provider \"ackone\""));
        assert!(!text.contains('\x1b'), "no colour into a pipe");
        let log = String::from_utf8(said.stderr).unwrap();
        assert!(
            log.contains("action=GetCallerIdentity") && !log.contains(ready["access_key_secret"].as_str().unwrap()),
            "{log}"
        );
        assert!(!path.exists(), "the ready file promises a running sandbox");
    }
}

#[tokio::test]
async fn it_ends_when_asked_and_when_its_parent_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let file = path.to_str().unwrap();
    let mut child = command(&["--ready-file", file, "--quiet"]).spawn().unwrap();
    let url = ready(&mut child, &path).await["control_url"].as_str().unwrap().to_owned();
    assert_eq!(control(&url, "GET", "/v1/health", "").await.json()["status"], "ok");
    control(&url, "POST", "/v1/shutdown", "").await;
    let said = ended(child).await;
    assert!(said.status.success() && said.stdout.is_empty(), "{said:?}");

    let mut parent = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
    let pid = parent.id().unwrap().to_string();
    let mut child = command(&["--ready-file", file, "--parent-pid", &pid]).spawn().unwrap();
    ready(&mut child, &path).await;
    parent.kill().await.unwrap();
    assert!(ended(child).await.status.success());
}

#[tokio::test]
async fn the_state_file_carries_associations_and_keys_to_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let (path, state) = (folder.path().join("ready.json"), folder.path().join("state.json"));
    let args = ["--ready-file", path.to_str().unwrap(), "--state-file", state.to_str().unwrap(), "--time-scale", "0"];
    let mut child = command(&args).spawn().unwrap();
    let first = ready(&mut child, &path).await;
    let list = format!("[{}]", first["member_ids"][0]);
    let query = [("ClusterId", first["fleet_id"].as_str().unwrap())];
    let form = [("ClusterIds", list.as_str())];
    let attach = Call::rpc("2022-01-01", "AttachClusterToHub", &query).form(&form);
    assert_eq!(client(&first).call(&attach).await.unwrap().status, 200);
    kill(&child, rustix::process::Signal::TERM);
    assert!(ended(child).await.status.success());

    let mut child = command(&args).spawn().unwrap();
    let second = ready(&mut child, &path).await;
    assert_eq!(second["access_key_secret"], first["access_key_secret"]);
    let list = Call::rpc("2022-01-01", "DescribeManagedClusters", &query);
    let members = client(&second).call(&list).await.unwrap().json();
    assert_eq!(members["Clusters"][0]["Status"]["State"], "Successed", "{members}");
    kill(&child, rustix::process::Signal::TERM);
    ended(child).await;
}

#[tokio::test]
async fn a_taken_port_and_a_foreign_file_are_explained() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = output(&["--cloud-port", &port]).await;
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(!said.status.success() && error.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{error}");
    assert!(error.contains("Choose another port, or 0 for any free one"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "shopping list").unwrap();
    let said = output(&["--state-file", file.to_str().unwrap()]).await;
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(!said.status.success() && error.contains("is not a state file"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "shopping list", "it is left alone");

    let said = output(&["env", "--ready-file", "/nonexistent"]).await;
    assert!(String::from_utf8(said.stderr).unwrap().contains("Is a sandbox running"));
}
