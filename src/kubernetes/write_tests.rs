//! The laws of a write, over the recorded objects and over generated ones; and the shell against a scripted server.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::kubernetes::{
    differences,
    merge::without_nulls,
    object::Kind,
    testing::{AlbMeaning, Reply, Script, not_found, observed, stale, walkthrough},
};

/// Nothing was seen by a refresh.
static NOTHING_KNOWN: LazyLock<KnownDrift> = LazyLock::new(KnownDrift::default);

fn to_judge<'a>(prior: &'a Value, planned: &'a Value) -> ToJudge<'a> {
    ToJudge { prior, planned, keep: &[], force: false, known: &NOTHING_KNOWN, meaning: &AlbMeaning }
}

#[test]
fn a_value_that_state_cannot_hold_is_no_conflict_once_a_refresh_has_shown_it() {
    let mut live = observed("AlbConfig").into_value();
    live["spec"]["listeners"][1]["gzipEnabled"] = json!("on");
    let live = Object::from(live);
    let mut planned = walkthrough("AlbConfig");
    planned["spec"]["listeners"][1]["gzipEnabled"] = json!(true);
    // No boolean holds "on": the refreshed state has none.
    let prior = walkthrough("AlbConfig");
    assert!(matches!(judge(&live, &to_judge(&prior, &planned)), Judgement::Conflicts(_)));
    let mut known = KnownDrift::default();
    known.add(&differences(&live, &planned, &AlbMeaning));
    let known = KnownDrift::parse(&known.text().unwrap());
    let agreed = ToJudge { known: &known, ..to_judge(&prior, &planned) };
    assert!(matches!(judge(&live, &agreed), Judgement::Write { .. }));
    // Changed again after that.
    let mut later = live.into_value();
    later["spec"]["listeners"][1]["gzipEnabled"] = json!("off");
    assert!(matches!(judge(&later.into(), &agreed), Judgement::Conflicts(_)));
}

fn intent_of(judgement: Judgement) -> Value {
    match judgement {
        Judgement::Write { intent, .. } => intent,
        other => panic!("a write was expected: {other:?}"),
    }
}

#[test]
fn situation_k_the_controllers_rewrite_is_neither_conflict_nor_work() {
    for kind in ["AlbConfig", "Ingress"] {
        let (live, ours) = (observed(kind), walkthrough(kind));
        assert_eq!(judge(&live, &to_judge(&ours, &ours)), Judgement::NothingToWrite, "{kind}");
    }
}

#[test]
fn a_planned_change_takes_the_rewritten_lists_back_without_nulls() {
    let (live, prior) = (observed("AlbConfig"), walkthrough("AlbConfig"));
    let mut planned = prior.clone();
    planned["spec"]["listeners"][1]["idleTimeout"] = json!(60);
    let intent = intent_of(judge(&live, &to_judge(&prior, &planned)));
    let https = &intent["spec"]["listeners"][1];
    assert_eq!((https["port"].clone(), https["idleTimeout"].clone()), (json!(443), json!(60)));
    assert!(https.get("certificates").is_none(), "null is never sent");
    assert_eq!(https["xForwardedForConfig"]["XForwardedForEnabled"], json!(false), "foreign fields stay");
    assert_eq!(intent, without_nulls(&intent));
    assert!(intent["spec"]["config"].get("edition").is_none(), "plain foreign fields stay with their owner");
}

#[test]
fn situation_p_an_appended_listener_is_foreign_and_survives() {
    let mut live = observed("AlbConfig").into_value();
    live["spec"]["listeners"]
        .as_array_mut()
        .unwrap()
        .push(json!({"port": 444, "protocol": "HTTPS", "gzipEnabled": null}));
    let live = Object::from(live);
    let prior = walkthrough("AlbConfig");
    assert_eq!(judge(&live, &to_judge(&prior, &prior)), Judgement::NothingToWrite);
    let mut planned = prior.clone();
    planned["spec"]["config"]["name"] = json!("renamed");
    let intent = intent_of(judge(&live, &to_judge(&prior, &planned)));
    assert_eq!(intent["spec"]["listeners"][2], json!({"port": 444, "protocol": "HTTPS"}));
}

