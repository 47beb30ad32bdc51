//! The command line.
//!
//! `--help` is the sandbox's manual: what it is, a first session, faults, files. Settings that describe the simulated
//! cloud end in [`WorldSettings`]; the rest says where to listen and what to write.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::faults::{RuleSpec, parse_spec};
use crate::world::{DetachLeaves, EmptyLists, Secret, WorldSettings};

const LONG_ABOUT: &str = "\
A cloud on this machine: the world of the ACK One gRPC gateway walkthrough, simulated on loopback.

It serves the cloud APIs (adcp, sts, vpc, cs, ecs, alb), the metadata service of an ECS instance,
a credentials URI, a Fleet with its Kubernetes API, member clusters, an ALB controller, an Argo CD
and the gateways' data plane. No account, no cluster, no cost; nothing leaves this machine. The cloud
verifies signatures, dates, nonces and permissions as the real one does, and answers slowly where
the real one does (see --time-scale).";

const AFTER_HELP: &str = r#"A FIRST SESSION
  ackone-sandbox --ready-file sandbox.json         prints a provider block and an environment
  eval "$(ackone-sandbox env --ready-file sandbox.json)"     in a second terminal
  terraform apply                                  with the printed provider block
  kubectl get albconfig,ingress,events -A          KUBECONFIG is part of the environment
  ackone-sandbox inventory|calls|gateways --ready-file sandbox.json

  The printed ids follow from --seed and stay the same; the access key secret does not, unless
  --state-file or ACKONE_SANDBOX_ACCESS_KEY_SECRET keeps it.

FAULTS
  --fault CALLS=KIND[,KEY=VALUE]...   where CALLS is API[/ACTION[/RESOURCE[/NAME]]], '*' for any
    adcp/AttachClusterToHub=throttle,retry_after_ms=500,count=2     the first two attach calls
    '*=reset,call=7'                                                the seventh call of all
    'kubernetes/patch/ingresses=conflict,nth=2'                     the second apply of an Ingress
    'adcp=latency,ms=300'                                           every call of the product
    'metadata/GetRoleKeys=html,status=200'                          rubbish from the metadata service
  KIND   latency (ms) | throttle (retry_after_ms, code, status) | error (status, code, message)
         unavailable | html (status) | reset | drop_after | truncate | expire_credentials
         conflict | drop_watches | skew (seconds)
         reset: nothing was done; drop_after: all was done, the answer is lost.
         expire_credentials: temporary keys end with this call.
  KEYS   nth=N (the N-th matching call), every=N, call=K (the K-th call over all APIs), count=N

