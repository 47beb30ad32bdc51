//! One observed situation of the controller, played with real Terraform on a sandbox of its own.
//!
//! A [`Scene`] notes two things as it goes: what the provider said (diagnostics, `ready`, plans) and what was true (the
//! controller's objects and Events, the cloud, what a gRPC client is answered). Both become one row of a table that
//! people review, so texts are short and free of what differs from run to run. It judges nothing; scenes do.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::caller::{self, Called};
use crate::sandbox::Sandbox;
use crate::terraform::Workspace;
use crate::{AcceptanceError, wait_until};

/// How long a condition may take to come true. Far more than it takes; a machine may be busy.
const LIMIT: Duration = Duration::from_secs(60);

/// Which controller a scene is played with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// The published one.
    OpenSource,
    /// What Fleets run.
    Hosted,
}

impl Generation {
    /// As `--generation` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenSource => "open-source",
            Self::Hosted => "hosted",
        }
    }
}

/// A diagnostic as Terraform prints it with `-json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// Summary.
    pub summary: String,
    /// Detail.
    pub detail: String,
    /// Address of the resource, or nothing.
    pub address: String,
}

/// What a Terraform command did.
#[derive(Clone, Debug)]
pub struct Told {
    /// Exit code.
    pub code: i32,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Planned changes as `address: action`.
    pub changes: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// What it printed beside JSON lines.
    pub output: String,
}

impl Told {
    fn read(code: i32, output: &str, took: Duration) -> Self {
        let (mut diagnostics, mut changes) = (Vec::new(), Vec::new());
        for line in output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let text = |pointer: &str| line.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
            match text("/type").as_str() {
                "diagnostic" => diagnostics.push(Diagnostic {
                    severity: text("/diagnostic/severity"),
                    summary: text("/diagnostic/summary"),
                    detail: text("/diagnostic/detail"),
                    address: text("/diagnostic/address"),
                }),
                "planned_change" if text("/change/action") != "read" => {
                    changes.push(format!("{}: {}", text("/change/resource/addr"), text("/change/action")));
                }
                _ => {}
            }
        }
        diagnostics.sort_by(|a, b| (&a.address, &a.summary, &a.detail).cmp(&(&b.address, &b.summary, &b.detail)));
        diagnostics.dedup();
        changes.sort();
        changes.dedup();
        let output = output.lines().filter(|line| !line.starts_with('{')).collect::<Vec<_>>().join("\n");
        Self { code, diagnostics, changes, took, output }
    }

    /// Whether a diagnostic with this summary says all of these.
    #[must_use]
    pub fn says(&self, summary: &str, parts: &[&str]) -> bool {
        let fits = |one: &Diagnostic| one.summary == summary && parts.iter().all(|part| one.detail.contains(part));
        self.diagnostics.iter().any(fits)
    }

    /// Whether there is any error.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.code == 1
    }

    fn short(&self) -> String {
        let mut parts: Vec<String> = self
            .diagnostics
            .iter()
            .map(|one| {
                let about = one.address.strip_prefix("ackone_").unwrap_or(&one.address);
                format!("{} \"{}\"{}{about}", one.severity, one.summary, if about.is_empty() { "" } else { " on " })
            })
            .collect();
        parts.dedup();
        parts.join(", ")
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Letter of the situation.
    pub letter: String,
    /// Which controller.
    pub generation: Generation,
    /// What was done.
    pub did: String,
    /// What the provider said.
    pub said: Vec<String>,
    /// What was true.
    pub truth: Vec<String>,
}

/// A running scene.
#[derive(Debug)]
pub struct Scene {
    /// Its sandbox.
    pub sandbox: Sandbox,
    /// Its working directory.
    pub workspace: Workspace,
    row: Row,
}

impl Scene {
    /// Starts a sandbox with the members associated, and a working directory with this configuration.
    ///
    /// # Errors
    /// If either does not come up.
    pub fn start(letter: &str, generation: Generation, did: &str, body: &str) -> Result<Self, AcceptanceError> {
        let sandbox = Sandbox::start_with(&["--attached", "--generation", generation.name()])?;
        let workspace = Workspace::with(&sandbox, body)?;
        let row =
            Row { letter: letter.to_owned(), generation, did: did.to_owned(), said: Vec::new(), truth: Vec::new() };
        Ok(Self { sandbox, workspace, row })
    }

    /// The finished row.
    #[must_use]
    pub fn end(self) -> Row {
        self.row
    }

    /// Whether the published controller plays.
    #[must_use]
    pub fn is_open_source(&self) -> bool {
        self.row.generation == Generation::OpenSource
    }