#[test]
fn a_real_edit_is_a_conflict_with_field_owner_and_both_values() {
    let mut live = observed("AlbConfig").into_value();
    live["spec"]["config"]["name"] = json!("by-hand");
    live["metadata"]["managedFields"].as_array_mut().unwrap().push(json!({"manager": "kubectl-edit",
        "operation": "Update", "time": "2026-11-23T18:20:00Z",
        "fieldsV1": {"f:spec": {"f:config": {"f:name": {}}}}}));
    let live = Object::from(live);
    let prior = walkthrough("AlbConfig");
    let mut planned = prior.clone();
    planned["spec"]["config"]["name"] = json!("planned");
    let Judgement::Conflicts(conflicts) = judge(&live, &to_judge(&prior, &planned)) else { panic!("no conflict") };
    assert_eq!(conflicts.len(), 1);
    let conflict = &conflicts[0];
    assert_eq!(conflict.path.to_string(), "spec.config.name");
    assert_eq!(conflict.owner.as_ref().unwrap().manager, "kubectl-edit");
    assert_eq!(
        (conflict.live.clone(), conflict.prior.clone(), conflict.planned.clone()),
        (Some(json!("by-hand")), Some(json!("one-alb-demo")), Some(json!("planned")))
    );
    // What the plan showed is agreed: the edit was refreshed into state, the plan undoes it.
    let mut refreshed = prior.clone();
    refreshed["spec"]["config"]["name"] = json!("by-hand");
    assert!(matches!(judge(&live, &to_judge(&refreshed, &planned)), Judgement::Write { .. }));
    // The edit happens to be what is planned.
    assert_eq!(judge(&live, &to_judge(&prior, &refreshed)), Judgement::NothingToWrite);
    // Taking over asks nobody.
    let force = ToJudge { force: true, ..to_judge(&prior, &planned) };
    assert!(matches!(judge(&live, &force), Judgement::Write { .. }));
}

#[test]
fn a_listener_removed_by_hand_is_one_conflict_and_a_dropped_one_is_none() {
    let mut live = observed("AlbConfig").into_value();
    live["spec"]["listeners"].as_array_mut().unwrap().remove(1);
    let live = Object::from(live);
    let prior = walkthrough("AlbConfig");
    let mut planned = prior.clone();
    planned["spec"]["listeners"][1]["idleTimeout"] = json!(60);
    let Judgement::Conflicts(conflicts) = judge(&live, &to_judge(&prior, &planned)) else { panic!("no conflict") };
    let paths: Vec<_> = conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
    assert_eq!(paths, ["spec.listeners[port=443,protocol=HTTPS]"]);
    planned["spec"]["listeners"].as_array_mut().unwrap().remove(1);
    assert_eq!(judge(&live, &to_judge(&prior, &planned)), Judgement::NothingToWrite);
}

#[test]
fn a_dropped_field_is_removed_unless_only_a_zero_value_is_left() {
    let prior = json!({"spec": {"config": {"name": "a", "edition": "Standard", "id": "x"}}});
    let planned = json!({"spec": {"config": {"name": "a"}}});
    let live = Object::from(json!({"spec": {"config": {"name": "a", "edition": "Standard", "id": "x"}}}));
    let Judgement::Write { intent, dropped } = judge(&live, &to_judge(&prior, &planned)) else { panic!("no write") };
    assert_eq!(intent, planned);
    assert_eq!(dropped, [FieldPath::of(["spec", "config", "edition"]), FieldPath::of(["spec", "config", "id"])]);
    let zeroed = Object::from(json!({"spec": {"config": {"name": "a", "edition": "", "id": null}}}));
    assert_eq!(judge(&zeroed, &to_judge(&prior, &planned)), Judgement::NothingToWrite);
}