CONTROL ENDPOINT (JSON over HTTP, its address is printed)
  GET    /v1/health                        is it up
  GET    /v1/inventory                     everything that exists
  GET    /v1/gateways                      load balancers, their listeners and where they are reached
  GET    /v1/calls          DELETE         the call log with counters; forget both
  GET    /v1/faults         DELETE         the rules with counters; remove all
  POST   /v1/faults                        {"spec": "CALLS=KIND,..."}, or {"match", "when", "fault"}
  DELETE /v1/faults/{id}                   remove one
  POST   /v1/members/{id}/state            {"association"?, "message"?, "cluster_state"?, "fail_next_attach"?}
  POST   /v1/members/{id}/services         {"namespace", "name", "ports"?}: without ports the Service is taken away
  POST   /v1/world/permissions             {"access_key_id"?, "deny": ["adcp:Attach*"], "allow": [...]}
  POST   /v1/world/keys                    {"access_key_id"?, "active"?, "expire"?, "kubernetes_groups"?}
  POST   /v1/world/temporary-keys          {"duration_seconds"?}: a new STS key
  POST   /v1/world/roles                   {"role"?, "closed"?, "external_id"?, "max_session_seconds"?}: make or change one
  POST   /v1/world/oidc-tokens             {"valid_seconds"?, "end_earlier"?}: a new token of the identity provider
  POST   /v1/world/instance                {"role"?, "version_1"?, "version_2"?}: what the metadata service has; no role: ""
  POST   /v1/world/clock                   {"skew_seconds"}: the cloud's clock is off
  POST   /v1/world/behaviour               {"time_scale"?, "detach_leaves"?, "empty_lists"?, "refuse_other_vpc"?, "session_seconds"?,
                                            "timings"?: {"attach_listed_ms"?, "attach_installed_ms"?, "detach_ms"?, ...}}
  POST   /v1/world/fleets                  {"name"?, "profile"?, "tags"?}: one more Fleet, in the first one's network
  POST   /v1/world/fleets/{id}             {"state"?, "error_message"?, "public_api_server"?}
  POST   /v1/world/vswitches               {"count", "zone_id"?}: so many more vSwitches in the Fleet's network
  POST   /v1/world/vswitches/{id}          {"cidr_block"?, "gone"?}
  POST   /v1/world/clusters/{id}           {"security_group_id"?, "gone"?}: the group its nodes stand behind; none: ""
  GET    /v1/world/security-groups         every group with its rules
  POST   /v1/world/security-groups/{id}    {"service_managed"?, "gone"?, "revoke"?: [rule ids], "authorize"?: [{"source_cidr_ip", "policy"?,
                                            "priority"?, "ip_protocol"?, "port_range"?, "description"?, "age_seconds"?}],
                                            "modify"?: [{"rule_id", "policy"?, "priority"?, "age_seconds"?}]}
  POST   /v1/kubernetes/{drop-watches|compact|revoke-credentials}
  POST   /v1/kubernetes/validity           {"seconds"}: of kubeconfigs issued from now on
  POST   /v1/kubernetes/permissions        {"deny": [{"user"?, "verb"?, "resource"?}]}
  POST   /v1/controller/{pause|resume}
  POST   /v1/controller/fail               {"action"?, "message"?, "times"?} or {"delay_ms"}
  POST   /v1/argocd/{pause|resume}
  POST   /v1/argocd/fail                   {"cluster_id"?, "message"?}: what is deployed there does not become healthy
  POST   /v1/shutdown

FILES
  --ready-file   JSON, written when all is up: endpoints, ids, access key, control URL, pid. Private.
                 Beside it, with the extension .kubeconfig, the Fleet's kubeconfig for kubectl.
  --state-file   read at start if it is there, written after changes and at the end. Private.
  --kubeconfig   a real API server takes the place of the embedded one, behind the sandbox's own address:
                 kubeconfigs, faults, denials and the call log are the same with both. Its user must be
                 one who may do everything. AlbConfig and Argo CD's kinds are defined there if they are not."#;

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(
    name = "ackone-sandbox",
    version,
    about = "The ACK One gRPC gateway walkthrough's world, simulated on loopback"
)]
#[command(long_about = LONG_ABOUT, after_long_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// What to do; without one, run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings of a run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the sandbox until it is told to stop (the default).
    Run(Box<RunArgs>),
    /// Print what a running sandbox needs of its users: environment and provider configuration.
    #[command(visible_alias = "print")]
    Env(EnvArgs),
    /// Print what exists in a running sandbox, as JSON.
    ///
    /// After all of one's own objects are gone it is again what it was at the start.
    Inventory(InventoryArgs),
    /// Print the calls a running sandbox has answered, as JSON.
    Calls(CallsArgs),
    /// Print where the gateways of a running sandbox are reached, as JSON.
    Gateways(AskArgs),
}

/// Which running sandbox is asked.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The ready file of the running sandbox.
    #[arg(long, value_name = "FILE")]
    pub ready_file: PathBuf,
}

/// Settings of `inventory`.
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// Which sandbox.
    #[command(flatten)]
    pub ask: AskArgs,
    /// Show as well what stays for good, as in life: the certificates the controller has uploaded.
    #[arg(long)]
    pub leftovers: bool,
}