    /// Changes the configuration.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, body: &str) -> Result<(), AcceptanceError> {
        self.workspace.write("main.tf", body)
    }

    fn run(&self, arguments: &[&str]) -> Result<Told, AcceptanceError> {
        let began = Instant::now();
        let finished = self.workspace.run(arguments)?;
        Ok(Told::read(finished.code, &format!("{}\n{}", finished.stdout, finished.stderr), began.elapsed()))
    }

    /// Applies, and notes what was said.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn apply(&mut self, what: &str) -> Result<Told, AcceptanceError> {
        let told = self.run(&["apply", "-json", "-auto-approve"])?;
        let outcome = if told.failed() { "fails" } else { "succeeds" };
        self.note(what, &[outcome.to_owned(), told.short()]);
        Ok(told)
    }

    /// Applies what must succeed without a word; notes nothing.
    ///
    /// # Errors
    /// With everything that was printed, if it says anything.
    pub fn prepare(&self) -> Result<(), AcceptanceError> {
        let told = self.run(&["apply", "-json", "-auto-approve"])?;
        self.ensure(told.code == 0, "the configuration applies", &told)?;
        self.ensure(told.diagnostics.is_empty(), "nothing is told", &told)
    }

    /// Plans, and notes what was said.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn plan(&mut self, what: &str) -> Result<Told, AcceptanceError> {
        let told = self.run(&["plan", "-json", "-detailed-exitcode", "-lock=false"])?;
        let changes = match told.code {
            0 => "is empty".to_owned(),
            2 => told.changes.iter().map(|line| line.replacen("ackone_", "", 1)).collect::<Vec<_>>().join(", "),
            _ => "fails".to_owned(),
        };
        self.note(what, &[changes, told.short()]);
        Ok(told)
    }

    /// A plan that must be empty and silent.
    ///
    /// # Errors
    /// With everything that was printed, if it is not.
    pub fn plan_is_empty(&mut self) -> Result<(), AcceptanceError> {
        let told = self.plan("next plan")?;
        self.ensure(told.code == 0, "the plan is empty", &told)
    }

    fn note(&mut self, what: &str, parts: &[String]) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        self.row.said.push(format!("{what} {}", parts.join(", ")));
    }

    /// Notes something the provider said.
    pub fn said(&mut self, text: impl Into<String>) {
        self.row.said.push(text.into());
    }

    /// Notes something that was true.
    pub fn truth(&mut self, text: impl Into<String>) {
        self.row.truth.push(text.into());
    }

    /// Fails the scene unless a condition holds, with what there is to know.
    ///
    /// # Errors
    /// If it does not hold.
    pub fn ensure(&self, holds: bool, what: &str, seen: &impl std::fmt::Debug) -> Result<(), AcceptanceError> {
        if holds {
            return Ok(());
        }
        let log: Vec<String> = self.sandbox.log().lines().rev().take(10).map(str::to_owned).collect();
        Err(AcceptanceError::Control {
            call: format!("{} {}: {what}", self.row.letter, self.row.generation.name()),
            reason: format!("{seen:#?}\nso far: {:#?}\nsandbox (newest first): {log:#?}", self.row),
        })
    }

    /// Waits until a question is answered with yes; the text says what was seen.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub fn until(
        &self,
        what: &str,
        mut ask: impl FnMut() -> Result<(bool, String), AcceptanceError>,
    ) -> Result<(), AcceptanceError> {
        wait_until(&format!("{} {}: {what}", self.row.letter, self.row.generation.name()), LIMIT, || match ask() {
            Ok((true, _)) => Ok(()),
            Ok((false, seen)) => Err(seen),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Attributes of an instance in the state file.
    ///
    /// # Errors
    /// If it is not there.
    pub fn attributes(&self, address: &str) -> Result<Value, AcceptanceError> {
        let missing = || AcceptanceError::Control { call: address.to_owned(), reason: "not in state".to_owned() };
        let state: Value = serde_json::from_str(&self.workspace.state_text()?).map_err(|_| missing())?;
        let (kind, name) = address.split_once('.').ok_or_else(missing)?;
        let resources = state.get("resources").and_then(Value::as_array);
        resources
            .into_iter()
            .flatten()
            .find(|one| one["type"] == kind && one["name"] == name && one["mode"] == "managed")
            .and_then(|one| one.pointer("/instances/0/attributes").cloned())
            .ok_or_else(missing)
    }

    /// Notes `ready` of an instance, and answers it.
    ///
    /// # Errors
    /// If it is not in state.
    pub fn ready(&mut self, address: &str) -> Result<Value, AcceptanceError> {
        let attributes = self.attributes(address)?;
        let ready = attributes.get("ready").cloned().unwrap_or_default();
        let about = address.strip_prefix("ackone_").unwrap_or(address).to_owned();
        let reason = attributes.get("reason").and_then(Value::as_str).map(|reason| format!(" ({reason})"));
        self.said(format!("{about}: ready = {ready}{}", reason.unwrap_or_default()));
        Ok(ready)
    }

    /// Calls the greeter through the gateway's HTTPS port.
    ///
    /// # Errors
    /// If there is no such port or no runtime.
    pub fn call(&self, host: &str) -> Result<Called, AcceptanceError> {
        let port = self.sandbox.ready.gateway_ports.get("443").copied().unwrap_or_default();
        caller::call(port, host)
    }

    /// Waits until the greeter answers for a host, and notes it.
    ///
    /// # Errors
    /// If it does not in time.
    pub fn serves(&mut self, host: &str) -> Result<(), AcceptanceError> {
        self.until(&format!("{host} is served"), || self.call(host).map(|one| (one.answers(), one.outcome)))?;
        self.truth(format!("{host} answers"));
        Ok(())
    }

    /// Notes what a client of a host is answered now.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn note_call(&mut self, host: &str) -> Result<Called, AcceptanceError> {
        let called = self.call(host)?;
        self.truth(format!("{host}: {}", called.outcome));
        Ok(called)
    }

    /// The gateways in the cloud.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn gateways(&self) -> Result<Vec<Value>, AcceptanceError> {
        let all = self.sandbox.control.get("/v1/gateways")?;
        Ok(all.get("gateways").and_then(Value::as_array).cloned().unwrap_or_default())
    }

    /// A listener of the only gateway, such as `443/HTTPS`; null if there is none.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn listener(&self, key: &str) -> Result<Value, AcceptanceError> {
        let gateways = self.gateways()?;
        let listener = gateways.first().and_then(|gateway| gateway.get("listeners")?.get(key).cloned());
        Ok(listener.unwrap_or_default())
    }

    /// Hosts of the rules of the only gateway's HTTPS listener, in order.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn hosts(&self) -> Result<Vec<String>, AcceptanceError> {
        let listener = self.listener("443/HTTPS")?;
        let rules = listener.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
        let hosts =
            rules.iter().flat_map(|rule| rule.get("hosts").and_then(Value::as_array).cloned().unwrap_or_default());
        Ok(hosts.filter_map(|host| host.as_str().map(str::to_owned)).collect())
    }

    /// Runs kubectl in the working directory.
    ///
    /// # Errors
    /// If it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, AcceptanceError> {
        Ok(self.sandbox.kubectl(&self.workspace.path(), arguments)?.stdout)
    }

    /// Creates or replaces an object as somebody else would.
    ///
    /// # Errors
    /// If kubectl fails.
    pub fn put(&self, object: &Value) -> Result<(), AcceptanceError> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let file = format!("{name}.json");
        self.workspace.write(&file, &object.to_string())?;
        self.kubectl(&["apply", "-f", &file]).map(drop)
    }

    /// How often the controller recorded an Event: kind and name, reason, part of the text.
    ///
    /// # Errors
    /// If kubectl fails.
    pub fn events(&self, kind: &str, name: &str, reason: &str, part: &str) -> Result<u64, AcceptanceError> {
        let list = self.sandbox.object(&self.workspace.path(), &["events", "--all-namespaces"])?;
        let items = list.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let fitting = items.iter().filter(|event| {
            let about = &event["involvedObject"];
            about["kind"] == kind
                && about["name"] == name
                && event["reason"] == reason
                && event["message"].as_str().is_some_and(|text| text.contains(part))
        });
        Ok(fitting.map(|event| event["count"].as_u64().unwrap_or(1)).sum())
    }

    /// Gives every associated member the walkthrough's Service with these ports, or takes it away.
    ///
    /// # Errors
    /// If the control endpoint does not answer.
    pub fn services(&self, ports: &[u16]) -> Result<(), AcceptanceError> {
        for id in &self.sandbox.ready.member_ids {
            let body = json!({"namespace": "gateway-demo", "name": "grpc-service", "ports": ports});
            self.sandbox.control.post(&format!("/v1/members/{id}/services"), &body)?;
        }
        Ok(())
    }

    /// Destroys, and notes what was said.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn destroy(&mut self, what: &str) -> Result<Told, AcceptanceError> {
        let told = self.run(&["destroy", "-json", "-auto-approve"])?;
        let outcome = if told.failed() { "fails" } else { "succeeds" };
        self.note(what, &[outcome.to_owned(), told.short()]);
        Ok(told)
    }

    /// Destroys everything, and makes sure that nothing is left.
    ///
    /// # Errors
    /// If anything is said or left.
    pub fn destroys(&mut self) -> Result<(), AcceptanceError> {
        let told = self.run(&["destroy", "-json", "-auto-approve"])?;
        self.ensure(told.code == 0, "everything is destroyed", &told)?;
        let left = self.sandbox.inventory()?;
        let empty = left.pointer("/alb/load_balancers").and_then(Value::as_array).is_some_and(Vec::is_empty);
        self.ensure(empty, "no load balancer is left", &left)?;
        self.said("destroy succeeds");
        self.truth("nothing is left in the cloud");
        Ok(())
    }
}

/// The table as people read it.
#[must_use]
pub fn table(mut rows: Vec<Row>) -> String {
    rows.sort();
    let mut text = String::from(
        "# Situations of the controller, and what the provider makes of them\n\n\
         Letters are those of the observed controller. `UPDATE_GOLDEN=1` writes this file anew; read the difference.\n\n\
         | | generation | what was done | what the provider said | what was true |\n|---|---|---|---|---|\n",
    );
    let cell = |lines: &[String]| lines.join("; ").replace('|', "\\|").replace('\n', " ");
    for row in rows {
        let Row { letter, generation, did, said, truth } = row;
        text.push_str(&format!("| {letter} | {} | {did} | {} | {} |\n", generation.name(), cell(&said), cell(&truth)));
    }
    text
}
