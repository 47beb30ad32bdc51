use std::fs;

use super::*;

/// Nothing is asked: the metadata service's port is closed.
fn network() -> CredentialNetwork {
    CredentialNetwork { metadata: "http://127.0.0.1:9".parse().unwrap(), ..CredentialNetwork::default() }
}

fn environment(home: &std::path::Path, more: &[(&str, &str)]) -> Environment {
    let mut variables = vec![("HOME", home.to_str().unwrap())];
    variables.extend_from_slice(more);
    variables.into_iter().collect()
}

const KEYS: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "env-id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "env-secret")];

fn write_cli(home: &std::path::Path, json: &str) {
    fs::create_dir_all(home.join(".aliyun")).unwrap();
    fs::write(home.join(".aliyun/config.json"), json).unwrap();
}

const CLI: &str = r#"{"current":"p","profiles":[
    {"name":"p","mode":"AK","access_key_id":"cli-id","access_key_secret":"s"},
    {"name":"q","mode":"AK","access_key_id":"q-id","access_key_secret":"s"},
    {"name":"r","mode":"CloudSSO"}]}"#;

#[tokio::test]
async fn the_environment_comes_before_the_ambient_profile_and_after_what_is_named() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    let id = async |settings: CredentialSettings, variables: &[(&str, &str)]| {
        let chain = CredentialChain::from_settings(settings, &environment(home.path(), variables), &network());
        chain.fetch().await.unwrap().access_key_id.to_string()
    };
    assert_eq!(id(CredentialSettings::default(), &KEYS).await, "env-id");
    assert_eq!(id(CredentialSettings::default(), &[]).await, "cli-id");
    assert_eq!(id(CredentialSettings::default(), &[("ALIBABA_CLOUD_PROFILE", "q")]).await, "q-id");
    let named = CredentialSettings { profile: Some("q".to_owned()), ..Default::default() };
    assert_eq!(id(named, &KEYS).await, "q-id");
    let written = CredentialSettings {
        access_key_id: Some("written".into()),
        access_key_secret: Some(AccessKeySecret::new("s")),
        ..Default::default()
    };
    assert_eq!(id(written, &KEYS).await, "written");
}

#[tokio::test]
async fn what_is_named_and_does_not_work_ends_the_chain() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    let environment = environment(home.path(), &KEYS);
    let half = CredentialSettings { access_key_id: Some("only".into()), ..Default::default() };
    let missing = CredentialSettings { profile: Some("absent".to_owned()), ..Default::default() };
    for (settings, links) in [(half, "keys in the configuration"), (missing, "profile \"absent\" of")] {
        let error = CredentialChain::from_settings(settings, &environment, &network()).fetch().await.unwrap_err();
        let CredentialError::Exhausted { failures } = error else { panic!("{error:?}") };
        assert!(failures.iter().all(|failure| failure.link.starts_with(links)), "{failures:?}");
    }
}

fn profile(name: &str) -> CredentialSettings {
    CredentialSettings { profile: Some(name.to_owned()), ..CredentialSettings::default() }
}

fn write_ini(home: &std::path::Path, ini: &str) {
    fs::create_dir_all(home.join(".alibabacloud")).unwrap();
    fs::write(home.join(".alibabacloud/credentials"), ini).unwrap();
}

const STAGING: &str = "[staging]\ntype=access_key\naccess_key_id=staging-id\naccess_key_secret=s\n";