/// Settings of `calls`.
#[derive(Debug, Args)]
pub struct CallsArgs {
    /// Which sandbox.
    #[command(flatten)]
    pub ask: AskArgs,
    /// Only how many there were of each kind.
    #[arg(long)]
    pub counters: bool,
}

/// How `env` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EnvFormat {
    /// Lines for a shell's eval.
    Shell,
    /// A provider block.
    Hcl,
    /// The ready file's JSON.
    Json,
}

/// Settings of `env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// The ready file of the running sandbox.
    #[arg(long, value_name = "FILE")]
    pub ready_file: PathBuf,
    /// What to print.
    #[arg(long, value_enum, default_value = "shell")]
    pub format: EnvFormat,
}

/// Which controller a Fleet runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Generation {
    /// What Fleets run.
    #[default]
    Hosted,
    /// The published one, with its peculiarities.
    OpenSource,
}

/// On which ports gateways listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GatewayPorts {
    /// On the declared port where that is allowed and free, else on a printed one.
    #[default]
    Fallback,
    /// On the declared port or not at all.
    Declared,
    /// On any free port.
    Ephemeral,
}

/// The form of log lines on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// Nothing.
    Off,
}

/// Settings of a run.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Port of the cloud APIs; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub cloud_port: u16,
    /// Port of the Fleet's Kubernetes API; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub kubernetes_port: u16,
    /// Port of the control endpoint; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub control_port: u16,
    /// On which ports gateways listen.
    #[arg(long, value_enum, value_name = "POLICY", default_value = "fallback")]
    pub gateway_port_policy: GatewayPorts,
    /// Short for --gateway-port-policy ephemeral.
    #[arg(long, conflicts_with = "gateway_port_policy")]
    pub ephemeral_gateway_ports: bool,
    /// Which controller the Fleet runs.
    #[arg(long, value_enum, default_value = "hosted")]
    pub generation: Generation,
    /// Use the API server of this kubeconfig in place of the embedded one.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Factor on every waiting time of the cloud: 1 is near life, 0 is at once.
    #[arg(long, value_name = "FACTOR", default_value_t = 0.05, value_parser = parse_scale)]
    pub time_scale: f64,
    /// How many member clusters there are, besides a spare one and one in another VPC.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = parse_members)]
    pub members: usize,
    /// Associate the members from the start.
    #[arg(long)]
    pub attached: bool,
    /// The members run nothing at first: what they serve is deployed to them, for instance by an ApplicationSet.
    #[arg(long)]
    pub bare_members: bool,
    /// The members' security groups admit nothing of the gateway, as in life before the prerequisite is met.
    #[arg(long)]
    pub closed_security_groups: bool,
    /// The Fleet's Kubernetes API has no public endpoint.
    #[arg(long)]
    pub private_api_server: bool,
    /// What remains in the list of associations after a detach.
    #[arg(long, value_parser = parse_detach_leaves, value_name = "absent|deleted", default_value = "absent")]
    pub detach_leaves: DetachLeaves,
    /// How the cloud writes empty lists.
    #[arg(long, value_parser = parse_empty_lists, value_name = "present|missing", default_value = "present")]
    pub empty_lists: EmptyLists,
    /// The region.
    #[arg(long, default_value = "cn-hangzhou")]
    pub region: String,
    /// What the ids of the initial world follow from.
    #[arg(long, default_value = "ackone")]
    pub seed: String,
    /// The account's id.
    #[arg(long, value_name = "ID")]
    pub account_id: Option<String>,
    /// The Fleet's id.
    #[arg(long, value_name = "ID")]
    pub fleet_id: Option<String>,
    /// The access key id.
    #[arg(long, value_name = "ID")]
    pub access_key_id: Option<String>,
    /// The access key secret; random when not set. Not an argument, as arguments are public.
    #[arg(skip)]
    pub access_key_secret: Option<Secret>,
    /// Keep the sandbox's state in this file.
    #[arg(long, value_name = "FILE")]
    pub state_file: Option<PathBuf>,
    /// Write addresses, ids and the access key to this file when all is up.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Spoil calls; may be repeated (see FAULTS).
    #[arg(long = "fault", value_name = "SPEC", value_parser = parse_fault)]
    pub faults: Vec<RuleSpec>,
    /// Stop when the process of this id has ended.
    #[arg(long, value_name = "PID")]
    pub parent_pid: Option<i32>,
    /// The form of log lines on stderr.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Print nothing on stdout.
    #[arg(long)]
    pub quiet: bool,
}

