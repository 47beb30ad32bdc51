//! A sandbox of its own for each test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::control::Control;
use crate::real::{self, Lease};
use crate::{AcceptanceError, beside_test, wait_until};

/// How long the sandbox may take to come up.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Something with an ID and a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What the sandbox writes when it is up, as far as tests use it.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Address of the control endpoint.
    pub control_url: String,
    /// Cloud API addresses by product.
    pub endpoints: std::collections::BTreeMap<String, String>,
    /// Region.
    pub region: String,
    /// Access key ID.
    pub access_key_id: String,
    /// Access key secret.
    pub access_key_secret: String,
    /// A role that may be assumed.
    pub role_arn: String,
    /// The identity provider whose tokens the control endpoint issues.
    pub oidc_provider_arn: String,
    /// The metadata service of the ECS instance.
    pub metadata_url: String,
    /// A credentials URI.
    pub credentials_uri: String,
    /// The Fleet.
    pub fleet_id: String,
    /// The walkthrough's members.
    pub member_ids: Vec<String>,
    /// The walkthrough's vSwitches.
    pub vswitch_ids: Vec<String>,
    /// Every cluster, those that the walkthrough must not use among them.
    pub clusters: Vec<Named>,
    /// Every vSwitch, those that the walkthrough must not use among them.
    pub vswitches: Vec<Named>,
    /// Kubeconfig of the Fleet for kubectl.
    pub kubeconfig: Option<String>,
    /// Where a gateway's listener port is reached on loopback.
    #[serde(default)]
    pub gateway_ports: std::collections::BTreeMap<String, u16>,
}

/// A running sandbox. It ends with this value.
#[derive(Debug)]
pub struct Sandbox {
    child: Child,
    /// What it said when it was up.
    pub ready: Ready,
    /// Its control endpoint.
    pub control: Control,
    folder: TempDir,
    /// The real API server behind it, for as long as it runs.
    real: Option<Lease>,
}

impl Sandbox {
    /// The real API server behind it, if it is one.
    #[must_use]
    pub fn real(&self) -> Option<&Lease> {
        self.real.as_ref()
    }

