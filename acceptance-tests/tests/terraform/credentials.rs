//! Every way to get keys, with real Terraform: keys that end in the middle of an apply are replaced and the apply goes on;
//! and what is told when a way leads nowhere.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use acceptance_tests::golden;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

/// A change by the cloud API, a wait, the Fleet's kubeconfig, and a change in the Fleet.
const BODY: &str = r#"
resource "ackone_fleet_cluster_association" "member" {
  cluster_id = tolist(var.member_cluster_ids)[0]
}

resource "ackone_namespace" "demo" {
  name       = "gateway-demo"
  depends_on = [ackone_fleet_cluster_association.member]
}
"#;

const NAMESPACE: &str = r#"
resource "ackone_namespace" "demo" {
  name = "gateway-demo"
}
"#;

/// One way to get keys.
struct Mode {
    name: &'static str,
    /// Lines of the provider block.
    provider: fn(&Sandbox) -> String,
    /// Files, variables, and what the sandbox must be told.
    prepare: fn(&Sandbox, &mut Workspace),
}

fn nothing(_: &Sandbox) -> String {
    String::new()
}

/// Takes the access key out of the environment.
fn without_keys(workspace: &mut Workspace) {
    for name in ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"] {
        workspace.set_env(name, "");
    }
}

fn write_home(workspace: &Workspace, file: &str, text: &str) {
    let path = workspace.home().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The command line's file with these profiles, the last one current.
fn cli_profiles(workspace: &mut Workspace, profiles: &[Value]) {
    without_keys(workspace);
    let file = json!({"current": profiles.last().unwrap()["name"], "profiles": profiles});
    write_home(workspace, ".aliyun/config.json", &file.to_string());
}

fn role_profile(sandbox: &Sandbox) -> Value {
    let ready = &sandbox.ready;
    json!({"name": "role", "mode": "RamRoleArn", "access_key_id": ready.access_key_id,
           "access_key_secret": ready.access_key_secret, "ram_role_arn": ready.role_arn, "ram_session_name": "profile",
           "expired_seconds": 900})
}

fn second_role(sandbox: &Sandbox) -> String {
    let made = sandbox.control.post("/v1/world/roles", &json!({"role": "second", "external_id": "theirs"})).unwrap();
    made.get("role_arn").and_then(Value::as_str).unwrap().to_owned()
}

/// A file with a token of the identity provider, as something in a Pod writes it.
fn token_file(sandbox: &Sandbox, workspace: &Workspace) -> String {
    let issued = sandbox.control.post("/v1/world/oidc-tokens", &json!({})).unwrap();
    write_home(workspace, "token", issued.get("token").and_then(Value::as_str).unwrap());
    workspace.home().join("token").display().to_string()
}

/// A program that gets temporary keys from the sandbox.
fn key_program(sandbox: &Sandbox, workspace: &Workspace) -> String {
    let text = format!(
        r#"#!/usr/bin/env python3
import json, urllib.request
request = urllib.request.Request("{}/v1/world/temporary-keys", data=b"{{}}", method="POST")
keys = json.load(urllib.request.urlopen(request))
print(json.dumps({{"mode": "StsToken", "access_key_id": keys["access_key_id"], "access_key_secret": keys["access_key_secret"],
                  "sts_token": keys["security_token"], "expiration": keys["expiration"]}}))
"#,
        sandbox.ready.control_url
    );
    program(workspace, &text)
}

fn program(workspace: &Workspace, text: &str) -> String {
    write_home(workspace, "give keys", text);
    let path = workspace.home().join("give keys");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    format!("'{}' --quietly", path.display())
}

const ROLES: [Mode; 4] = [
    Mode {
        name: "assume_role on the environment's keys",
        provider: |sandbox| {
            let policy =
                r#"jsonencode({ Version = "1", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })"#;
            format!(
                "assume_role = {{\n    role_arn     = \"{}\"\n    session_name = \"apply\"\n    policy       = {policy}\n    external_id  = \"theirs\"\n  }}",
                sandbox.ready.role_arn
            )
        },
        prepare: |sandbox, _| {
            sandbox.control.post("/v1/world/roles", &json!({"external_id": "theirs"})).unwrap();
        },
    },
    Mode {
        name: "profile RamRoleArn",
        provider: nothing,
        prepare: |sandbox, workspace| cli_profiles(workspace, &[role_profile(sandbox)]),
    },
    Mode {
        name: "profile ChainableRamRoleArn",
        provider: nothing,
        prepare: |sandbox, workspace| {
            let chained = json!({"name": "chained", "mode": "ChainableRamRoleArn", "source_profile": "role",
                                 "ram_role_arn": second_role(sandbox), "external_id": "theirs"});
            cli_profiles(workspace, &[role_profile(sandbox), chained]);
        },
    },
    Mode {
        name: "INI ram_role_arn, named in the provider block",
        provider: |_| "profile = \"ini\"\n  shared_credentials_file = \"~/keys\"".to_owned(),
        prepare: |sandbox, workspace| {
            without_keys(workspace);
            let ready = &sandbox.ready;
            let (id, secret, role) = (&ready.access_key_id, &ready.access_key_secret, &ready.role_arn);
            let text = format!(
                "[ini]\ntype = ram_role_arn\naccess_key_id = {id}\naccess_key_secret = {secret}\nrole_arn = {role}\n"
            );
            write_home(workspace, "keys", &text);
        },
    },
];

const TOKENS: [Mode; 4] = [
    Mode {
        name: "OIDC of the environment (RRSA)",
        provider: nothing,
        prepare: |sandbox, workspace| {
            without_keys(workspace);
            let file = token_file(sandbox, workspace);
            workspace.set_env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &file);
            workspace.set_env("ALIBABA_CLOUD_ROLE_ARN", &sandbox.ready.role_arn);
            workspace.set_env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", &sandbox.ready.oidc_provider_arn);
        },
    },
    Mode {
        name: "profile OIDC",
        provider: nothing,
        prepare: |sandbox, workspace| {
            let file = token_file(sandbox, workspace);
            let ready = &sandbox.ready;
            let profile = json!({"name": "pod", "mode": "OIDC", "ram_role_arn": ready.role_arn,
                                 "oidc_provider_arn": ready.oidc_provider_arn, "oidc_token_file": file});
            cli_profiles(workspace, &[profile]);
        },
    },
    Mode {
        name: "profile External",
        provider: nothing,
        prepare: |sandbox, workspace| {
            let command = key_program(sandbox, workspace);
            cli_profiles(workspace, &[json!({"name": "program", "mode": "External", "process_command": command})]);
        },
    },
    Mode {
        name: "assume_role on assume_role_with_oidc",
        provider: |sandbox| {
            let ready = &sandbox.ready;
            format!(
                "assume_role_with_oidc = {{\n    role_arn          = \"{}\"\n    oidc_provider_arn = \"{}\"\n    oidc_token_file   = \"~/token\"\n  }}\n  assume_role = {{\n    role_arn    = \"{}\"\n    external_id = \"theirs\"\n  }}",
                ready.role_arn,
                ready.oidc_provider_arn,
                second_role(sandbox)
            )
        },
        prepare: |sandbox, workspace| {
            without_keys(workspace);
            token_file(sandbox, workspace);
        },
    },
];

