//! States of older schema versions: the test resource has three, and each of them becomes a state of today.

use tfplugin_proto::tfplugin6::provider_server::Provider as _;
use tfplugin_proto::tfplugin6::{self as proto, RawState};
use tonic::Request;

use super::host::{Host, THING, summaries};
use crate::framework::value::Value;

/// A state as Terraform stores it.
fn stored(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.to_string().parse::<serde_json::Number>().unwrap().into(),
        Value::String(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(stored).collect(),
        Value::Map(entries) => entries.iter().map(|(name, value)| (name.clone(), stored(value))).collect(),
        other => panic!("no state holds {other:?}"),
    }
}

/// The same as versions 0 and 1 wrote it: `size` was a text, and in version 0 `title` was called `label`.
fn as_written_by(version: i64, state: &Value) -> serde_json::Value {
    let mut json = stored(state);
    let fields = json.as_object_mut().unwrap();
    if version < 2 && !fields["size"].is_null() {
        let size = fields["size"].to_string();
        fields.insert("size".to_owned(), size.into());
    }
    if version < 1 {
        let title = fields.remove("title").unwrap();
        fields.insert("label".to_owned(), title);
    }
    json
}

#[tokio::test]
async fn a_state_of_every_version_becomes_todays_and_plans_nothing() {
    let host = Host::configured().await;
    let config = host.config(&[
        ("title", Value::string("A title")),
        ("size", Value::int(4)),
        ("labels", Value::map([("team", Value::string("edge"))])),
        (
            "spec",
            Value::map([
                ("mode", Value::string("slow")),
                ("weight", Value::Null),
                ("token_wo", Value::Null),
                ("revision", Value::Null),
            ]),
        ),
    ]);
    let created = host.apply(&config, &Value::Null).await;
    assert_eq!(summaries(&created.diagnostics), Vec::<&str>::new());
    let state = host.unpacked(created.new_state.as_ref());
    for version in 0..=2 {
        let upgraded = host.upgrade(version, &as_written_by(version, &state).to_string()).await;
        assert_eq!(summaries(&upgraded.diagnostics), Vec::<&str>::new(), "version {version}");
        let upgraded = host.unpacked(upgraded.upgraded_state.as_ref());
        assert_eq!(upgraded, state, "version {version}");
        let planned = host.plan(&config, &upgraded, &created.private).await;
        assert_eq!(host.unpacked(planned.planned_state.as_ref()), state, "version {version}: the plan is not empty");
    }
}

#[tokio::test]
async fn null_and_unknown_attributes_of_an_old_state_do_no_harm() {
    let host = Host::new();
    let mut nothing = host.config(&[]);
    for version in 0..=2 {
        // Everything that can be null is: the attribute is there and has no value, or it is not there at all.
        let json = as_written_by(version, &nothing);
        let bare = serde_json::json!({"name": "a"});
        for json in [json, bare] {
            let upgraded = host.upgrade(version, &json.to_string()).await;
            assert_eq!(summaries(&upgraded.diagnostics), Vec::<&str>::new(), "version {version}: {json}");
            let upgraded = host.unpacked(upgraded.upgraded_state.as_ref());
            nothing.set("adopt", Value::Bool(false));
            assert_eq!(upgraded, nothing, "version {version}: only local settings have their defaults");
            nothing.set("adopt", Value::Null);
        }
        let extra = serde_json::json!({
            "name": "a", "unheard_of": {"deep": [1, null]}, "spec": {"mode": "slow", "forgotten": true},
            "listeners": {"443/HTTPS": {"port": 443, "forgotten": [1]}},
        });
        let upgraded = host.upgrade(version, &extra.to_string()).await;
        assert_eq!(summaries(&upgraded.diagnostics), Vec::<&str>::new(), "version {version}");
        let upgraded = host.unpacked(upgraded.upgraded_state.as_ref());
        assert_eq!(upgraded.attr("spec").attr("mode"), Value::string("slow"), "version {version}");
    }
}

#[tokio::test]
async fn a_state_that_nobody_can_have_written_is_refused() {
    let host = Host::new();
    for (version, json, summary) in [
        (3, r#"{"name":"a"}"#, "Unknown State Version"),
        (i64::MAX, r#"{"name":"a"}"#, "Unknown State Version"),
        (-1, r#"{"name":"a"}"#, "Unknown State Version"),
        (2, r#"{"name":{}}"#, "Undecodable State"),
        (2, "[]", "Undecodable State"),
        (0, "[]", "Thing Not Made"),
        (2, "", "Missing State"),
    ] {
        assert_eq!(summaries(&host.upgrade(version, json).await.diagnostics), [summary], "{version} {json}");
    }
    let request = |type_name: &str, raw_state| proto::upgrade_resource_state::Request {
        type_name: type_name.to_owned(),
        version: 2,
        raw_state: Some(raw_state),
    };
    let flat = RawState { flatmap: [("id".to_owned(), "x".to_owned())].into(), ..RawState::default() };
    let answer = host.server.upgrade_resource_state(Request::new(request(THING, flat))).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unsupported State Format"]);
    let state = RawState { json: b"{}".to_vec(), ..RawState::default() };
    let answer =
        host.server.upgrade_resource_state(Request::new(request("test_gone", state))).await.unwrap().into_inner();
    assert_eq!(summaries(&answer.diagnostics), ["Unsupported Resource Type"]);
}