// ---- properties ----

fn scalar(name: &'static str) -> BoxedStrategy<Value> {
    match name {
        "idleTimeout" => prop_oneof![Just(json!(0)), Just(json!(15)), (1..60).prop_map(|n| json!(n))].boxed(),
        "gzipEnabled" => any::<bool>().prop_map(|b| json!(b)).boxed(),
        _ => prop_oneof![Just(json!("")), "[a-c]{1,2}".prop_map(|s| json!(s))].boxed(),
    }
}

/// Some of these fields, each with some value.
fn fields(names: &'static [&'static str]) -> BoxedStrategy<Map<String, Value>> {
    names
        .iter()
        .map(|name| proptest::option::of(scalar(name)).prop_map(|value| value.map(|value| ((*name).to_owned(), value))))
        .collect::<Vec<_>>()
        .prop_map(|all| all.into_iter().flatten().collect())
        .boxed()
}

fn listener() -> BoxedStrategy<Value> {
    (80..84_u16, fields(&["idleTimeout", "gzipEnabled", "securityPolicyId"]))
        .prop_map(|(port, mut fields)| {
            fields.insert("port".into(), json!(port));
            fields.insert("protocol".into(), json!("HTTPS"));
            Value::Object(fields)
        })
        .boxed()
}

fn listeners() -> BoxedStrategy<Vec<Value>> {
    proptest::collection::vec(listener(), 0..4)
        .prop_map(|list| {
            let mut seen = std::collections::BTreeSet::new();
            list.into_iter().filter(|element| seen.insert(element["port"].to_string())).collect()
        })
        .boxed()
}

/// What a user may set on a gateway.
fn manifest() -> BoxedStrategy<Value> {
    (fields(&["edition", "resourceGroupId"]), proptest::option::of(listeners()), fields(&["note"]))
        .prop_map(|(config, listeners, annotations)| {
            let mut whole = json!({"spec": {"config": config}, "metadata": {"annotations": annotations}});
            if let Some(listeners) = listeners {
                whole["spec"]["listeners"] = json!(listeners);
            }
            whole
        })
        .boxed()
}

/// The rewrite of the open-source controller: nulls and zero values wherever a listener or the configuration says
/// nothing.
fn rewrite(object: &Object) -> Object {
    let mut value = object.value().clone();
    let fill = |target: &mut Value, zeros: Value| {
        if let (Some(target), Value::Object(zeros)) = (target.as_object_mut(), zeros) {
            for (name, zero) in zeros {
                target.entry(name).or_insert(zero);
            }
        }
    };
    fill(&mut value["spec"]["config"], json!({"edition": "", "resourceGroupId": "", "tags": null, "id": ""}));
    if let Some(list) = value["spec"]["listeners"].as_array_mut() {
        for listener in list {
            fill(
                listener,
                json!({"idleTimeout": 0, "gzipEnabled": null, "securityPolicyId": "", "certificates": null,
                    "logConfig": {"accessLogRecordCustomizedHeadersEnabled": false}}),
            );
        }
    }
    value.into()
}

/// Server-side apply with force over an untyped schema, for an object whose other fields are another manager's.
fn applied(live: &Object, prior: &Value, intent: &Value) -> Object {
    fn overlay(live: &mut Value, prior: &Value, intent: &Value) {
        if let (Some(fields), Some(wanted)) = (live.as_object_mut(), intent.as_object()) {
            for (name, _) in prior.as_object().into_iter().flatten() {
                if !wanted.contains_key(name) {
                    fields.remove(name);
                }
            }
            for (name, value) in wanted {
                let at = fields.entry(name.clone()).or_insert(json!({}));
                overlay(at, prior.get(name).unwrap_or(&Value::Null), value);
            }
        } else {
            *live = intent.clone();
        }
    }
    let mut value = live.value().clone();
    overlay(&mut value, prior, intent);
    value.into()
}