impl Default for RunArgs {
    fn default() -> Self {
        CommandLine::parse_from(["ackone-sandbox"]).run
    }
}

impl RunArgs {
    /// The part of the settings that describes the simulated cloud.
    pub fn world(&self) -> WorldSettings {
        WorldSettings {
            seed: self.seed.clone(),
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            access_key_secret: self.access_key_secret.clone(),
            fleet_id: self.fleet_id.clone(),
            public_api_server: !self.private_api_server,
            members: self.members,
            attached: self.attached,
            time_scale: self.time_scale,
            detach_leaves: self.detach_leaves,
            empty_lists: self.empty_lists,
            open_security_groups: !self.closed_security_groups,
            ..WorldSettings::default()
        }
    }

    /// On which ports gateways listen.
    pub fn gateway_ports(&self) -> GatewayPorts {
        if self.ephemeral_gateway_ports { GatewayPorts::Ephemeral } else { self.gateway_port_policy }
    }
}

fn parse_fault(text: &str) -> Result<RuleSpec, String> {
    parse_spec(text).map_err(|error| error.to_string())
}

fn parse_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.0..=1000.0).contains(&scale) => Ok(scale),
        _ => Err("it must be a number from 0 to 1000".to_owned()),
    }
}

fn parse_members(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(members) if members <= 50 => Ok(members),
        _ => Err("it must be a number from 0 to 50".to_owned()),
    }
}

fn parse_detach_leaves(text: &str) -> Result<DetachLeaves, String> {
    match text {
        "absent" => Ok(DetachLeaves::Absent),
        "deleted" => Ok(DetachLeaves::Deleted),
        _ => Err("it must be absent or deleted".to_owned()),
    }
}

fn parse_empty_lists(text: &str) -> Result<EmptyLists, String> {
    match text {
        "present" => Ok(EmptyLists::Present),
        "missing" => Ok(EmptyLists::Missing),
        _ => Err("it must be present or missing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_help_names_every_endpoint() {
        CommandLine::command().debug_assert();
        let help = CommandLine::command().render_long_help().to_string();
        for path in crate::control::PATHS {
            assert!(help.contains(path), "--help does not mention {path}");
        }
    }

    #[test]
    fn run_is_the_default_and_takes_the_same_flags() {
        let plain = CommandLine::try_parse_from(["x", "--members", "3", "--fault", "adcp=reset,call=2"]).unwrap();
        assert_eq!((plain.run.members, plain.run.faults.len()), (3, 1));
        let named = CommandLine::try_parse_from(["x", "run", "--ephemeral-gateway-ports"]).unwrap();
        let Some(Command::Run(run)) = named.command else { panic!("not run") };
        assert_eq!(run.gateway_ports(), GatewayPorts::Ephemeral);
        let env = CommandLine::try_parse_from(["x", "print", "--ready-file", "r.json", "--format", "hcl"]).unwrap();
        assert!(matches!(env.command, Some(Command::Env(_))));
    }

    #[test]
    fn mistakes_are_explained() {
        for (args, expected) in [
            (["x", "--time-scale", "-1"], "unexpected argument"),
            (["x", "--time-scale", "nan"], "a number from 0 to 1000"),
            (["x", "--fault", "adcp=explode"], "unknown variant `explode`"),
            (["x", "--members", "x"], "a number from 0 to 50"),
        ] {
            let message = CommandLine::try_parse_from(args).unwrap_err().to_string();
            assert!(message.contains(expected), "{args:?}: {message}");
        }
    }
}
