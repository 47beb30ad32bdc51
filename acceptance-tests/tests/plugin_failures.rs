//! What a host gets for requests that no well-behaved host sends. A user sees a gRPC status as "Plugin error" without a
//! place, and after a create it loses the object: every failure has to be a diagnostic.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::host::{Connection, Launch, Plugin};
use tfplugin_proto::tfplugin6::diagnostic::Severity;
use tfplugin_proto::tfplugin6::provider_client::ProviderClient;
use tfplugin_proto::tfplugin6::*;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// MessagePack that ends too early, announces more than it holds, or uses the one byte without a meaning.
const UNDECODABLE: [&[u8]; 4] = [&[0xc1], &[0x81], &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0xdb, 0xff, 0xff, 0xff, 0xff]];

/// A type name of ours that means nothing.
const UNKNOWN: &str = "ackone_no_such_thing";

async fn start() -> (Plugin, Connection) {
    let plugin = Launch::provider().unwrap().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    (plugin, connection)
}

fn value(msgpack: &[u8]) -> Option<DynamicValue> {
    Some(DynamicValue { msgpack: msgpack.to_vec(), json: Vec::new() })
}

fn raw(json: &str) -> Option<RawState> {
    Some(RawState { json: json.as_bytes().to_vec(), flatmap: Default::default() })
}

/// The name of a call and what came back: errors as the user would read them, or the status of a broken call.
type Outcome = (&'static str, Result<Vec<String>, Status>);

fn errors(diagnostics: Vec<Diagnostic>) -> Vec<String> {
    diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity() == Severity::Error)
        .map(|diagnostic| format!("{}: {}", diagnostic.summary, diagnostic.detail))
        .collect()
}

/// Makes one call, of an empty request or of one with some fields, and keeps its errors.
macro_rules! call {
    ($client:expr, $method:ident) => {{
        let answer = $client.clone().$method($method::Request::default()).await;
        (stringify!($method), answer.map(|answer| errors(answer.into_inner().diagnostics)))
    }};
    ($client:expr, $method:ident, { $($field:ident: $value:expr),+ $(,)? }) => {{
        let mut request = $method::Request::default();
        $(request.$field = $value;)+
        let answer = $client.clone().$method(request).await;
        (stringify!($method), answer.map(|answer| errors(answer.into_inner().diagnostics)))
    }};
}

/// Every call that names a type, with a type nobody serves and the given bytes as every value.
async fn calls_of_a_type(client: &ProviderClient<Channel>, name: &str, bytes: &[u8]) -> Vec<Outcome> {
    let name = || name.to_owned();
    let mut outcomes = vec![
        call!(client, validate_resource_config, { type_name: name(), config: value(bytes) }),
        call!(client, validate_data_resource_config, { type_name: name(), config: value(bytes) }),
        call!(client, validate_ephemeral_resource_config, { type_name: name(), config: value(bytes) }),
        call!(client, validate_list_resource_config, { type_name: name(), config: value(bytes) }),
        call!(client, validate_action_config, { type_name: name(), config: value(bytes) }),
        call!(client, upgrade_resource_state, { type_name: name(), raw_state: raw("{}") }),
        call!(client, upgrade_resource_identity, { type_name: name(), raw_identity: raw("{}") }),
        call!(client, read_resource, { type_name: name(), current_state: value(bytes) }),
        call!(client, plan_resource_change, {
            type_name: name(),
            prior_state: value(bytes),
            proposed_new_state: value(bytes),
            config: value(bytes),
        }),
        call!(client, apply_resource_change, {
            type_name: name(),
            prior_state: value(bytes),
            planned_state: value(bytes),
            config: value(bytes),
        }),
        call!(client, import_resource_state, { type_name: name(), id: "x".to_owned() }),
        call!(client, move_resource_state, { target_type_name: name(), source_state: raw("{}") }),
        call!(client, generate_resource_config, { type_name: name(), state: value(bytes) }),
        call!(client, read_data_source, { type_name: name(), config: value(bytes) }),
        call!(client, open_ephemeral_resource, { type_name: name(), config: value(bytes) }),
        call!(client, renew_ephemeral_resource, { type_name: name() }),
        call!(client, close_ephemeral_resource, { type_name: name() }),
        call!(client, plan_action, { action_type: name(), config: value(bytes) }),
    ];
    outcomes.push(("list_resource", list(client, name(), bytes).await));
    outcomes.push(("invoke_action", invoke(client, name(), bytes).await));
    outcomes.push(("call_function", function(client, name(), bytes).await));
    outcomes
}

async fn list(client: &ProviderClient<Channel>, name: String, bytes: &[u8]) -> Result<Vec<String>, Status> {
    let request = list_resource::Request { type_name: name, config: value(bytes), ..Default::default() };
    let mut events = client.clone().list_resource(request).await?.into_inner();
    let mut seen = Vec::new();
    while let Some(event) = events.message().await? {
        seen.extend(errors(event.diagnostic));
    }
    Ok(seen)
}

async fn invoke(client: &ProviderClient<Channel>, name: String, bytes: &[u8]) -> Result<Vec<String>, Status> {
    let request = invoke_action::Request { action_type: name, config: value(bytes), ..Default::default() };
    let mut events = client.clone().invoke_action(request).await?.into_inner();
    let mut seen = Vec::new();
    while let Some(event) = events.message().await? {
        if let Some(invoke_action::event::Type::Completed(completed)) = event.r#type {
            seen.extend(errors(completed.diagnostics));
        }
    }
    Ok(seen)
}