#[tokio::test]
async fn a_named_profile_without_a_home_is_no_reason_to_use_other_keys() {
    for settings in [profile("staging"), CredentialSettings::default()] {
        let mut variables = vec![("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        if settings.profile.is_some() {
            variables.extend(KEYS);
        } else {
            variables.push(("ALIBABA_CLOUD_PROFILE", "staging"));
        }
        let environment: Environment = variables.into_iter().collect();
        let error = CredentialChain::from_settings(settings, &environment, &network()).fetch().await.unwrap_err();
        let text = error.to_string();
        let expected = "profile \"staging\": it is named, but there is no profile file to look in: HOME is not set";
        assert!(text.ends_with(expected), "{text}");
    }
}

#[tokio::test]
async fn a_named_profile_is_looked_for_in_every_known_file_or_in_the_one_that_is_named() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    write_ini(home.path(), STAGING);
    let id = async |name: &str, more: &[(&str, &str)]| {
        let environment = environment(home.path(), &[&KEYS[..], more].concat());
        let fetched = CredentialChain::from_settings(profile(name), &environment, &network()).fetch().await;
        fetched.map(|keys| keys.access_key_id.to_string())
    };
    assert_eq!(id("staging", &[]).await.unwrap(), "staging-id");
    assert_eq!(id("q", &[]).await.unwrap(), "q-id");
    let other = home.path().join("other");
    fs::write(&other, STAGING.replace("staging-id", "other-id").replace("[staging]", "[p]")).unwrap();
    for variable in ["ALIBABA_CLOUD_CREDENTIALS_FILE", "ALICLOUD_SHARED_CREDENTIALS_FILE"] {
        let named = [(variable, other.to_str().unwrap())];
        assert_eq!(id("p", &named).await.unwrap(), "other-id", "{variable}");
        assert!(id("q", &named).await.is_err(), "{variable}");
    }
    // There, but not usable: its namesake in the next file is not meant.
    write_cli(home.path(), r#"{"profiles":[{"name":"staging","mode":"AK"}]}"#);
    let text = id("staging", &[]).await.unwrap_err().to_string();
    assert!(text.ends_with("has no access_key_id"), "{text}");
}

#[tokio::test]
async fn a_profile_that_the_environment_names_is_never_replaced_by_a_later_source() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    let links = async |name: &str| {
        let environment = environment(home.path(), &[("ALIBABA_CLOUD_PROFILE", name)]);
        let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
        let fetched = chain.fetch().await.map(|keys| keys.access_key_id.to_string());
        fetched.map_err(|error| error.to_string())
    };
    let absent = links("staging").await.unwrap_err();
    assert!(!absent.contains("ECS instance role"), "{absent}");
    write_ini(home.path(), STAGING);
    assert_eq!(links("staging").await.unwrap(), "staging-id");
}

#[tokio::test]
async fn an_unsupported_mode_is_reported_and_ends_the_chain() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    fs::create_dir_all(home.path().join(".alibabacloud")).unwrap();
    let ini = "[r]\ntype=access_key\naccess_key_id=other\naccess_key_secret=s\n";
    fs::write(home.path().join(".alibabacloud/credentials"), ini).unwrap();
    let environment = environment(home.path(), &[("ALIBABA_CLOUD_PROFILE", "r")]);
    let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
    let text = chain.fetch().await.unwrap_err().to_string();
    assert!(text.contains("environment variables: none of"), "{text}");
    assert!(text.contains(r#"has mode "CloudSSO", which this version does not support"#), "{text}");
}

#[tokio::test]
async fn the_winner_is_the_only_one_asked_again() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), CLI);
    let chain =
        CredentialChain::from_settings(CredentialSettings::default(), &environment(home.path(), &[]), &network());
    assert_eq!(chain.source_in_use(), None);
    chain.fetch().await.unwrap();
    assert!(chain.source_in_use().unwrap().contains("config.json"));
    fs::remove_file(home.path().join(".aliyun/config.json")).unwrap();
    let CredentialError::Exhausted { failures } = chain.fetch().await.unwrap_err() else { panic!() };
    assert_eq!(failures.len(), 1, "{failures:?}");
}

