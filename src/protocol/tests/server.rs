//! Every RPC of the server, called as the generated service trait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use prost::Message;
use tfplugin_proto::tfplugin6::provider_server::Provider as Service;
use tfplugin_proto::tfplugin6::{self as proto, DynamicValue, RawState};
use tonic::{Code, Request};

use super::host::{Host, THING, TestProvider, capabilities, facts_schema, named, packed, summaries};
use super::schema_rules::violations;
use crate::cancel::Cancel;
use crate::clock::SystemClock;
use crate::framework::schema::Attribute;
use crate::framework::tests::everything::Fault;
use crate::framework::types::Type;
use crate::framework::value::{Refinements, Value};
use crate::protocol::dynamic_value::decode;
use crate::protocol::server::Server;

#[test]
fn the_schema_keeps_every_rule_of_the_host() {
    assert_eq!(violations(&Host::new().server), Vec::<String>::new());
}

#[test]
fn the_schema_checker_finds_violations() {
    let mut schema = facts_schema();
    schema.version = -1;
    schema.attributes.push(Attribute::string("count", "").write_only().computed());
    schema.attributes.push(Attribute::value("name", Type::set(Type::Dynamic), "Again."));
    let provider = TestProvider {
        schema,
        resources: Vec::new(),
        data_sources: Vec::new(),
        functions: Vec::new(),
        worlds: Mutex::new(Vec::new()),
    };
    let server = Server::new(Arc::new(provider), Cancel::new(), Arc::new(SystemClock));
    let found = violations(&server);
    for wrong in [
        "provider: version below 0",
        "provider.count: reserved name",
        "provider.count: no description",
        "provider.count: write-only where that cannot be",
        "provider: an attribute name occurs twice",
        "provider.name: a dynamic type in a set",
    ] {
        assert!(found.iter().any(|line| line == wrong), "{wrong} not in {found:#?}");
    }
}

