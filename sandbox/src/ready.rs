//! What a user of the running sandbox needs: addresses, ids and the access key, as JSON, shell lines and HCL.
//!
//! The variables are those the examples declare. The access key's secret is shown on purpose: it is worth nothing
//! outside this machine, and nobody could sign without it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::cloud::CREDENTIALS_PATH;
use crate::cloud::products::PRODUCTS;
use crate::world::{Secret, State};

/// A named id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The VPC.
    pub vpc_id: String,
    /// The zone.
    pub zone_id: String,
}

/// The content of the ready file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// The sandbox's process.
    pub pid: u32,
    /// The address of the control endpoint.
    pub control_url: String,
    /// The cloud APIs' addresses by product.
    pub endpoints: BTreeMap<String, String>,
    /// The region.
    pub region: String,
    /// The account.
    pub account_id: String,
    /// The access key id.
    pub access_key_id: String,
    /// The access key secret.
    pub access_key_secret: Secret,
    /// A role that may be assumed.
    pub role_arn: String,
    /// The identity provider for `AssumeRoleWithOIDC`; the control endpoint issues its tokens.
    #[serde(default)]
    pub oidc_provider_arn: String,
    /// The metadata service of the ECS instance.
    #[serde(default)]
    pub metadata_url: String,
    /// A credentials URI.
    #[serde(default)]
    pub credentials_uri: String,
    /// The Fleet.
    pub fleet_id: String,
    /// The Fleet's VPC.
    pub vpc_id: String,
    /// The members the walkthrough uses.
    pub member_ids: Vec<String>,
    /// All clusters, the spare one and the one in another VPC too.
    pub clusters: Vec<Named>,
    /// The two vSwitches the walkthrough uses.
    pub vswitch_ids: Vec<String>,
    /// All vSwitches, the wrong ones too.
    pub vswitches: Vec<Named>,
    /// A kubeconfig of the Fleet for kubectl, if the sandbox wrote one.
    pub kubeconfig: Option<String>,
    /// Where a listener port of the first gateway is reached on loopback.
    #[serde(default)]
    pub gateway_ports: BTreeMap<String, u16>,
}

impl Ready {
    /// Collects what is known of a world.
    pub fn new(state: &State, cloud_url: &str, control_url: &str) -> Self {
        let key = state.keys.values().find(|key| !key.assumed_role);
        let fleet = state.fleets.get(&state.primary_fleet);
        let mut clusters: Vec<Named> = state
            .clusters
            .values()
            .map(|c| Named {
                id: c.cluster_id.clone(),
                name: c.name.clone(),
                vpc_id: c.vpc_id.clone(),
                zone_id: c.zone_id.clone(),
            })
            .collect();
        clusters.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        let vpc_id = fleet.map(|fleet| fleet.vpc_id.clone()).unwrap_or_default();
        let mut vswitches: Vec<Named> = state
            .vswitches
            .values()
            .map(|v| Named {
                id: v.vswitch_id.clone(),
                name: v.name.clone(),
                vpc_id: v.vpc_id.clone(),
                zone_id: v.zone_id.clone(),
            })
            .collect();
        vswitches.sort_by_key(|v| (v.vpc_id != vpc_id, v.name.clone()));
        let role = state.roles.keys().next().cloned().unwrap_or_default();
        Self {
            pid: std::process::id(),
            control_url: control_url.to_owned(),
            endpoints: PRODUCTS.iter().map(|product| (product.code.to_owned(), cloud_url.to_owned())).collect(),
            region: state.region.clone(),
            account_id: state.account_id.clone(),
            access_key_id: key.map(|key| key.id.clone()).unwrap_or_default(),
            access_key_secret: key.map_or_else(|| Secret::new(""), |key| key.secret.clone()),
            role_arn: format!("acs:ram::{}:role/{role}", state.account_id),
            oidc_provider_arn: state.oidc_provider_arn(),
            metadata_url: cloud_url.to_owned(),
            credentials_uri: format!("{cloud_url}{CREDENTIALS_PATH}"),
            fleet_id: state.primary_fleet.clone(),
            vpc_id,
            member_ids: clusters.iter().filter(|c| c.name.starts_with("member-")).map(|c| c.id.clone()).collect(),
            clusters,
            vswitch_ids: fleet.map(|fleet| fleet.vswitches.clone()).unwrap_or_default(),
            vswitches,
            kubeconfig: None,
            gateway_ports: BTreeMap::new(),
        }
    }