    /// Starts one with quick clocks and ports of its own.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start() -> Result<Self, AcceptanceError> {
        Self::start_with(&[])
    }

    /// Starts one with further arguments. Its API server is a real one where there are real ones ([`real`]).
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_with(arguments: &[&str]) -> Result<Self, AcceptanceError> {
        let has = |name: &str| arguments.iter().any(|argument| argument.starts_with(name));
        let real = if has("--kubeconfig") { None } else { real::lease()? };
        Self::start_on(real, arguments)
    }

    /// Starts one on a certain real API server, or on the embedded one.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_on(real: Option<Lease>, arguments: &[&str]) -> Result<Self, AcceptanceError> {
        let folder = tempfile::tempdir().map_err(AcceptanceError::io("make a folder"))?;
        let ready_file = folder.path().join("ready.json");
        let log =
            std::fs::File::create(folder.path().join("sandbox.log")).map_err(AcceptanceError::io("make a log file"))?;
        let has = |name: &str| arguments.iter().any(|argument| argument.starts_with(name));
        let mut command = Command::new(beside_test("ackone-sandbox", "ACKONE_SANDBOX_BINARY")?);
        command.arg("--ready-file").arg(&ready_file);
        command.args(["--ephemeral-gateway-ports", "--quiet", "--parent-pid", &std::process::id().to_string()]);
        if let Some(real) = &real {
            command.arg("--kubeconfig").arg(real.kubeconfig());
        }
        if !has("--time-scale") {
            command.args(["--time-scale", "0.05"]);
        }
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(AcceptanceError::io("start the sandbox"))?;
        let mut sandbox = Starting { child: Some(child), folder: Some(folder), real };
        let text = wait_until("the sandbox to be up", START_LIMIT, || {
            if let Some(status) = sandbox.exited() {
                return Err(format!("it ended ({status}):\n{}", sandbox.log()));
            }
            std::fs::read_to_string(&ready_file).map_err(|_| format!("no ready file; its log:\n{}", sandbox.log()))
        })?;
        let ready: Ready = serde_json::from_str(&text)
            .map_err(|error| AcceptanceError::Control { call: "ready file".to_owned(), reason: error.to_string() })?;
        let control = Control::new(&ready.control_url);
        sandbox.finish(ready, control)
    }

    /// Everything that exists in it beyond what it starts with, without what stays for good in life as well (uploaded
    /// certificates).
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn inventory(&self) -> Result<serde_json::Value, AcceptanceError> {
        let mut all = self.control.get("/v1/inventory")?;
        if let Some(all) = all.as_object_mut() {
            all.remove("leftovers_by_design");
        }
        Ok(all)
    }

    /// The environment in which the provider reaches this sandbox.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let ready = &self.ready;
        let list = |ids: &[String]| serde_json::Value::from(ids).to_string();
        let mut variables = vec![
            ("ALIBABA_CLOUD_ACCESS_KEY_ID".to_owned(), ready.access_key_id.clone()),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET".to_owned(), ready.access_key_secret.clone()),
            ("ALIBABA_CLOUD_REGION".to_owned(), ready.region.clone()),
            ("TF_VAR_fleet_id".to_owned(), ready.fleet_id.clone()),
            ("TF_VAR_member_cluster_ids".to_owned(), list(&ready.member_ids)),
            ("TF_VAR_vswitch_ids".to_owned(), list(&ready.vswitch_ids)),
        ];
        if let Some(port) = ready.gateway_ports.get("443") {
            variables.push(("TF_VAR_gateway_port".to_owned(), port.to_string()));
        }
        for (product, url) in &ready.endpoints {
            variables.push((format!("ALIBABA_CLOUD_ENDPOINT_{}", product.to_uppercase()), url.clone()));
        }
        variables
    }

    /// The kubeconfig for kubectl.
    ///
    /// # Errors
    /// If the sandbox wrote none.
    pub fn kubeconfig(&self) -> Result<PathBuf, AcceptanceError> {
        self.ready.kubeconfig.as_ref().map(PathBuf::from).ok_or_else(|| AcceptanceError::Control {
            call: "ready file".to_owned(),
            reason: "no kubeconfig".to_owned(),
        })
    }

    /// The ID of a cluster or vSwitch, by its name; the name itself if there is none, which no cloud knows.
    #[must_use]
    pub fn id_of(&self, name: &str) -> String {
        let all = self.ready.clusters.iter().chain(&self.ready.vswitches);
        all.filter(|one| one.name == name).map(|one| one.id.clone()).next().unwrap_or_else(|| name.to_owned())
    }

    /// The security group of each cluster, by the cluster's ID.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn groups_of_clusters(&self) -> Result<std::collections::BTreeMap<String, String>, AcceptanceError> {
        let inventory = self.inventory()?;
        let members = inventory.pointer("/cloud/members").and_then(serde_json::Value::as_array);
        let text = |member: &serde_json::Value, name: &str| Some(member.get(name)?.as_str()?.to_owned());
        let group = |member| Some((text(member, "cluster_id")?, text(member, "security_group_id")?));
        Ok(members.into_iter().flatten().filter_map(group).collect())
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("sandbox.log")).unwrap_or_default()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    if child.kill().is_ok() && child.wait().is_err() {
        eprintln!("the sandbox could not be waited for");
    }
}

/// A sandbox that is not up yet; ends it if starting fails.
struct Starting {
    child: Option<Child>,
    folder: Option<TempDir>,
    real: Option<Lease>,
}

impl Starting {
    fn exited(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    fn log(&self) -> String {
        let path = self.folder.as_ref().map(|folder| folder.path().join("sandbox.log"));
        path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
    }

    fn finish(&mut self, ready: Ready, control: Control) -> Result<Sandbox, AcceptanceError> {
        match (self.child.take(), self.folder.take()) {
            (Some(child), Some(folder)) => Ok(Sandbox { child, ready, control, folder, real: self.real.take() }),
            _ => Err(AcceptanceError::Control { call: "start".to_owned(), reason: "started twice".to_owned() }),
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            end(child);
        }
    }
}
