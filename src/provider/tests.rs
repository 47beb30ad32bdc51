//! Configuration means what the docs say, and nothing of it shows in `Debug`.

use super::*;
use crate::clients::Clients;
use crate::clock::SystemClock;
use crate::cloud::Product;
use crate::framework::model::Model;
use crate::framework::path::Step;

fn provider(variables: &[(&str, &str)]) -> AckoneProvider {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    AckoneProvider::new(variables, Arc::new(SystemClock), "0.0.0")
}

fn config(entries: &[(&str, Value)]) -> Value {
    let mut config = schema().null_object();
    entries.iter().for_each(|(name, value)| config.set(name, value.clone()));
    config
}

fn configure(provider: &AckoneProvider, config: &Value) -> (Option<Configured>, Diagnostics) {
    let cx = Context { cancel: crate::cancel::Cancel::never(), clock: Arc::new(SystemClock) };
    provider.configure(config, "1.11.4", &cx)
}

fn clients(provider: &AckoneProvider, config: &Value) -> Arc<Clients> {
    match configure(provider, config) {
        (Some(Configured::Ready(clients)), _) => clients.downcast().unwrap(),
        (other, diagnostics) => panic!("{other:?} {diagnostics:?}"),
    }
}

#[test]
fn model_and_schema_have_the_same_attributes() {
    let names: Vec<&str> = schema().attributes.iter().map(|attribute| attribute.name).collect();
    assert_eq!(names, schema::ProviderModel::<Planned>::FIELDS);
}

#[test]
fn an_unknown_fleet_still_configures_and_names_the_argument() {
    let (configured, diagnostics) = configure(&provider(&[]), &config(&[("fleet_id", Value::unknown())]));
    assert!(diagnostics.is_empty());
    assert!(matches!(configured, Some(Configured::Unknown(paths)) if paths == [Path::attribute("fleet_id")]));
}

#[test]
fn endpoints_come_from_the_argument_then_from_either_variable() {
    let provider = provider(&[
        ("ALIBABA_CLOUD_ENDPOINT_ADCP", "http://127.0.0.1:1"),
        ("ADCP_ENDPOINT", "http://127.0.0.1:2"),
        ("STS_ENDPOINT", "http://127.0.0.1:3"),
    ]);
    let of = |clients: &Clients, product| clients.cloud.endpoints().resolve(product).unwrap().authority().to_owned();
    let from_environment = clients(&provider, &config(&[]));
    assert_eq!(of(&from_environment, Product::Adcp), "127.0.0.1:1");
    assert_eq!(of(&from_environment, Product::Sts), "127.0.0.1:3");
    let given = config(&[("endpoints", Value::map([("adcp", Value::string("127.0.0.1:9"))]))]);
    assert_eq!(of(&clients(&provider, &given), Product::Adcp), "127.0.0.1:9");
}

#[test]
fn several_mistakes_are_reported_together_each_at_its_argument() {
    let bad = config(&[
        ("access_key", Value::string("id")),
        ("region", Value::string("Not A Region")),
        ("endpoints", Value::map([("adcp", Value::string("http://example.com/path")), ("oss", Value::string("x"))])),
        ("max_retries", Value::int(99)),
        ("kubernetes", Value::map([("client_key", Value::string("k"))])),
    ]);
    let (configured, diagnostics) = configure(&provider(&[]), &bad);
    assert!(configured.is_none());
    let mut paths: Vec<String> = diagnostics.iter().filter_map(|d| d.path.as_ref().map(ToString::to_string)).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(
        paths,
        [
            "access_key",
            "endpoints",
            "endpoints[\"adcp\"]",
            "kubernetes",
            "kubernetes.client_key",
            "max_retries",
            "region"
        ]
    );
    assert!(
        diagnostics.iter().all(|d| d.path.as_ref().is_some_and(|path| !matches!(path.steps(), [Step::Index(_), ..])))
    );
}

