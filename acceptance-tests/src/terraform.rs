//! Real Terraform, in a fresh working directory with a CLI configuration and filesystem mirror of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::sandbox::Sandbox;
use crate::{AcceptanceError, beside_test, repository};

/// Version under which the mirror offers the provider. Any will do.
const VERSION: &str = "0.1.0";

/// One finished Terraform command.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Exit code; 2 is "there are changes" of a detailed plan.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Whether it exited with 0.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.code == 0
    }

    /// Both streams, with line breaks and box drawing of diagnostics folded to single spaces, for searching in prose.
    #[must_use]
    pub fn prose(&self) -> String {
        let both = format!("{}\n{}", self.stdout, self.stderr);
        let plain: String = both.chars().map(|c| if matches!(c, '│' | '╷' | '╵') { ' ' } else { c }).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Panics with both streams unless it exited with 0.
    ///
    /// # Panics
    /// If it failed.
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn expect_ok(self) -> Self {
        if !self.ok() {
            panic!("terraform exited with {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr);
        }
        self
    }
}

/// A working directory.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
    terraform: PathBuf,
    environment: Vec<(String, String)>,
}

impl Workspace {
    /// An empty one whose provider reaches a sandbox.
    ///
    /// # Errors
    /// If files cannot be written or there is no Terraform.
    pub fn new(sandbox: &Sandbox) -> Result<Self, AcceptanceError> {
        let mut workspace = Self::detached()?;
        workspace.environment.extend(sandbox.environment());
        Ok(workspace)
    }

    /// One with the walkthrough's files, initialised.
    ///
    /// # Errors
    /// If files cannot be written or `init` fails.
    pub fn walkthrough(sandbox: &Sandbox) -> Result<Self, AcceptanceError> {
        let workspace = Self::new(sandbox)?;
        workspace.copy_folder(&repository().join("examples/walkthrough"))?;
        let init = workspace.init()?;
        if init.ok() {
            return Ok(workspace);
        }
        Err(AcceptanceError::Control { call: "terraform init".to_owned(), reason: init.prose() })
    }

    /// An empty one without any credentials.
    ///
    /// # Errors
    /// If files cannot be written or there is no Terraform.
    pub fn detached() -> Result<Self, AcceptanceError> {
        let folder = tempfile::tempdir().map_err(AcceptanceError::io("make a working directory"))?;
        let binary = beside_test("terraform-provider-ackone", "ACKONE_PROVIDER_BINARY")?;
        let platform = format!("{}_{}", os(), arch());
        let package = folder.path().join("mirror/registry.terraform.io/ackone/ackone").join(VERSION).join(platform);
        std::fs::create_dir_all(&package).map_err(AcceptanceError::io("make the mirror"))?;
        std::os::unix::fs::symlink(&binary, package.join(format!("terraform-provider-ackone_v{VERSION}")))
            .map_err(AcceptanceError::io("fill the mirror"))?;
        let mirror = folder.path().join("mirror");
        let rc = format!(
            "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            mirror.display()
        );
        std::fs::write(folder.path().join("terraform.rc"), rc)
            .map_err(AcceptanceError::io("write the CLI configuration"))?;
        std::fs::create_dir(folder.path().join("work")).map_err(AcceptanceError::io("make a working directory"))?;
        let terraform = std::env::var_os("ACKONE_TERRAFORM").map_or_else(|| PathBuf::from("terraform"), PathBuf::from);
        Ok(Self { folder, terraform, environment: Vec::new() })
    }

    /// The working directory itself.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The home folder of every command.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// Adds or replaces an environment variable of every later command.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Writes a file of the configuration.
    ///
    /// # Errors
    /// If that fails.
    pub fn write(&self, name: &str, text: &str) -> Result<(), AcceptanceError> {
        std::fs::write(self.path().join(name), text).map_err(AcceptanceError::io("write a configuration file"))
    }