fn write_until_done(live: &Object, prior: &Value, planned: &Value) -> Object {
    match judge(live, &to_judge(prior, planned)) {
        Judgement::Write { intent, .. } => applied(live, prior, &intent),
        Judgement::NothingToWrite => live.clone(),
        Judgement::Conflicts(conflicts) => panic!("{conflicts:?}"),
    }
}

/// The live object after a create of `prior`, with foreign parts and, perhaps, the controller's rewrite.
fn live_of(prior: &Value, foreign: &Value, rewritten: bool) -> Object {
    let mut value = without_nulls(prior);
    value["spec"]["config"]["foreign"] = foreign.clone();
    value["metadata"]["annotations"]["foreign"] = json!("kept");
    if let Some(list) = value["spec"]["listeners"].as_array_mut() {
        for listener in list.iter_mut() {
            listener["foreign"] = json!(["kept"]);
        }
        list.push(json!({"port": 9999, "protocol": "HTTP", "foreign": ["kept"]}));
    }
    let object = Object::from(value);
    if rewritten { rewrite(&object) } else { object }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_state_saw_never_conflicts_and_a_second_write_finds_nothing(
        prior in manifest(), planned in manifest(), rewritten in any::<bool>(),
    ) {
        let live = live_of(&prior, &json!("kept"), rewritten);
        let after = write_until_done(&live, &prior, &planned);
        prop_assert_eq!(judge(&after, &to_judge(&planned, &planned)), Judgement::NothingToWrite);
        let rewritten_again = rewrite(&after);
        prop_assert_eq!(judge(&rewritten_again, &to_judge(&planned, &planned)), Judgement::NothingToWrite);
    }

    #[test]
    fn foreign_parts_survive_every_write_and_no_null_is_sent(
        prior in manifest(), planned in manifest(), rewritten in any::<bool>(),
    ) {
        let live = live_of(&prior, &json!({"deep": [1]}), rewritten);
        if let Judgement::Write { intent, .. } = judge(&live, &to_judge(&prior, &planned)) {
            prop_assert_eq!(&intent, &without_nulls(&intent));
            let after = applied(&live, &prior, &intent);
            prop_assert_eq!(&after.value()["spec"]["config"]["foreign"], &json!({"deep": [1]}));
            prop_assert_eq!(after.annotation("foreign"), Some("kept"));
            let listeners = after.value()["spec"]["listeners"].as_array().cloned().unwrap_or_default();
            if prior["spec"].get("listeners").is_some() {
                prop_assert!(listeners.iter().any(|element| element["port"] == 9999), "{listeners:?}");
            }
            let ours = |list: &Value, port: &Value| {
                list.as_array().is_some_and(|list| list.iter().any(|element| element["port"] == *port))
            };
            for element in &listeners {
                let port = &element["port"];
                if ours(&prior["spec"]["listeners"], port) && ours(&planned["spec"]["listeners"], port) {
                    prop_assert_eq!(&element["foreign"], &json!(["kept"]));
                }
            }
        }
    }

    #[test]
    fn an_edit_of_a_planned_field_after_the_refresh_is_always_a_conflict(
        prior in manifest(), planned in manifest(), edit in "[d-f]{3}",
    ) {
        let mut live = live_of(&prior, &json!(0), false).into_value();
        live["spec"]["config"]["edition"] = json!(edit);
        let is_set = |manifest: &Value| manifest["spec"]["config"].get("edition").is_some();
        let judgement = judge(&live.into(), &to_judge(&prior, &planned));
        let named = matches!(&judgement, Judgement::Conflicts(conflicts)
            if conflicts.iter().any(|conflict| conflict.path.to_string() == "spec.config.edition"));
        prop_assert_eq!(named, is_set(&prior) || is_set(&planned), "{:?}", judgement);
    }
}

// ---- the shell ----

fn gateway(version: &str, name: &str) -> Value {
    json!({"metadata": {"name": "g", "uid": "u1", "resourceVersion": version},
        "spec": {"config": {"name": name, "edition": "Standard"}}})
}