#[test]
fn default_labels_and_annotations_are_ones_that_every_object_can_have() {
    let told = |name: &str, key: &str, text: &str| {
        let config = config(&[(name, Value::map([(key, Value::string(text))]))]);
        let told = provider(&[]).validate(&config);
        told.iter().map(|one| format!("{}: {}", one.path.as_ref().unwrap(), one.summary)).collect::<Vec<_>>()
    };
    assert_eq!(told("default_labels", "bad key", "x"), ["default_labels[\"bad key\"]: Invalid Metadata Key"]);
    assert_eq!(told("default_labels", "team", "not ok"), ["default_labels[\"team\"]: Invalid Label Value"]);
    let hash = "alb.ingress.kubernetes.io/hash";
    let at = format!("default_labels[\"{hash}\"]: Reserved Metadata Key");
    assert_eq!(told("default_labels", hash, "x"), [at], "the controller's");
    for key in ["alb.ingress.kubernetes.io/order", "kubernetes.io/ingress.class", "nginx.ingress.kubernetes.io/canary"]
    {
        let at = format!("default_annotations[\"{key}\"]: Setting Among Annotations");
        assert_eq!(told("default_annotations", key, "x"), [at]);
    }
    assert_eq!(told("default_annotations", "example.com/owner", "any text"), Vec::<String>::new());
    assert_eq!(told("default_labels", "team", "edge"), Vec::<String>::new());
}