async fn function(client: &ProviderClient<Channel>, name: String, bytes: &[u8]) -> Result<Vec<String>, Status> {
    let request = call_function::Request { name, arguments: value(bytes).into_iter().collect() };
    let answer = client.clone().call_function(request).await?.into_inner();
    Ok(answer.error.map(|error| error.text).into_iter().collect())
}

#[track_caller]
fn assert_diagnosed(case: &str, (call, outcome): &Outcome) {
    let diagnosed = outcome.as_ref().is_ok_and(|errors| !errors.is_empty());
    assert!(diagnosed, "{case}, {call}: {outcome:?} holds no error diagnostic");
}

#[tokio::test]
async fn an_unknown_type_is_an_error_diagnostic_that_names_it_in_every_call() {
    let (_plugin, connection) = start().await;
    for outcome in calls_of_a_type(&connection.provider(), UNKNOWN, &[0xc0]).await {
        assert_diagnosed("null", &outcome);
        let (call, errors) = outcome;
        let errors = errors.unwrap();
        assert!(errors.iter().any(|error| error.contains(UNKNOWN)), "{call}: {errors:?}");
    }
}

#[tokio::test]
async fn bytes_nobody_can_decode_are_an_error_diagnostic() {
    let (plugin, connection) = start().await;
    let client = connection.provider();
    let served = client.clone().get_metadata(get_metadata::Request {}).await.unwrap().into_inner();
    for bytes in UNDECODABLE {
        let case = format!("{bytes:x?}");
        assert_diagnosed(&case, &call!(client, validate_provider_config, { config: value(bytes) }));
        assert_diagnosed(&case, &call!(client, configure_provider, { config: value(bytes) }));
        for resource in &served.resources {
            let name = || resource.type_name.clone();
            let case = format!("{case}, {}", name());
            for outcome in [
                call!(client, validate_resource_config, { type_name: name(), config: value(bytes) }),
                call!(client, read_resource, { type_name: name(), current_state: value(bytes) }),
                call!(client, plan_resource_change, {
                    type_name: name(),
                    prior_state: value(bytes),
                    proposed_new_state: value(bytes),
                    config: value(bytes),
                }),
                call!(client, apply_resource_change, {
                    type_name: name(),
                    prior_state: value(bytes),
                    planned_state: value(bytes),
                    config: value(bytes),
                }),
            ] {
                assert_diagnosed(&case, &outcome);
            }
        }
        for data_source in &served.data_sources {
            let name = || data_source.type_name.clone();
            let case = format!("{case}, {}", name());
            let config = || value(bytes);
            let validated = call!(client, validate_data_resource_config, { type_name: name(), config: config() });
            assert_diagnosed(&case, &validated);
            let read = call!(client, read_data_source, { type_name: name(), config: config() });
            assert_diagnosed(&case, &read);
        }
    }
    assert_eq!(plugin.stderr(), "", "a panic was caught, but it was one");
}

#[tokio::test]
async fn an_import_before_the_provider_is_configured_is_an_error_diagnostic() {
    let (plugin, connection) = start().await;
    let client = connection.provider();
    let served = client.clone().get_metadata(get_metadata::Request {}).await.unwrap().into_inner();
    for resource in served.resources {
        let name = resource.type_name;
        let import = call!(client, import_resource_state, { type_name: name.clone(), id: "x".to_owned() });
        assert_diagnosed(&name, &import);
    }
    assert_eq!(plugin.stderr(), "", "a panic was caught, but it was one");
}

#[tokio::test]
async fn requests_without_any_field_are_error_diagnostics() {
    let (plugin, connection) = start().await;
    let client = connection.provider();
    for outcome in [
        call!(client, validate_resource_config),
        call!(client, validate_data_resource_config),
        call!(client, upgrade_resource_state),
        call!(client, read_resource),
        call!(client, plan_resource_change),
        call!(client, apply_resource_change),
        call!(client, import_resource_state),
        call!(client, move_resource_state),
        call!(client, read_data_source),
    ] {
        assert_diagnosed("empty", &outcome);
    }
    assert_eq!(plugin.stderr(), "");
}

#[tokio::test]
async fn only_state_stores_are_unimplemented() {
    let (_plugin, connection) = start().await;
    let client = connection.provider();
    let configured = client.clone().configure_state_store(configure_state_store::Request::default()).await;
    assert_eq!(configured.unwrap_err().code(), Code::Unimplemented);
    let states = client.clone().get_states(get_states::Request::default()).await;
    assert_eq!(states.unwrap_err().code(), Code::Unimplemented);
    assert!(client.clone().get_metadata(get_metadata::Request {}).await.is_ok());
    assert!(client.clone().get_provider_schema(get_provider_schema::Request {}).await.is_ok());
    assert!(client.clone().get_resource_identity_schemas(get_resource_identity_schemas::Request {}).await.is_ok());
    assert!(client.clone().get_functions(get_functions::Request {}).await.is_ok());
    assert!(client.clone().stop_provider(stop_provider::Request {}).await.is_ok());
}

#[tokio::test]
async fn calls_of_all_kinds_at_once_get_the_answers_they_get_alone() {
    let (_plugin, connection) = start().await;
    let client = connection.provider();
    let alone = texts(calls_of_a_type(&client, UNKNOWN, &[0xc0]).await);
    let rounds: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { texts(calls_of_a_type(&client, UNKNOWN, &[0xc0]).await) })
        })
        .collect();
    for round in rounds {
        assert_eq!(round.await.unwrap(), alone);
    }
}

fn texts(outcomes: Vec<Outcome>) -> Vec<(&'static str, Vec<String>)> {
    outcomes.into_iter().map(|(call, outcome)| (call, outcome.unwrap())).collect()
}