#[tokio::test]
async fn the_schema_answer_is_the_same_each_time_and_says_what_the_declaration_says() {
    let host = Host::new();
    let answer =
        || async { host.server.get_provider_schema(Request::new(Default::default())).await.unwrap().into_inner() };
    let first = answer().await;
    assert_eq!(first.encode_to_vec(), answer().await.encode_to_vec());
    let flags = first.server_capabilities.unwrap();
    assert!(flags.plan_destroy && flags.get_provider_schema_optional);
    assert!(!flags.move_resource_state && !flags.generate_resource_config);
    let thing = first.resource_schemas.get(THING).unwrap();
    assert_eq!(thing.version, 2);
    let block = thing.block.as_ref().unwrap();
    assert_eq!(block.description_kind, proto::StringKind::Markdown as i32);
    let attribute = |name: &str| block.attributes.iter().find(|attribute| attribute.name == name).unwrap();
    assert_eq!(attribute("zones").r#type, br#"["set","string"]"#);
    let flags = |name: &str| (attribute(name).required, attribute(name).optional, attribute(name).computed);
    assert_eq!(flags("name"), (true, false, false));
    assert_eq!(flags("title"), (false, true, false));
    assert_eq!(flags("size"), (false, true, true));
    assert_eq!(flags("id"), (false, false, true));
    assert!(attribute("secret_wo").write_only && attribute("secret_wo").sensitive);
    let listeners = attribute("listeners").nested_type.as_ref().unwrap();
    assert_eq!(listeners.nesting, proto::schema::object::NestingMode::Map as i32);
    assert!(attribute("listeners").r#type.is_empty() && listeners.attributes.len() == 2);
    let identities = host.server.get_resource_identity_schemas(Request::new(Default::default())).await.unwrap();
    let identity = identities.into_inner().identity_schemas.remove(THING).unwrap();
    let flags: Vec<_> = identity
        .identity_attributes
        .iter()
        .map(|attribute| (attribute.name.as_str(), attribute.required_for_import, attribute.optional_for_import))
        .collect();
    assert_eq!(flags, [("id", false, true), ("name", true, false)]);
}

#[tokio::test]
async fn an_object_lives_through_create_refresh_update_replacement_and_delete() {
    let host = Host::configured().await;
    let config = host.config(&[("secret_wo", Value::string("s3cret"))]);
    let planned = host.plan(&config, &Value::Null, &[]).await;
    assert_eq!((summaries(&planned.diagnostics), &planned.planned_identity), (vec![], &None), "nothing is known of it");
    assert!(host.unpacked(planned.planned_state.as_ref()).attr("id").is_unknown());

    let created = host.apply(&config, &Value::Null).await;
    assert_eq!(summaries(&created.diagnostics), Vec::<&str>::new());
    assert!(created.new_identity.is_some() && !created.private.is_empty());
    let state = host.unpacked(created.new_state.as_ref());

    let read = host.read(created.new_state.clone(), &created.private, created.new_identity.clone(), false).await;
    assert_eq!((&read.new_state, &read.private), (&created.new_state, &created.private));
    assert_eq!((&read.new_identity, &read.deferred), (&created.new_identity, &None));

    let resting = host.plan(&config, &state, &read.private).await;
    assert_eq!(resting.planned_state, created.new_state, "nothing to do");
    assert!(resting.requires_replace.is_empty() && resting.planned_identity.is_some());

    let grown = host.config(&[("size", Value::int(9))]);
    let updated = host.apply(&grown, &state).await;
    assert_eq!(host.unpacked(updated.new_state.as_ref()).attr("size"), Value::int(9));

    let renamed = host.plan(&host.config(&[("name", Value::string("b"))]), &state, &read.private).await;
    let path = &renamed.requires_replace[0].steps[0].selector;
    use proto::attribute_path::step::Selector;
    assert_eq!(path, &Some(Selector::AttributeName("name".to_owned())));

    let request = proto::plan_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: created.new_state.clone(),
        prior_private: created.private.clone(),
        ..proto::plan_resource_change::Request::default()
    };
    let deletion = host.server.plan_resource_change(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(deletion.planned_state.unwrap().msgpack, [0xc0]);
    assert_eq!(deletion.planned_private, created.private);
    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: created.new_state.clone(),
        planned_private: created.private.clone(),
        ..proto::apply_resource_change::Request::default()
    };
    let deleted = host.server.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
    assert_eq!((deleted.new_state.unwrap().msgpack, deleted.new_identity), (vec![0xc0], None));

    let gone = host.read(created.new_state, &created.private, created.new_identity, false).await;
    assert_eq!((gone.new_state.unwrap().msgpack, gone.new_identity), (vec![0xc0], None));
    assert!(gone.diagnostics.is_empty());
}

#[tokio::test]
async fn a_planned_unknown_keeps_the_promises_of_the_configuration() {
    let host = Host::configured().await;
    let promise = Refinements { null: Some(false), prefix: Some("pre-".to_owned()), ..Refinements::default() };
    let title = Value::refined(promise);
    let planned = host.plan(&host.config(&[("title", title.clone())]), &Value::Null, &[]).await;
    assert_eq!(host.unpacked(planned.planned_state.as_ref()).attr("title"), title);
}

#[tokio::test]
async fn a_failed_refresh_keeps_private_data_and_identity() {
    let host = Host::configured().await;
    let created = host.apply(&host.config(&[]), &Value::Null).await;
    for fault in [Fault::ErrorBefore, Fault::PanicBefore] {
        host.fails(fault);
        let read = host.read(created.new_state.clone(), &created.private, created.new_identity.clone(), false).await;
        assert_eq!(read.diagnostics.len(), 1, "{fault:?}");
        assert_eq!((&read.new_state, &read.private), (&created.new_state, &created.private), "{fault:?}");
        assert_eq!(read.new_identity, created.new_identity, "{fault:?}");
    }
}

#[tokio::test]
async fn an_object_is_imported_by_id_and_by_identity() {
    let host = Host::configured().await;
    host.apply(&host.config(&[]), &Value::Null).await;
    for (id, identity) in [("a", None), ("", named("a"))] {
        let request = proto::import_resource_state::Request {
            type_name: THING.to_owned(),
            id: id.to_owned(),
            client_capabilities: capabilities(false),
            identity,
        };
        let mut imported = host.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
        let imported = imported.imported_resources.pop().unwrap();
        assert_eq!(imported.type_name, THING);
        assert!(imported.identity.is_some());
        let read = host.read(imported.state, &imported.private, imported.identity, false).await;
        let state = host.unpacked(read.new_state.as_ref());
        let resting = host.plan(&host.config(&[]), &state, &read.private).await;
        assert_eq!(host.unpacked(resting.planned_state.as_ref()), state);
    }
    let request = proto::import_resource_state::Request { type_name: THING.to_owned(), ..Default::default() };
    let refused = host.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
    assert_eq!((refused.imported_resources.len(), summaries(&refused.diagnostics)), (0, vec!["Thing Not Made"]));
}

#[tokio::test]
async fn state_is_upgraded_offline_and_leniently() {
    let host = Host::new();
    let json = r#"{ "name": "a", "label": "x", "size": "4", "unheard_of": [1] }"#;
    let from_zero = host.upgrade(0, json).await;
    let state = host.unpacked(from_zero.upgraded_state.as_ref());
    assert_eq!((state.attr("title"), state.attr("size")), (Value::string("x"), Value::int(4)));
    assert_eq!(state.attr("adopt"), Value::Bool(false), "local settings have their defaults");
    let current = r#"{"name":"a","size":123456789012345678901234567890,"unheard_of":1,"secret_wo":"s3cret"}"#;
    let same = host.unpacked(host.upgrade(2, current).await.upgraded_state.as_ref());
    assert_eq!(same.attr("size"), Value::Number("123456789012345678901234567890".parse().unwrap()));
    assert_eq!((same.attr("rules"), same.attr("secret_wo")), (Value::Null, Value::Null));
    for (version, json, summary) in [
        (3, "{}", "Unknown State Version"),
        (-1, "{}", "Unknown State Version"),
        (2, "{", "Undecodable State"),
        (1, "[", "Undecodable State"),
        (2, r#"{"rules":1}"#, "Undecodable State"),
        (2, "", "Missing State"),
    ] {
        assert_eq!(summaries(&host.upgrade(version, json).await.diagnostics), [summary], "{version} {json}");
    }
    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version: 2,
        raw_state: Some(RawState { flatmap: [("id".to_owned(), "x".to_owned())].into(), ..RawState::default() }),
    };
    let flat = host.server.upgrade_resource_state(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&flat.diagnostics), ["Unsupported State Format"]);
}