    /// Copies every `.tf` file of a folder.
    ///
    /// # Errors
    /// If that fails.
    pub fn copy_folder(&self, folder: &Path) -> Result<(), AcceptanceError> {
        let entries = std::fs::read_dir(folder).map_err(AcceptanceError::io("read an example"))?;
        for entry in entries {
            let path = entry.map_err(AcceptanceError::io("read an example"))?.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                let name = path.file_name().unwrap_or_default();
                std::fs::copy(&path, self.path().join(name)).map_err(AcceptanceError::io("copy an example"))?;
            }
        }
        Ok(())
    }

    /// A Terraform command, not started yet: streams piped, no colour, no prompts, no network of Terraform's own.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.terraform);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("terraform.rc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .env("HOME", self.folder.path())
            // Port 9 (discard): where this runs on an ECS instance, its own role is none of the tests' business.
            .env("ALIBABA_CLOUD_ECS_METADATA_ENDPOINT", "http://127.0.0.1:9")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["PATH", "TMPDIR", "ACKONE_CACHE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    ///
    /// # Panics
    /// If it shows a diagnostic that is neither in the provider's catalogue nor one of Terraform's own.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Result<Finished, AcceptanceError> {
        let output = self.command(arguments).output().map_err(AcceptanceError::io("run terraform"))?;
        let finished = finished(&output);
        crate::catalogue::hold(&finished.stdout, &finished.stderr);
        Ok(finished)
    }

    /// Starts a command and leaves it running.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn start(&self, arguments: &[&str]) -> Result<Child, AcceptanceError> {
        self.command(arguments).spawn().map_err(AcceptanceError::io("start terraform"))
    }

    /// `terraform init`.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn init(&self) -> Result<Finished, AcceptanceError> {
        self.run(&["init", "-no-color"])
    }

    /// `terraform validate`.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn validate(&self) -> Result<Finished, AcceptanceError> {
        self.run(&["validate", "-no-color"])
    }

    /// `terraform plan` with a detailed exit code: 0 no changes, 1 error, 2 changes.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn plan(&self) -> Result<Finished, AcceptanceError> {
        self.run(&["plan", "-no-color", "-detailed-exitcode", "-lock=false"])
    }

    /// `terraform apply`.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn apply(&self) -> Result<Finished, AcceptanceError> {
        self.run(&["apply", "-no-color", "-auto-approve"])
    }

    /// `terraform destroy`.
    ///
    /// # Errors
    /// If Terraform cannot be started.
    pub fn destroy(&self) -> Result<Finished, AcceptanceError> {
        self.run(&["destroy", "-no-color", "-auto-approve"])
    }

    /// The state as `terraform show -json` prints it.
    ///
    /// # Errors
    /// If there is none.
    pub fn show(&self) -> Result<Value, AcceptanceError> {
        let finished = self.run(&["show", "-json"])?;
        serde_json::from_str(&finished.stdout).map_err(|error| AcceptanceError::Control {
            call: "terraform show -json".to_owned(),
            reason: format!("{error}: {}{}", finished.stdout, finished.stderr),
        })
    }

    /// The attributes of a resource instance in state.
    ///
    /// # Errors
    /// If it is not there.
    pub fn attributes(&self, address: &str) -> Result<Value, AcceptanceError> {
        let state = self.show()?;
        let resources = state.pointer("/values/root_module/resources").and_then(Value::as_array);
        resources
            .into_iter()
            .flatten()
            .find(|resource| resource.get("address").and_then(Value::as_str) == Some(address))
            .and_then(|resource| resource.get("values").cloned())
            .ok_or_else(|| AcceptanceError::Control { call: address.to_owned(), reason: "not in state".to_owned() })
    }
}

/// What a finished process answered.
#[must_use]
pub fn finished(output: &Output) -> Finished {
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

const fn os() -> &'static str {
    if cfg!(target_os = "macos") { "darwin" } else { "linux" }
}

const fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