#[tokio::test]
async fn a_source_that_is_set_up_and_unusable_is_not_replaced_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    write_ini(home.path(), &STAGING.replace("[staging]", "[default]"));
    let fetched = async |more: &[(&str, &str)]| {
        let environment = environment(home.path(), more);
        let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
        chain.fetch().await.map(|keys| keys.access_key_id.to_string()).map_err(|error| error.to_string())
    };
    let token = home.path().join("token");
    let file = ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token.to_str().unwrap());
    let role = ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a");
    let pod = [file, role, ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p")];
    let text = fetched(&pod).await.unwrap_err();
    assert!(text.ends_with("token cannot be read: entity not found"), "{text}");
    fs::write(&token, "").unwrap();
    let text = fetched(&pod).await.unwrap_err();
    assert!(text.ends_with("token holds 0 bytes; a token has 4 to 20000"), "{text}");
    assert_eq!(fetched(&[file, role]).await.unwrap(), "staging-id", "two of three variables are no wish");

    write_cli(home.path(), r#"{"current":"p","profiles":["#);
    let text = fetched(&[]).await.unwrap_err();
    assert!(text.contains("config.json is not a credentials file"), "{text}");
    write_cli(home.path(), r#"{"current":"p","profiles":[{"name":"p","mode":"External","process_command":"false"}]}"#);
    let text = fetched(&[("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1")]).await.unwrap_err();
    assert!(text.ends_with("external process: ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is true"), "{text}");
    write_cli(home.path(), r#"{"profiles":[]}"#);
    assert_eq!(fetched(&[]).await.unwrap(), "staging-id", "a file without the profile is none");
}

#[tokio::test]
async fn a_home_that_is_no_directory_has_no_files() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let environment = environment(file.path(), &[]);
    let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
    let text = chain.fetch().await.unwrap_err().to_string();
    assert!(text.contains("credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set"), "{text}");
}

fn links(settings: CredentialSettings, environment: &Environment) -> Vec<String> {
    let chain = CredentialChain::from_settings(settings, environment, &network());
    chain.links.iter().map(|link| link.name()).collect()
}

#[tokio::test]
async fn with_nothing_anywhere_every_link_is_named_in_the_documented_order() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(home.path(), &[]);
    let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
    let CredentialError::Exhausted { failures } = chain.fetch().await.unwrap_err() else { panic!() };
    let told: Vec<String> =
        failures.iter().map(|f| f.to_string().replace(home.path().to_str().unwrap(), "~")).collect();
    assert_eq!(
        told,
        [
            "environment variables: none of ALIBABA_CLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY, ALIBABACLOUD_ACCESS_KEY_ID is set",
            "OIDC role of the environment: none of ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_ROLE_ARN, \
             ALIBABA_CLOUD_OIDC_PROVIDER_ARN is set",
            "profile file ~/.aliyun/config.json: there is no ~/.aliyun/config.json",
            "profile file ~/.alibabacloud/credentials: there is no ~/.alibabacloud/credentials",
            "profile file ~/.alibabacloud/credentials.ini: there is no ~/.alibabacloud/credentials.ini",
            "ECS instance role: the metadata service http://127.0.0.1:9 is not reachable: no connection could be made; \
             nothing was sent",
            "credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set",
        ]
    );
}

#[tokio::test]
async fn what_the_environment_switches_off_is_not_asked_and_said() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(
        home.path(),
        &[
            ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "True"),
            ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true"),
            ("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "1"),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:9/canary"),
            ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a"),
        ],
    );
    let chain = CredentialChain::from_settings(CredentialSettings::default(), &environment, &network());
    let text = chain.fetch().await.unwrap_err().to_string();
    for expected in [
        "OIDC role of the environment: not set: ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
        "profile file of the command line: ALIBABA_CLOUD_CLI_PROFILE_DISABLED is true",
        "ECS instance role: ALIBABA_CLOUD_ECS_METADATA_DISABLED is true",
        "credentials URI: ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is true",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    let named = CredentialSettings { ecs_role_name: Some("node".to_owned()), ..Default::default() };
    let error = CredentialChain::from_settings(named, &environment, &network()).fetch().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no credentials found: ECS instance role: ALIBABA_CLOUD_ECS_METADATA_DISABLED is true"
    );
}