fn gateway_ref() -> ObjectRef {
    ObjectRef::cluster(Kind::ALB_CONFIG, "g")
}

async fn write(script: &Script, prior: &Value, planned: &Value) -> Result<Written, Error> {
    let (object, update) = (gateway_ref(), to_judge(prior, planned));
    script.api().write(&WriteRequest { object: &object, uid: "u1", update, dry_run: false }).await
}

fn named(name: &str) -> Value {
    json!({"spec": {"config": {"name": name}}})
}

#[tokio::test(start_paused = true)]
async fn an_apply_carries_the_judged_uid_and_version_and_a_stale_one_is_judged_again() {
    let script = Script::new([
        Reply::Json(200, gateway("5", "a")),
        stale(),
        Reply::Json(200, gateway("7", "a")),
        Reply::Json(200, gateway("8", "b")),
    ]);
    let written = write(&script, &named("a"), &named("b")).await.unwrap();
    assert!(matches!(written, Written::Applied(object) if object.resource_version() == "8"));
    let received = script.received();
    assert_eq!(received.len(), 4);
    let apply = &received[3];
    assert_eq!(apply.method, "PATCH");
    assert_eq!(
        apply.uri,
        "/apis/alibabacloud.com/v1/albconfigs/g?fieldManager=terraform-provider-ackone&fieldValidation=Strict&force=true"
    );
    assert_eq!(
        apply.body,
        json!({"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig",
            "metadata": {"name": "g", "uid": "u1", "resourceVersion": "7"}, "spec": {"config": {"name": "b"}}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_up_and_not_sent_twice() {
    let script = Script::new([Reply::Json(200, gateway("5", "a")), Reply::Broken, Reply::Json(200, gateway("6", "b"))]);
    let written = write(&script, &named("a"), &named("b")).await.unwrap();
    assert!(matches!(written, Written::Unchanged(object) if object.resource_version() == "6"));
    let applies = script.received().iter().filter(|seen| seen.method == "PATCH").count();
    assert_eq!(applies, 1);
}

#[tokio::test(start_paused = true)]
async fn ten_stale_versions_end_with_the_conflict() {
    let script = Script::new((0..10).flat_map(|_| [Reply::Json(200, gateway("5", "a")), stale()]));
    let error = write(&script, &named("a"), &named("b")).await.unwrap_err();
    assert_eq!(*error.problem(), Problem::StaleVersion);
    assert_eq!(script.received().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_field_with_a_second_owner_is_patched_away() {
    let prior = json!({"spec": {"config": {"name": "a", "edition": "Standard"}}});
    let mut bare = gateway("9", "a");
    bare["spec"]["config"].as_object_mut().unwrap().remove("edition");
    let script =
        Script::new([Reply::Json(200, gateway("5", "a")), Reply::Json(200, gateway("6", "a")), Reply::Json(200, bare)]);
    let written = write(&script, &prior, &named("a")).await.unwrap();
    assert!(matches!(written, Written::Applied(object) if object.resource_version() == "9"));
    assert_eq!(
        script.received()[2].body,
        json!({"metadata": {"uid": "u1", "resourceVersion": "6"}, "spec": {"config": {"edition": null}}})
    );
}

#[tokio::test(start_paused = true)]
async fn gone_replaced_and_terminating_objects_are_not_written() {
    let mut other = gateway("5", "a");
    other["metadata"]["uid"] = json!("u2");
    let mut ending = gateway("5", "a");
    ending["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:00:00Z");
    for (reply, expected) in
        [(not_found(), "missing"), (Reply::Json(200, other), "replaced"), (Reply::Json(200, ending), "terminating")]
    {
        let script = Script::new([reply]);
        let written = write(&script, &named("a"), &named("b")).await.unwrap();
        let found = match written {
            Written::Missing => "missing",
            Written::Replaced(_) => "replaced",
            Written::Terminating(_) => "terminating",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
    }
}
