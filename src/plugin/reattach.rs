//! What a developer pastes so that Terraform attaches to a provider that is running already.
//!
//! Called by `plugin::serve` in debug mode. Facts: Terraform reads `TF_REATTACH_PROVIDERS` in `internal/getproviders/reattach`;
//! go-plugin calls the value `ReattachConfig`. TLS is impossible here, as nothing carries the certificates.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::handshake::APP_PROTOCOL_VERSION;

/// The provider's address, as a configuration's `required_providers` names it.
const PROVIDER_ADDRESS: &str = "registry.terraform.io/ackone/ackone";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Reattach<'a> {
    protocol: &'a str,
    protocol_version: u32,
    pid: u32,
    /// Must be true: it keeps Terraform from stopping the process, and with false the protocol version is not read,
    /// which makes Terraform crash on a provider that speaks version 6.
    test: bool,
    addr: Address<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Address<'a> {
    network: &'a str,
    string: String,
}

/// One line that a POSIX shell takes as an assignment.
pub(crate) fn line(socket: &Path, pid: u32) -> Result<String, serde_json::Error> {
    let addr = Address { network: "unix", string: socket.display().to_string() };
    let provider = Reattach { protocol: "grpc", protocol_version: APP_PROTOCOL_VERSION, pid, test: true, addr };
    let json = serde_json::to_string(&BTreeMap::from([(PROVIDER_ADDRESS, provider)]))?;
    Ok(format!("TF_REATTACH_PROVIDERS='{}'\n", json.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_a_shell_assignment_of_gos_json() {
        assert_eq!(
            line(Path::new("/run/plugin1"), 4242).unwrap(),
            concat!(
                r#"TF_REATTACH_PROVIDERS='{"registry.terraform.io/ackone/ackone":{"Protocol":"grpc","ProtocolVersion":6,"#,
                r#""Pid":4242,"Test":true,"Addr":{"Network":"unix","String":"/run/plugin1"}}}'"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_quote_in_the_path_does_not_end_the_assignment() {
        let line = line(Path::new("/run/o'brien/p"), 1).unwrap();
        assert!(line.contains(r"/run/o'\''brien/p"), "{line}");
    }
}