#[tokio::test]
async fn a_stored_identity_comes_back() {
    let host = Host::new();
    let upgrade = |version, json: &str| {
        let raw_identity = Some(RawState { json: json.as_bytes().to_vec(), ..RawState::default() });
        proto::upgrade_resource_identity::Request { type_name: THING.to_owned(), version, raw_identity }
    };
    let request = upgrade(0, r#"{"name":"a","more":1}"#);
    let answer = host.server.upgrade_resource_identity(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.upgraded_identity, named("a"));
    let request = upgrade(1, "{}");
    let answer = host.server.upgrade_resource_identity(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unknown Identity Version"]);
}

#[tokio::test]
async fn while_the_provider_configuration_is_unknown_plans_work_and_reads_wait() {
    let host = Host::half_configured().await;
    let config = host.config(&[]);
    let planned = host.plan(&config, &Value::Null, &[]).await;
    assert!(planned.diagnostics.is_empty() && planned.planned_state.is_some() && planned.deferred.is_none());

    let state = packed(&host.ty, &config);
    let kept = host.read(state.clone(), b"private", named("a"), false).await;
    assert_eq!(summaries(&kept.diagnostics), ["Provider Configuration Unknown"]);
    assert_eq!(kept.diagnostics[0].severity, proto::diagnostic::Severity::Warning as i32);
    assert!(kept.diagnostics[0].detail.contains("because region in"), "{}", kept.diagnostics[0].detail);
    let deferred = host.read(state.clone(), b"private", named("a"), true).await;
    assert!(deferred.diagnostics.is_empty());
    for read in [&kept, &deferred] {
        assert_eq!((&read.new_state, &read.new_identity), (&state, &named("a")));
        assert_eq!(read.private, b"private");
    }
    let reason = proto::deferred::Reason::ProviderConfigUnknown as i32;
    assert_eq!((kept.deferred, deferred.deferred.map(|deferred| deferred.reason)), (None, Some(reason)));

    let refused = host.read_data("test_facts", false).await;
    assert_eq!(summaries(&refused.diagnostics), ["Provider Configuration Unknown"]);
    assert!(refused.state.is_none() && refused.diagnostics[0].detail.contains("region"));
    let deferred = host.read_data("test_facts", true).await;
    assert_eq!(deferred.deferred.map(|deferred| deferred.reason), Some(reason));
    assert!(host.read_data("test_constant", true).await.state.is_some(), "it needs no clients");

    let applied = host.apply(&config, &Value::Null).await;
    assert_eq!(summaries(&applied.diagnostics), ["Provider Configuration Unknown"]);
}

#[tokio::test]
async fn calls_before_configuring_answer_diagnostics_but_offline_work_is_done() {
    let host = Host::new();
    let not_configured = ["Provider Not Configured"];
    let config = host.config(&[]);
    assert_eq!(summaries(&host.plan(&config, &Value::Null, &[]).await.diagnostics), not_configured);
    assert_eq!(summaries(&host.apply(&config, &Value::Null).await.diagnostics), not_configured);
    assert_eq!(summaries(&host.read(packed(&host.ty, &config), &[], None, true).await.diagnostics), not_configured);
    assert_eq!(summaries(&host.read_data("test_facts", true).await.diagnostics), not_configured);
    let request = proto::import_resource_state::Request { type_name: THING.to_owned(), ..Default::default() };
    let import = host.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&import.diagnostics), not_configured);
    assert_eq!(host.validate(packed(&host.ty, &config), true).await, []);
    assert!(host.read_data("test_constant", false).await.state.is_some());
}