#[tokio::test]
async fn a_program_of_a_profile_is_not_run_where_programs_are_switched_off() {
    let home = tempfile::tempdir().unwrap();
    write_cli(home.path(), r#"{"current":"p","profiles":[{"name":"p","mode":"External","process_command":"false"}]}"#);
    let named = || CredentialSettings { profile: Some("p".to_owned()), ..Default::default() };
    let text = async |variables: &[(&str, &str)]| {
        let environment = environment(home.path(), variables);
        CredentialChain::from_settings(named(), &environment, &network()).fetch().await.unwrap_err().to_string()
    };
    let off = text(&[("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "TRUE")]).await;
    assert!(off.ends_with("external process: ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS is true"), "{off}");
    let on = text(&[("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS", "0")]).await;
    assert!(on.ends_with("external process \"false\": it failed (exit status: 1)"), "{on}");
}

#[test]
fn of_several_named_sources_the_official_order_decides_and_a_role_goes_on_top() {
    let home = tempfile::tempdir().unwrap();
    let environment = environment(home.path(), &KEYS);
    let role = |name: &str| RoleSettings { role_arn: format!("acs:ram::1:role/{name}"), ..RoleSettings::default() };
    let mut settings = CredentialSettings {
        access_key_id: Some("id".into()),
        access_key_secret: Some(AccessKeySecret::new("s")),
        oidc: Some(OidcSettings {
            role: role("pod"),
            provider_arn: "p".to_owned(),
            token: crate::cloud::OidcToken::File("/token".into()),
        }),
        profile: Some("p".to_owned()),
        ecs_role_name: Some("node".to_owned()),
        credentials_uri: Some(SecretString::new("http://127.0.0.1:9/canary")),
        ..CredentialSettings::default()
    };
    let one = |settings: &CredentialSettings| links(settings.clone(), &environment);
    assert_eq!(one(&settings), ["keys in the configuration"]);
    (settings.access_key_id, settings.access_key_secret) = (None, None);
    assert_eq!(one(&settings), ["OIDC role acs:ram::1:role/pod"]);
    settings.oidc = None;
    assert!(one(&settings)[0].starts_with("profile \"p\" of"));
    settings.profile = None;
    assert_eq!(one(&settings), ["ECS instance role \"node\""]);
    settings.ecs_role_name = None;
    assert_eq!(one(&settings), ["credentials URI at http://127.0.0.1:9"]);
    settings.assume_role = Some(role("top"));
    assert_eq!(one(&settings), ["role acs:ram::1:role/top"]);
    settings.credentials_uri = None;
    assert_eq!(one(&settings), ["role acs:ram::1:role/top"], "on top of the environment's keys too");
}

#[tokio::test]
async fn without_keys_a_role_names_every_link_behind_it() {
    let home = tempfile::tempdir().unwrap();
    let role = RoleSettings { role_arn: "acs:ram::1:role/top".to_owned(), ..RoleSettings::default() };
    let settings = CredentialSettings { assume_role: Some(role), ..CredentialSettings::default() };
    let chain = CredentialChain::from_settings(settings, &environment(home.path(), &[]), &network());
    let CredentialError::Exhausted { failures } = chain.fetch().await.unwrap_err() else { panic!() };
    assert_eq!(failures.len(), 8, "{failures:?}");
    assert_eq!(failures.last().unwrap().to_string(), "role acs:ram::1:role/top: there are no keys to assume it with");
}

/// A text in which no secret may be found: everything that is ever shown of a chain and of why it failed.
fn shown(settings: &CredentialSettings, environment: &Environment) -> String {
    let chain = CredentialChain::from_settings(settings.clone(), environment, &network());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetched = runtime.block_on(chain.fetch());
    let failed = fetched.as_ref().err().map(ToString::to_string).unwrap_or_default();
    format!("{settings:?} {environment:?} {chain:?} {fetched:?} {failed} {:?}", chain.source_in_use())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn no_secret_or_token_is_shown_wherever_it_stands(secret in "[A-Za-z0-9+=]{12,60}", cut in 0usize..400) {
        let home = tempfile::tempdir().unwrap();
        let cli = serde_json::json!({"current": "a", "profiles": [
            {"name": "a", "mode": "AK", "access_key_id": "id", "access_key_secret": secret},
            {"name": "t", "mode": "StsToken", "access_key_id": "id", "access_key_secret": secret, "sts_token": secret},
            {"name": "u", "mode": "CredentialsURI", "credentials_uri": format!("http://127.0.0.1:9/{secret}?{secret}")},
            {"name": "x", "mode": "External", "process_command": format!("false {secret}")},
        ]}).to_string();
        write_cli(home.path(), &cli);
        let plain = environment(home.path(), &[]);
        for profile in ["a", "t", "u", "x"] {
            let settings = CredentialSettings { profile: Some(profile.to_owned()), ..Default::default() };
            let text = shown(&settings, &plain);
            proptest::prop_assert!(!text.contains(&secret), "{profile}: {text}");
        }
        // A file that breaks off anywhere.
        write_cli(home.path(), cli.get(..cut.min(cli.len())).unwrap_or_default());
        let text = shown(&CredentialSettings { profile: Some("a".to_owned()), ..Default::default() }, &plain);
        proptest::prop_assert!(!text.contains(&secret), "{text}");
        let written = CredentialSettings {
            access_key_secret: Some(AccessKeySecret::new(secret.clone())),
            security_token: Some(SecurityToken::new(secret.clone())),
            credentials_uri: Some(SecretString::new(format!("http://{secret}@127.0.0.1/"))),
            ..Default::default()
        };
        proptest::prop_assert!(!shown(&written, &plain).contains(&secret));
        let uri = CredentialSettings { access_key_secret: None, security_token: None, ..written };
        proptest::prop_assert!(!shown(&uri, &plain).contains(&secret));
        let uri = format!("http://127.0.0.1:9/{secret}");
        let variables = [
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret.as_str()),
            ("ALICLOUD_SECURITY_TOKEN", &secret),
            ("ALIBABA_CLOUD_OIDC_TOKEN", &secret),
            ("ALIBABA_CLOUD_CREDENTIALS_URI", &uri),
        ];
        let text = shown(&CredentialSettings::default(), &environment(home.path(), &variables));
        proptest::prop_assert!(!text.contains(&secret), "{text}");
    }
}
