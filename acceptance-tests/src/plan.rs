//! Plans and states as Terraform writes them, for questions that its exit code does not answer.

use std::os::unix::process::CommandExt as _;
use std::process::Child;

use serde_json::Value;

use crate::AcceptanceError;
use crate::terraform::{Finished, Workspace};

/// The file a plan is saved in.
pub const PLAN_FILE: &str = "saved.tfplan";

/// A plan that was made and saved.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What Terraform printed while planning.
    pub finished: Finished,
    /// `terraform show -json` of it.
    pub json: Value,
}

/// What a plan does to one resource instance.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its address.
    pub address: String,
    /// `no-op`, `create`, `update`, `delete`, or two of them for a replacement.
    pub actions: Vec<String>,
    /// The import it comes from, if any.
    pub importing: Option<Value>,
    /// Attributes before.
    pub before: Value,
    /// Attributes after, as far as known.
    pub after: Value,
    /// Which attributes are known only after apply.
    pub after_unknown: Value,
}

impl Change {
    /// Names of the top-level attributes that change.
    #[must_use]
    pub fn attributes(&self) -> Vec<String> {
        let (Some(before), Some(after)) = (self.before.as_object(), self.after.as_object()) else { return Vec::new() };
        let unknown = |name: &String| self.after_unknown.get(name).is_some_and(|value| *value == Value::Bool(true));
        let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
        if let Some(more) = self.after_unknown.as_object() {
            names.extend(more.keys().cloned());
        }
        names.sort();
        names.dedup();
        names.retain(|name| unknown(name) || before.get(name) != after.get(name));
        names
    }
}

impl Plan {
    /// Every managed resource instance's change, no-ops included.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let changes = self.json.get("resource_changes").and_then(Value::as_array);
        changes
            .into_iter()
            .flatten()
            .filter(|change| change.get("mode").and_then(Value::as_str) == Some("managed"))
            .map(|change| {
                let field = |pointer: &str| change.pointer(pointer).cloned().unwrap_or_default();
                let actions = field("/change/actions");
                Change {
                    address: field("/address").as_str().unwrap_or_default().to_owned(),
                    actions: serde_json::from_value(actions).unwrap_or_default(),
                    importing: change.pointer("/change/importing").cloned(),
                    before: field("/change/before"),
                    after: field("/change/after"),
                    after_unknown: field("/change/after_unknown"),
                }
            })
            .collect()
    }

    /// The change of one instance.
    ///
    /// # Errors
    /// If the plan has none.
    pub fn change(&self, address: &str) -> Result<Change, AcceptanceError> {
        self.changes()
            .into_iter()
            .find(|change| change.address == address)
            .ok_or_else(|| AcceptanceError::Control { call: address.to_owned(), reason: "not in the plan".to_owned() })
    }

    /// What is to be done, as `address: action`, without what stays.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .changes()
            .into_iter()
            .filter(|change| change.actions != ["no-op"])
            .map(|change| format!("{}: {}", change.address, change.actions.join(" and ")))
            .collect();
        lines.sort();
        lines
    }
}

impl Workspace {
    /// Plans, saves the plan, and reads it.
    ///
    /// # Errors
    /// If planning fails, with what Terraform printed.
    pub fn plan_saved(&self) -> Result<Plan, AcceptanceError> {
        let failed = |finished: &Finished| AcceptanceError::Control {
            call: "terraform plan".to_owned(),
            reason: format!("{}\n{}", finished.stdout, finished.stderr),
        };
        let finished = self.run(&["plan", "-no-color", "-out", PLAN_FILE])?;
        if !finished.ok() {
            return Err(failed(&finished));
        }
        let shown = self.run(&["show", "-json", PLAN_FILE])?;
        let json = serde_json::from_str(&shown.stdout).map_err(|_| failed(&shown))?;
        Ok(Plan { finished, json })
    }

    /// Applies the saved plan.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn apply_saved(&self, json: bool) -> Result<Finished, AcceptanceError> {
        let form = if json { "-json" } else { "-no-color" };
        self.run(&["apply", form, PLAN_FILE])
    }

    /// Starts `terraform apply` as the leader of a process group, as a shell starts it.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn start_apply(&self) -> Result<Child, AcceptanceError> {
        self.start_group(&["apply", "-no-color", "-auto-approve"])
    }

    /// Starts a command as the leader of a process group.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn start_group(&self, arguments: &[&str]) -> Result<Child, AcceptanceError> {
        let mut command = self.command(arguments);
        command.process_group(0).spawn().map_err(AcceptanceError::io("start terraform"))
    }

    /// The state file as it is written.
    ///
    /// # Errors
    /// If there is none.
    pub fn state_text(&self) -> Result<String, AcceptanceError> {
        std::fs::read_to_string(self.path().join("terraform.tfstate")).map_err(AcceptanceError::io("read the state"))
    }

    /// Addresses of all managed resource instances in state, and which of them are tainted.
    ///
    /// # Errors
    /// If there is no state.
    pub fn instances(&self) -> Result<Vec<(String, bool)>, AcceptanceError> {
        let state = self.show()?;
        let resources = state.pointer("/values/root_module/resources").and_then(Value::as_array);
        let mut all: Vec<(String, bool)> = resources
            .into_iter()
            .flatten()
            .filter(|resource| resource.get("mode").and_then(Value::as_str) == Some("managed"))
            .map(|resource| {
                let address = resource.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
                (address, resource.get("tainted").and_then(Value::as_bool).unwrap_or_default())
            })
            .collect();
        all.sort();
        Ok(all)
    }

    /// Minor version of Terraform 1.
    ///
    /// # Errors
    /// If Terraform does not say.
    pub fn minor_version(&self) -> Result<u32, AcceptanceError> {
        let finished = self.run(&["version", "-json"])?;
        let answer: Value = serde_json::from_str(&finished.stdout).unwrap_or_default();
        let version = answer.get("terraform_version").and_then(Value::as_str).unwrap_or_default();
        version.split('.').nth(1).and_then(|minor| minor.parse().ok()).ok_or_else(|| AcceptanceError::Control {
            call: "terraform version".to_owned(),
            reason: finished.stdout.clone(),
        })
    }
}