#[tokio::test]
async fn a_second_configuration_replaces_the_first_and_a_failed_one_removes_it() {
    let host = Host::configured().await;
    host.apply(&host.config(&[]), &Value::Null).await;
    let count = |answer: proto::read_data_source::Response| {
        decode(&answer.state.unwrap().msgpack, &[], &facts_schema().ty()).unwrap().attr("count_of_things")
    };
    assert_eq!(count(host.read_data("test_facts", false).await), Value::int(1));
    host.configure(Value::string("cn-2")).await;
    assert_eq!(count(host.read_data("test_facts", false).await), Value::int(0), "another world");
    for region in [Value::Null, Value::string("panic")] {
        let failed = host.configure(region).await;
        assert_eq!(failed.len(), 1);
        let refused = host.read_data("test_facts", false).await;
        assert_eq!(summaries(&refused.diagnostics), ["Provider Not Configured"]);
    }
}

#[tokio::test]
async fn the_provider_configuration_is_checked() {
    let host = Host::new();
    let request = proto::validate_provider_config::Request { config: host.region(Value::string("nowhere")) };
    let answer = host.server.validate_provider_config(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unknown Region"]);
    assert!(answer.diagnostics[0].attribute.is_some());
}

#[tokio::test]
async fn validation_names_the_argument_and_the_missing_feature_of_the_host() {
    let host = Host::new();
    let config = host.config(&[("size", Value::int(0)), ("secret_wo", Value::string("s3cret"))]);
    let found = host.validate(packed(&host.ty, &config), false).await;
    assert_eq!(summaries(&found), ["Invalid Number", "Write-Only Attribute Not Supported"]);
    assert!(found.iter().all(|message| message.attribute.is_some() && !message.detail.contains("s3cret")));
    let found = host.validate(packed(&host.ty, &config), true).await;
    assert_eq!(summaries(&found), ["Invalid Number"]);
}

#[tokio::test]
async fn a_plan_that_changes_something_is_checked_against_the_world() {
    let host = Host::configured().await;
    *host.world().warning.lock().unwrap() = Some("quota used up".to_owned());
    let config = host.config(&[]);
    let planned = host.plan(&config, &Value::Null, &[]).await;
    assert_eq!((summaries(&planned.diagnostics), planned.planned_state.is_some()), (vec!["World Says"], true));
    let created = host.apply(&config, &Value::Null).await;
    let checks = *host.world().checks.lock().unwrap();
    let state = host.unpacked(created.new_state.as_ref());
    assert!(host.plan(&config, &state, &created.private).await.diagnostics.is_empty());
    assert_eq!(*host.world().checks.lock().unwrap(), checks, "a plan without changes asks nothing");
    let local = host.config(&[("adopt", Value::Bool(true))]);
    let planned = host.plan(&local, &state, &created.private).await;
    assert_ne!(host.unpacked(planned.planned_state.as_ref()), state);
    assert!(planned.diagnostics.is_empty());
    assert_eq!(*host.world().checks.lock().unwrap(), checks, "nor does one that changes a setting of ours only");
}

#[tokio::test]
async fn a_check_that_hangs_panics_or_is_interrupted_leaves_the_plan_as_it_is() {
    let mut host = Host::configured().await;
    let config = host.config(&[]);
    let plain = host.plan(&config, &Value::Null, &[]).await.planned_state;
    host.fails(Fault::Hangs);
    host.server.cross_check_deadline = Duration::from_millis(20);
    let hung = host.plan(&config, &Value::Null, &[]).await;
    assert_eq!((&hung.planned_state, hung.diagnostics.len()), (&plain, 0));
    host.fails(Fault::PanicBefore);
    let panicked = host.plan(&config, &Value::Null, &[]).await;
    assert_eq!((&panicked.planned_state, summaries(&panicked.diagnostics)), (&plain, vec!["Plan Not Checked"]));
    host.fails(Fault::Hangs);
    host.server.cross_check_deadline = Duration::from_secs(3600);
    host.server.stop_provider(Request::new(Default::default())).await.unwrap();
    let stopped = host.plan(&config, &Value::Null, &[]).await;
    assert_eq!((&stopped.planned_state, stopped.diagnostics.len()), (&plain, 0));
}

#[tokio::test]
async fn stopping_ends_a_waiting_create_with_the_object_in_state() {
    let host = Arc::new(Host::configured().await);
    host.fails(Fault::WaitsAfterCheckpoint);
    let waiting = tokio::spawn({
        let host = host.clone();
        async move { host.apply(&host.config(&[]), &Value::Null).await }
    });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while host.world().things.lock().unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nothing was created");
        tokio::task::yield_now().await;
    }
    let stopped = host.server.stop_provider(Request::new(Default::default())).await.unwrap().into_inner();
    assert_eq!(stopped.error, "");
    let answer = waiting.await.unwrap();
    assert_eq!(answer.diagnostics[0].severity, proto::diagnostic::Severity::Warning as i32, "nothing is tainted");
    assert_eq!(host.unpacked(answer.new_state.as_ref()).attr("id"), Value::string("thing-1"));
    // A debugged process serves the next command as if nothing had been.
    host.configure(Value::string("cn")).await;
    assert!(!host.server.context().cancel.is_cancelled());
}