    /// The environment of the provider and of the examples' variables.
    pub fn environment(&self) -> Vec<(String, String)> {
        let list = |ids: &[String]| serde_json::to_string(ids).unwrap_or_default();
        let mut lines = vec![
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", self.access_key_id.clone()),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", self.access_key_secret.expose().to_owned()),
            ("ALIBABA_CLOUD_REGION", self.region.clone()),
            ("ALIBABA_CLOUD_ECS_METADATA_ENDPOINT", self.metadata_url.clone()),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", self.credentials_uri.clone()),
            ("TF_VAR_fleet_id", self.fleet_id.clone()),
            ("TF_VAR_member_cluster_ids", list(&self.member_ids)),
            ("TF_VAR_vswitch_ids", list(&self.vswitch_ids)),
            ("ACKONE_SANDBOX_CONTROL_URL", self.control_url.clone()),
        ];
        if let Some(port) = self.gateway_ports.get("443") {
            lines.push(("TF_VAR_gateway_port", port.to_string()));
        }
        if let Some(path) = &self.kubeconfig {
            lines.push(("KUBECONFIG", path.clone()));
        }
        let named = lines.into_iter().map(|(name, value)| (name.to_owned(), value));
        let endpoint = |(product, url): (&String, &String)| {
            (format!("ALIBABA_CLOUD_ENDPOINT_{}", product.to_uppercase()), url.clone())
        };
        named.chain(self.endpoints.iter().map(endpoint)).collect()
    }

    /// The environment as lines for a POSIX shell.
    pub fn shell(&self) -> String {
        let quoted = |value: &str| format!("'{}'", value.replace('\'', r"'\''"));
        self.environment().iter().fold(String::new(), |mut text, (name, value)| {
            // Writing to a String cannot fail.
            let _unused = writeln!(text, "export {name}={}", quoted(value));
            text
        })
    }

    /// A provider block that leads to this sandbox.
    pub fn hcl(&self) -> String {
        let width = self.endpoints.keys().map(String::len).max().unwrap_or(0);
        let endpoints = self.endpoints.iter().fold(String::new(), |mut text, (product, url)| {
            let _unused = writeln!(text, "    {product:width$} = \"{url}\"");
            text
        });
        format!(
            "provider \"ackone\" {{\n  region   = \"{}\"\n  fleet_id = \"{}\"\n\n  endpoints = {{\n{endpoints}  }}\n}}\n",
            self.region, self.fleet_id
        )
    }

    /// What is shown when the sandbox is up; headings stand out on a terminal.
    pub fn text(&self, colour: bool) -> String {
        let (bold, dim, plain) = if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let mut text = format!(
            "{bold}ackone-sandbox is up{plain} {dim}(pid {}){plain}\n\n{bold}Environment{plain}\n\n{}\n{bold}Provider{plain}\n\n{}\n{bold}World{plain}\n\n",
            self.pid,
            self.shell(),
            self.hcl()
        );
        let mut row = |what: &str, id: &str, note: &str| {
            let _unused = writeln!(text, "  {what:<10} {id:<40} {dim}{note}{plain}");
        };
        row("Fleet", &self.fleet_id, &self.vpc_id);
        for cluster in &self.clusters {
            let other = if cluster.vpc_id == self.vpc_id { "" } else { ", in another VPC" };
            row("cluster", &cluster.id, &format!("{}{other}", cluster.name));
        }
        for vswitch in &self.vswitches {
            let other = if vswitch.vpc_id == self.vpc_id { "" } else { ", in another VPC" };
            row("vSwitch", &vswitch.id, &format!("{} in {}{other}", vswitch.name, vswitch.zone_id));
        }
        row("role", &self.role_arn, "may be assumed");
        row("OIDC", &self.oidc_provider_arn, "its tokens come from the control endpoint");
        row("metadata", &self.metadata_url, "of the ECS instance");
        row("keys", &self.credentials_uri, "credentials URI");
        for (declared, port) in &self.gateway_ports {
            row("gateway", &format!("localhost:{port}"), &format!("listener {declared} of the first gateway"));
        }
        row("control", &self.control_url, "see ackone-sandbox --help");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Moment, WorldSettings};

    fn ready() -> Ready {
        let state = WorldSettings::default().build(Moment::from_millis(0));
        Ready::new(&state, "http://127.0.0.1:1", "http://127.0.0.1:2")
    }

    #[test]
    fn the_ready_file_is_complete_and_reads_back() {
        let ready = ready();
        assert_eq!((ready.member_ids.len(), ready.vswitch_ids.len(), ready.clusters.len()), (2, 2, 4));
        assert_eq!(ready.endpoints.len(), PRODUCTS.len());
        let json = serde_json::to_string(&ready).unwrap();
        assert!(json.contains(ready.access_key_secret.expose()));
        assert_eq!(serde_json::from_str::<Ready>(&json).unwrap(), ready);
        assert!(!format!("{ready:?}").contains(ready.access_key_secret.expose()), "Debug shows the secret");
    }

    #[test]
    fn shell_lines_are_quoted_and_the_provider_block_names_every_endpoint() {
        let mut ready = ready();
        ready.kubeconfig = Some("/tmp/it's".to_owned());
        assert!(ready.shell().contains(r"export KUBECONFIG='/tmp/it'\''s'"));
        assert!(ready.shell().contains(&format!("export TF_VAR_member_cluster_ids='[\"{}\"", ready.member_ids[0])));
        ready.gateway_ports.insert("443".to_owned(), 41443);
        assert!(ready.shell().contains("export TF_VAR_gateway_port='41443'"));
        for product in &PRODUCTS {
            let variable =
                format!("export ALIBABA_CLOUD_ENDPOINT_{}='http://127.0.0.1:1'", product.code.to_uppercase());
            assert!(ready.shell().contains(&variable), "{}", ready.shell());
            assert!(
                ready.hcl().contains(&format!("\n    {:4} = \"http://127.0.0.1:1\"", product.code)),
                "{}",
                ready.hcl()
            );
        }
        assert!(!ready.text(false).contains('\x1b') && ready.text(true).contains('\x1b'));
    }
}
