//! Other people's programs: kubectl, openssl and grpcurl, run to their end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::terraform::{Finished, finished};
use crate::{AcceptanceError, repository};

/// Runs a program in a folder to its end, with nothing on standard input.
///
/// # Errors
/// If it cannot be started.
pub fn run(program: &Path, folder: &Path, arguments: &[&str]) -> Result<Finished, AcceptanceError> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(AcceptanceError::io("run a program"))?;
    Ok(finished(&output))
}

/// Where grpcurl is: `ACKONE_GRPCURL`, else on the PATH.
#[must_use]
pub fn grpcurl() -> PathBuf {
    std::env::var_os("ACKONE_GRPCURL").map_or_else(|| PathBuf::from("grpcurl"), PathBuf::from)
}

fn succeeded(call: String, finished: Finished) -> Result<Finished, AcceptanceError> {
    if finished.ok() {
        return Ok(finished);
    }
    Err(AcceptanceError::Control { call, reason: format!("exit code {}: {}", finished.code, finished.prose()) })
}

/// Makes the walkthrough's key and certificate, `grpc.key` and `grpc.crt`, in a folder, with the walkthrough's commands.
///
/// # Errors
/// If openssl fails.
pub fn walkthrough_certificate(folder: &Path) -> Result<(), AcceptanceError> {
    certificate(folder, "grpc", "grpc.example.com", 3650)
}

/// Makes `NAME.key` and a certificate `NAME.crt` signed by it.
///
/// # Errors
/// If openssl fails.
pub fn certificate(folder: &Path, name: &str, host: &str, days: u32) -> Result<(), AcceptanceError> {
    let text = std::fs::read_to_string(repository().join("acceptance-tests/testdata/walkthrough/openssl.cnf"))
        .map_err(AcceptanceError::io("read openssl.cnf"))?;
    let config = format!("{name}.cnf");
    std::fs::write(folder.join(&config), text.replace("grpc.example.com", host))
        .map_err(AcceptanceError::io("write openssl.cnf"))?;
    let [key, request, crt] = ["key", "csr", "crt"].map(|extension| format!("{name}.{extension}"));
    let subject = format!("/C=CN/ST=Zhejiang/L=Hangzhou/O=AlibabaCloud/OU=ContainerService/CN={host}");
    let days = days.to_string();
    let openssl = Path::new("openssl");
    #[rustfmt::skip]
    let steps: [&[&str]; 2] = [
        &["req", "-new", "-nodes", "-keyout", &key, "-out", &request, "-config", &config, "-subj", &subject],
        &["x509", "-req", "-days", &days, "-in", &request, "-signkey", &key, "-out", &crt, "-extensions", "v3_req", "-extfile", &config],
    ];
    for arguments in steps {
        succeeded(format!("openssl {}", arguments.join(" ")), run(openssl, folder, arguments)?)?;
    }
    Ok(())
}

impl Sandbox {
    /// Runs kubectl against the Fleet, in a folder.
    ///
    /// # Errors
    /// If it cannot be started or fails.
    pub fn kubectl(&self, folder: &Path, arguments: &[&str]) -> Result<Finished, AcceptanceError> {
        let kubeconfig = self.kubeconfig()?.display().to_string();
        // Discovery is cached in the home folder: a sandbox's answers must not be taken for another one's.
        let cache = folder.join(".kube-cache").display().to_string();
        let mut all = vec!["--kubeconfig", &kubeconfig, "--cache-dir", &cache];
        all.extend(arguments);
        succeeded(format!("kubectl {}", arguments.join(" ")), run(Path::new("kubectl"), folder, &all)?)
    }

    /// An object of the Fleet.
    ///
    /// # Errors
    /// If kubectl does not find it.
    pub fn object(&self, folder: &Path, arguments: &[&str]) -> Result<Value, AcceptanceError> {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        let finished = self.kubectl(folder, &all)?;
        serde_json::from_str(&finished.stdout).map_err(|error| AcceptanceError::Control {
            call: format!("kubectl {}", all.join(" ")),
            reason: error.to_string(),
        })
    }

    /// A file of the walkthrough's own YAML, its placeholders filled with this sandbox's IDs, written to a folder.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn walkthrough_yaml(&self, name: &str, folder: &Path) -> Result<(), AcceptanceError> {
        let mut text = std::fs::read_to_string(repository().join("acceptance-tests/testdata/walkthrough").join(name))
            .map_err(AcceptanceError::io("read the walkthrough's YAML"))?;
        for (index, id) in self.ready.member_ids.iter().enumerate() {
            text = text.replace(&format!("${{cluster{}}}", index + 1), id);
        }
        for (index, id) in self.ready.vswitch_ids.iter().enumerate() {
            text = text.replace(&format!("${{vsw-id{}}}", index + 1), id);
        }
        std::fs::write(folder.join(name), text).map_err(AcceptanceError::io("write YAML"))
    }
}