const SERVERS: [Mode; 4] = [
    Mode {
        name: "ECS instance role, found by itself",
        provider: nothing,
        prepare: |sandbox, workspace| {
            without_keys(workspace);
            workspace.set_env("ALIBABA_CLOUD_ECS_METADATA_ENDPOINT", &sandbox.ready.metadata_url);
            sandbox.control.post("/v1/world/instance", &json!({"version_1": false})).unwrap();
        },
    },
    Mode {
        name: "profile EcsRamRole, version 1 of the metadata service",
        provider: nothing,
        prepare: |sandbox, workspace| {
            cli_profiles(workspace, &[json!({"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "ackone-sandbox"})]);
            workspace.set_env("ALIBABA_CLOUD_ECS_METADATA_ENDPOINT", &sandbox.ready.metadata_url);
            sandbox.control.post("/v1/world/instance", &json!({"version_2": false})).unwrap();
        },
    },
    Mode {
        name: "credentials URI of the environment",
        provider: nothing,
        prepare: |sandbox, workspace| {
            without_keys(workspace);
            workspace.set_env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
            workspace.set_env("ALIBABA_CLOUD_CREDENTIALS_URI", &sandbox.ready.credentials_uri);
        },
    },
    Mode {
        name: "profile CredentialsURI",
        provider: nothing,
        prepare: |sandbox, workspace| {
            let uri = format!("{}?who=me", sandbox.ready.credentials_uri);
            cli_profiles(workspace, &[json!({"name": "uri", "mode": "CredentialsURI", "credentials_uri": uri})]);
        },
    },
];

fn workspace(mode: &Mode, sandbox: &Sandbox) -> Workspace {
    let provider = format!("provider \"ackone\" {{\n  fleet_id = var.fleet_id\n  {}\n}}\n", (mode.provider)(sandbox));
    let mut workspace = Workspace::with_provider(sandbox, &provider, BODY).unwrap();
    (mode.prepare)(sandbox, &mut workspace);
    workspace
}

/// Whose keys signed the calls of the Fleet's API.
fn callers(sandbox: &Sandbox) -> BTreeSet<String> {
    let calls = sandbox.calls().unwrap();
    calls.into_iter().filter(|call| call.api == "adcp").map(|call| call.caller).collect()
}

/// The keys are ended for good at the write, in the wait, and when the kubeconfig is fetched; the apply must not notice.
fn keys_ended_in_mid_apply_are_replaced(mode: &Mode) {
    let sandbox = Sandbox::start().unwrap();
    let workspace = workspace(mode, &sandbox);
    let faults = [
        "adcp/AttachClusterToHub=expire_credentials,nth=1",
        "adcp/DescribeManagedClusters=expire_credentials,nth=3",
        "adcp/DescribeHubClusterKubeconfig=expire_credentials,nth=1",
    ];
    let faults = faults.map(|spec| (spec, sandbox.fault(spec).unwrap()));
    let applied = workspace.apply().unwrap();
    assert!(applied.ok(), "{}: {}", mode.name, applied.prose());
    for (spec, fault) in faults {
        assert_eq!(sandbox.fired(fault).unwrap(), 1, "{}: {spec}", mode.name);
    }
    let callers = callers(&sandbox);
    assert!(callers.len() >= 4, "{}: {callers:?}", mode.name);
    assert!(callers.iter().all(|caller| caller.starts_with("STS.")), "{}: {callers:?}", mode.name);
    assert!(applied.prose().contains("2 added"), "{}: {}", mode.name, applied.prose());
    let planned = workspace.plan().unwrap();
    assert_eq!(planned.code, 0, "{}: {}", mode.name, planned.prose());
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn roles_outlive_their_keys() {
    ROLES.iter().for_each(keys_ended_in_mid_apply_are_replaced);
}

#[test]
fn tokens_and_programs_outlive_their_keys() {
    TOKENS.iter().for_each(keys_ended_in_mid_apply_are_replaced);
}

#[test]
fn servers_of_keys_outlive_their_keys() {
    SERVERS.iter().for_each(keys_ended_in_mid_apply_are_replaced);
}

#[test]
fn keys_that_end_by_themselves_are_renewed_before_anybody_refuses_them() {
    let [role, ..] = &ROLES;
    let [instance, ..] = &SERVERS;
    for mode in [role, instance] {
        let sandbox = Sandbox::start().unwrap();
        // Keys of six seconds, and an association that takes eight at the default scale.
        let pace = json!({"session_seconds": 6, "timings": {"attach_installed_ms": 160_000}});
        sandbox.control.post("/v1/world/behaviour", &pace).unwrap();
        let workspace = workspace(mode, &sandbox);
        workspace.apply().unwrap().expect_ok();
        let calls = sandbox.calls().unwrap();
        let refused: Vec<String> =
            calls.iter().filter(|call| call.api == "adcp" && call.status >= 400).map(ToString::to_string).collect();
        assert_eq!(refused, Vec::<String>::new(), "{}", mode.name);
        let callers = callers(&sandbox);
        assert!(callers.len() >= 3, "{}: the keys of plan and apply, and newer ones: {callers:?}", mode.name);
    }
}

/// Applies, which must fail, and compares what it tells with a golden.
fn fails_as(name: &str, sandbox: &Sandbox, workspace: &Workspace) {
    let finished = workspace.run(&["apply", "-json", "-auto-approve"]).unwrap();
    let text = golden::told(sandbox, workspace, &finished);
    assert_eq!(finished.code, 1, "{name} must fail\n{text}\n{}", finished.stderr);
    assert!(!finished.stdout.contains("not-a-secret") && !finished.stderr.contains("not-a-secret"), "{name}");
    golden::check(name, &text).unwrap();
}

fn with_provider(sandbox: &Sandbox, lines: &str) -> Workspace {
    let provider = format!("provider \"ackone\" {{\n  fleet_id = var.fleet_id\n  {lines}\n}}\n");
    Workspace::with_provider(sandbox, &provider, NAMESPACE).unwrap()
}

#[test]
fn a_role_that_may_not_be_assumed_is_explained() {
    let sandbox = Sandbox::start().unwrap();
    let role = format!("assume_role = {{\n    role_arn = \"{}\"\n  }}", sandbox.ready.role_arn);
    let mut workspace = with_provider(&sandbox, &role);
    sandbox.control.post("/v1/world/roles", &json!({"closed": true})).unwrap();
    fails_as("credentials_role_closed", &sandbox, &workspace);
    without_keys(&mut workspace);
    fails_as("credentials_role_without_keys", &sandbox, &workspace);

    let mut pod = with_provider(&sandbox, "");
    without_keys(&mut pod);
    write_home(&pod, "token", "not-a-secret-token-of-nobody");
    let file = pod.home().join("token").display().to_string();
    pod.set_env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &file);
    pod.set_env("ALIBABA_CLOUD_ROLE_ARN", &sandbox.ready.role_arn);
    pod.set_env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", &sandbox.ready.oidc_provider_arn);
    fails_as("credentials_oidc_token_refused", &sandbox, &pod);
}

#[test]
fn a_server_or_program_that_gives_no_keys_is_explained() {
    let sandbox = Sandbox::start().unwrap();
    let uri = format!("credentials_uri = \"{}?who=not-a-secret\"", sandbox.ready.credentials_uri);
    sandbox.fault("credentials-uri=html,status=200").unwrap();
    fails_as("credentials_uri_rubbish", &sandbox, &with_provider(&sandbox, &uri));

    let mut workspace = with_provider(&sandbox, "profile = \"program\"");
    let command = program(&workspace, "#!/bin/sh\necho not-a-secret\necho not-a-secret >&2\nexit 3\n");
    let command = format!("{command} --password=not-a-secret");
    cli_profiles(&mut workspace, &[json!({"name": "program", "mode": "External", "process_command": command})]);
    fails_as("credentials_program_failed", &sandbox, &workspace);

    let instance = with_provider(&sandbox, "ecs_role_name = \"node\"");
    fails_as("credentials_instance_unreachable", &sandbox, &instance);
}

#[test]
fn roles_that_are_not_whole_are_explained() {
    let sandbox = Sandbox::start().unwrap();
    let workspace = with_provider(&sandbox, "assume_role = {}\n  assume_role_with_oidc = {}");
    fails_as("credentials_roles_not_whole", &sandbox, &workspace);
}