#[test]
fn secrets_of_the_configuration_never_show() {
    let given = config(&[
        ("access_key", Value::string("id")),
        ("secret_key", Value::string("canary-secret")),
        ("security_token", Value::string("canary-token")),
        ("credentials_uri", Value::string("http://127.0.0.1:1/canary-path")),
        (
            "assume_role_with_oidc",
            Value::map([
                ("role_arn", Value::string("acs:ram::1:role/a")),
                ("oidc_provider_arn", Value::string("p")),
                ("oidc_token", Value::string("canary-oidc")),
            ]),
        ),
        ("fleet_id", Value::string("c1")),
        (
            "kubernetes",
            Value::map([("host", Value::string("https://127.0.0.1:1")), ("token", Value::string("canary-bearer"))]),
        ),
    ]);
    let clients = clients(&provider(&[]), &given);
    let model = schema::ProviderModel::<Planned>::from_value(&given).unwrap();
    let text = format!("{clients:?} {model:?}");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn the_user_agent_carries_what_the_environment_adds() {
    let variables = [("TF_APPEND_USER_AGENT".to_owned(), " module/1 \n".to_owned())].into();
    assert_eq!(
        configure::user_agent("0.1.0", "1.11.4", &variables),
        "terraform-provider-ackone/0.1.0 Terraform/1.11.4 module/1"
    );
}

#[test]
fn the_fleets_api_is_reached_through_the_environments_proxy_but_for_its_exclusions() {
    let proxies = |https: Option<&str>| crate::cloud::Proxies {
        https: https.map(str::to_owned),
        http: Some("http://plain.example:1".to_owned()),
        no_proxy: Some("10.0.0.0/8,.internal,fd00::1".to_owned()),
    };
    assert!(configure::proxy_choice(&proxies(None)).is_none(), "a proxy for plain HTTP is no proxy for the API");
    let choose = configure::proxy_choice(&proxies(Some("http://user:pw@proxy.example:3128"))).unwrap();
    for host in ["203.0.113.7", "fleet.example.com", "[2001:db8::1]", "2001:db8::1"] {
        assert_eq!(choose(host).as_deref(), Some("http://user:pw@proxy.example:3128"), "{host}");
    }
    for host in ["10.1.2.3", "api.internal", "[fd00::1]"] {
        assert_eq!(choose(host), None, "{host}");
    }
    let bare = configure::proxy_choice(&proxies(Some("proxy.example:3128"))).unwrap();
    assert_eq!(bare("203.0.113.7").as_deref(), Some("http://proxy.example:3128"));
}

#[test]
fn every_schema_keeps_the_rules_that_hosts_check_when_they_load_it() {
    let server = crate::protocol::server::Server::new(
        Arc::new(provider(&[])),
        crate::cancel::Cancel::new(),
        Arc::new(SystemClock),
    );
    assert_eq!(crate::protocol::tests::schema_rules::violations(&server), Vec::<String>::new());
}

/// The paths of the errors that a block makes with an environment.
fn refused(variables: &[(&str, &str)], entries: &[(&str, Value)]) -> Vec<(String, String)> {
    let (configured, diagnostics) = configure(&provider(variables), &config(entries));
    assert!(configured.is_none(), "{diagnostics:?}");
    let path = |d: &Diagnostic| d.path.as_ref().map(ToString::to_string).unwrap_or_default();
    diagnostics.iter().map(|d| (path(d), d.summary.to_string())).collect()
}

#[test]
fn the_environment_fills_in_a_written_role_and_makes_none() {
    let role = ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a");
    let nested = |fields: &[(&str, Value)]| Value::map(fields.iter().map(|(name, value)| (*name, value.clone())));
    let text = |entries: &[(&str, Value)], variables: &[(&str, &str)]| {
        format!("{:?}", clients(&provider(variables), &config(entries)).cloud)
    };
    assert!(!text(&[], &[role]).contains("RoleSource"), "a variable alone assumes no role on top of keys");
    let filled = text(
        &[("assume_role", nested(&[("external_id", Value::string("x1"))]))],
        &[role, ("ALICLOUD_ASSUME_ROLE_SESSION_NAME", "ci"), ("ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION", "900")],
    );
    for expected in ["RoleSource", "acs:ram::1:role/a", "\"ci\"", "session_seconds: Some(900)", "\"x1\""] {
        assert!(filled.contains(expected), "{expected} is not in {filled}");
    }
    let own = text(
        &[("assume_role", nested(&[("role_arn", Value::string("acs:ram::2:role/b"))]))],
        &[role, ("ALICLOUD_ASSUME_ROLE_ARN", "acs:ram::3:role/c")],
    );
    assert!(own.contains("acs:ram::2:role/b") && !own.contains("role/c"), "the argument comes first");
    let alias = text(&[("assume_role", nested(&[]))], &[role, ("ALICLOUD_ASSUME_ROLE_ARN", "acs:ram::3:role/c")]);
    assert!(alias.contains("acs:ram::3:role/c"), "{alias}");

    let one = |path: &str, summary: &str| vec![(path.to_owned(), summary.to_owned())];
    assert_eq!(refused(&[], &[("assume_role", nested(&[]))]), one("assume_role", "Role Missing"));
    let wrong = [("ALIBABA_CLOUD_ROLE_ARN", "terraform")];
    assert_eq!(refused(&wrong, &[("assume_role", nested(&[]))]), one("assume_role", "Invalid Role"));
    let seconds = [role, ("ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION", "60")];
    assert_eq!(refused(&seconds, &[("assume_role", nested(&[]))]), one("assume_role", "Invalid Session Length"));
    let oidc = refused(&[role], &[("assume_role_with_oidc", nested(&[]))]);
    assert_eq!(
        oidc,
        [one("assume_role_with_oidc", "Incomplete OIDC Role"), one("assume_role_with_oidc", "Incomplete OIDC Role")]
            .concat()
    );
    let elsewhere = [("ALIBABA_CLOUD_ECS_METADATA_ENDPOINT", "http://10.0.0.1")];
    assert_eq!(refused(&elsewhere, &[]), one("", "Invalid Endpoint"));
}

#[test]
fn an_empty_text_counts_as_not_set() {
    let nested = |fields: &[(&str, Value)]| Value::map(fields.iter().map(|(name, value)| (*name, value.clone())));
    let text = Value::string;
    let role = text("acs:ram::1:role/a");
    let entries = |role_fields: Value, oidc_fields: Value| {
        config(&[
            ("access_key", text("")),
            ("security_token", text("")),
            ("assume_role", role_fields),
            ("assume_role_with_oidc", oidc_fields),
        ])
    };
    let empty_role =
        nested(&[("role_arn", text("")), ("session_name", text("")), ("policy", text("")), ("external_id", text(""))]);
    let empty_oidc = nested(&[
        ("role_arn", text("")),
        ("role_session_name", text("")),
        ("policy", text("")),
        ("oidc_token", text("")),
        ("oidc_token_file", text("/token")),
        ("oidc_provider_arn", text("p")),
    ]);
    let provider = provider(&[("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a")]);
    let shown = format!("{:?}", clients(&provider, &entries(empty_role, empty_oidc)).cloud);
    assert!(shown.contains("RoleSource") && shown.contains("acs:ram::1:role/a"), "{shown}");

    let wrong = |entries: &[(&str, Value)]| refused(&[], entries).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(wrong(&[("access_key", text("id")), ("secret_key", text(""))]), ["access_key"]);
    let beside = [("access_key", text("")), ("secret_key", text("")), ("security_token", text("t"))];
    assert_eq!(wrong(&beside), ["security_token"]);
    let tokens = nested(&[
        ("role_arn", role),
        ("oidc_provider_arn", text("p")),
        ("oidc_token", text("t")),
        ("oidc_token_file", text("/token")),
    ]);
    assert_eq!(wrong(&[("assume_role_with_oidc", tokens)]), ["assume_role_with_oidc.oidc_token"]);
}

#[test]
fn the_guide_names_every_variable_that_is_read() {
    let guide = include_str!("../../docs/guides/credentials.md");
    let ours = crate::cloud::Environment::variables();
    let missing: Vec<&str> =
        ours.into_iter().filter(|name| !["HOME", "USERPROFILE"].contains(name) && !guide.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