#[tokio::test]
async fn unknown_names_answer_diagnostics_in_every_family() {
    let host = Host::configured().await;
    let server = &host.server;
    let name = || "test_other".to_owned();
    macro_rules! refused {
        ($method:ident, $message:ident, $field:ident, $summary:literal) => {
            let request = proto::$message::Request { $field: name(), ..Default::default() };
            let answer = server.$method(Request::new(request)).await.unwrap().into_inner();
            assert_eq!(summaries(&answer.diagnostics), [concat!("Unsupported ", $summary)], stringify!($method));
            assert!(answer.diagnostics[0].detail.contains("test_other"));
        };
    }
    refused!(validate_resource_config, validate_resource_config, type_name, "Resource Type");
    refused!(upgrade_resource_state, upgrade_resource_state, type_name, "Resource Type");
    refused!(upgrade_resource_identity, upgrade_resource_identity, type_name, "Resource Type");
    refused!(read_resource, read_resource, type_name, "Resource Type");
    refused!(plan_resource_change, plan_resource_change, type_name, "Resource Type");
    refused!(apply_resource_change, apply_resource_change, type_name, "Resource Type");
    refused!(import_resource_state, import_resource_state, type_name, "Resource Type");
    refused!(move_resource_state, move_resource_state, target_type_name, "Resource Type");
    refused!(generate_resource_config, generate_resource_config, type_name, "Resource Type");
    refused!(validate_data_resource_config, validate_data_resource_config, type_name, "Data Source Type");
    refused!(read_data_source, read_data_source, type_name, "Data Source Type");
    refused!(
        validate_ephemeral_resource_config,
        validate_ephemeral_resource_config,
        type_name,
        "Ephemeral Resource Type"
    );
    refused!(open_ephemeral_resource, open_ephemeral_resource, type_name, "Ephemeral Resource Type");
    refused!(renew_ephemeral_resource, renew_ephemeral_resource, type_name, "Ephemeral Resource Type");
    refused!(close_ephemeral_resource, close_ephemeral_resource, type_name, "Ephemeral Resource Type");
    refused!(validate_list_resource_config, validate_list_resource_config, type_name, "List Resource Type");
    refused!(validate_action_config, validate_action_config, type_name, "Action Type");
    refused!(plan_action, plan_action, action_type, "Action Type");

    let request = proto::call_function::Request { name: name(), arguments: Vec::new() };
    let answer = server.call_function(Request::new(request)).await.unwrap().into_inner();
    assert!(answer.error.unwrap().text.starts_with("Unsupported Function: "));
    let request = proto::list_resource::Request { type_name: name(), ..Default::default() };
    let events: Vec<_> = server.list_resource(Request::new(request)).await.unwrap().into_inner().collect().await;
    assert_eq!(summaries(&events[0].as_ref().unwrap().diagnostic), ["Unsupported List Resource Type"]);
    assert_eq!(events.len(), 1);
    let request = proto::invoke_action::Request { action_type: name(), ..Default::default() };
    let events: Vec<_> = server.invoke_action(Request::new(request)).await.unwrap().into_inner().collect().await;
    let Some(proto::invoke_action::event::Type::Completed(completed)) = &events[0].as_ref().unwrap().r#type else {
        panic!("an action ends with its completion");
    };
    assert_eq!((summaries(&completed.diagnostics), events.len()), (vec!["Unsupported Action Type"], 1));
}

#[tokio::test]
async fn moves_and_generated_configuration_are_refused_with_words() {
    let host = Host::new();
    let request = proto::move_resource_state::Request {
        source_provider_address: "registry.terraform.io/x/y".to_owned(),
        source_type_name: "y_z".to_owned(),
        target_type_name: THING.to_owned(),
        ..Default::default()
    };
    let answer = host.server.move_resource_state(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unsupported Move Source"]);
    let request = proto::generate_resource_config::Request { type_name: THING.to_owned(), state: None };
    let answer = host.server.generate_resource_config(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unsupported Configuration Generation"]);
}

#[tokio::test]
async fn state_stores_are_unimplemented() {
    let host = Host::new();
    let status = host.server.get_states(Request::new(Default::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let status = host.server.validate_state_store_config(Request::new(Default::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn undecodable_bytes_answer_diagnostics_that_name_the_place_and_no_value() {
    let host = Host::configured().await;
    let mut state = Type::Object([("name".to_owned(), Type::Number)].into());
    if let (Type::Object(wrong), Type::Object(right)) = (&mut state, &host.ty) {
        right
            .iter()
            .filter(|(name, _)| *name != "name")
            .for_each(|(name, ty)| drop(wrong.insert(name.clone(), ty.clone())));
    }
    let mut config = host.config(&[("secret_wo", Value::string("s3cret"))]);
    config.set("name", Value::int(4711));
    let wrong = packed(&state, &config);
    let found = host.validate(wrong.clone(), true).await;
    assert_eq!(summaries(&found), ["Undecodable Value"]);
    assert!(found[0].detail.contains("name: a string is required"), "{}", found[0].detail);
    assert!(!found[0].detail.contains("s3cret") && !found[0].detail.contains("4711"));
    let garbage = || Some(DynamicValue { msgpack: vec![0xc1, 0xff], json: Vec::new() });
    assert_eq!(summaries(&host.validate(garbage(), true).await), ["Undecodable Value"]);
    assert_eq!(summaries(&host.read(garbage(), &[], None, false).await.diagnostics), ["Undecodable Value"]);
    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        planned_state: garbage(),
        ..Default::default()
    };
    let answer = host.server.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
    assert_eq!((summaries(&answer.diagnostics), answer.new_state), (vec!["Undecodable Value"], None));
}

#[tokio::test]
async fn a_data_source_answers_and_its_panic_is_a_diagnostic() {
    let host = Host::configured().await;
    let answer = host.read_data("test_facts", false).await;
    let state = decode(&answer.state.unwrap().msgpack, &[], &facts_schema().ty()).unwrap();
    assert_eq!(state, Value::map([("name", Value::string("a")), ("count_of_things", Value::int(0))]));
    assert_eq!(summaries(&answer.diagnostics), ["Read Once"]);
    host.fails(Fault::PanicBefore);
    let answer = host.read_data("test_facts", false).await;
    assert_eq!((answer.state, summaries(&answer.diagnostics)), (None, vec!["Read Once", "Provider Panic"]));
}

#[tokio::test]
async fn a_value_of_ten_mebibytes_goes_through() {
    let host = Host::configured().await;
    let title = "x".repeat(10 << 20);
    let config = host.config(&[("title", Value::string(title.as_str()))]);
    let created = host.apply(&config, &Value::Null).await;
    assert_eq!(host.unpacked(created.new_state.as_ref()).attr("title"), Value::String(title));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_answer_as_one_by_one() {
    let host = Arc::new(Host::configured().await);
    let created = host.apply(&host.config(&[]), &Value::Null).await;
    let state = host.unpacked(created.new_state.as_ref());
    let call = |host: Arc<Host>, number: usize| {
        let (state, created) = (state.clone(), created.clone());
        async move {
            match number % 4 {
                0 => host.read(created.new_state, &created.private, created.new_identity, false).await.encode_to_vec(),
                1 => {
                    let size = i64::try_from(number).unwrap() + 1;
                    host.plan(&host.config(&[("size", Value::int(size))]), &state, &[]).await.encode_to_vec()
                }
                2 => host.upgrade(2, &format!("{{\"name\":\"{number}\"}}")).await.encode_to_vec(),
                _ => host.read_data("test_facts", false).await.encode_to_vec(),
            }
        }
    };
    let mut expected = Vec::new();
    for number in 0..64 {
        expected.push(call(host.clone(), number).await);
    }
    let running: Vec<_> = (0..64).map(|number| tokio::spawn(call(host.clone(), number))).collect();
    for (running, expected) in running.into_iter().zip(expected) {
        assert_eq!(running.await.unwrap(), expected);
    }
}

/// Fields of events and of the spans they are in, as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_finished_call_leaves_one_line_without_values() {
    let host = Host::configured().await;
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // With a single dispatcher tracing asks only the thread that reaches a log line first, and other tests' threads have
    // none; a second dispatcher makes it ask all.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let config = host.config(&[("secret_wo", Value::string("s3cret")), ("title", Value::string("canary"))]);
    host.validate(packed(&host.ty, &config), true).await;
    host.validate(packed(&host.ty, &host.config(&[("size", Value::int(0)), ("title", Value::string("canary"))])), true)
        .await;
    host.apply(&config, &Value::Null).await;
    drop((guard, second));
    let lines = lines.0.lock().unwrap().clone();
    let finished: Vec<_> = lines.iter().filter(|line| line.contains("call finished")).collect();
    assert_eq!(finished.len(), 4, "validate twice, plan, apply: {lines:#?}");
    for (line, parts) in finished.iter().zip([
        ["tf_rpc=\"ValidateResourceConfig\"", "diagnostic_error_count=0"],
        ["tf_rpc=\"ValidateResourceConfig\"", "diagnostic_error_count=1"],
        ["tf_rpc=\"PlanResourceChange\"", "diagnostic_error_count=0"],
        ["tf_rpc=\"ApplyResourceChange\"", "diagnostic_warning_count=0"],
    ]) {
        let always = ["tf_req_id=", "tf_resource_type=", "tf_req_duration_ms=", "INFO"];
        assert!(parts.iter().chain(&always).all(|part| line.contains(part)), "{line}");
    }
    assert!(lines.iter().any(|line| line.contains("ERROR") && line.contains("Invalid Number")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("s3cret") || line.contains("canary")), "{lines:#?}");
}
