//! Field ownership against what a real server recorded, and the rules of apply one by one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::walk;
use crate::apiserver::engine::Engine;
use crate::apiserver::meta;
use crate::apiserver::schema;
use crate::apiserver::status::ApiError;
use crate::apiserver::validation::decode::Body;
use crate::apiserver::write::{Options, PatchKind, Target, Written};

const WALKTHROUGH: &str = include_str!("../../../testdata/objects-after-first-publish.json");
const OTHERS: &str = include_str!("../../../testdata/objects-of-other-providers.json");
const CONTROLLER: &str = "load-balancer-controller";

struct World(Engine);

fn body(value: &Value) -> Body {
    Body { value: value.clone(), duplicates: Vec::new() }
}

fn options(manager: &str, force: bool) -> Options {
    Options { manager: manager.to_owned(), force, ..Options::default() }
}

impl World {
    fn new() -> World {
        let now: jiff::Timestamp = "2026-11-23T18:15:43Z".parse().expect("time");
        World(Engine::new(Arc::new(move || now), 1000, true))
    }

    fn target(&self, object: &Value, subresource: &str) -> Target {
        let api_version = meta::text(object, &["apiVersion"]);
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = meta::text(object, &["kind"]);
        let all = self.0.resources();
        let resource = all.iter().find(|one| one.group == group && one.version == version && one.kind == kind);
        Target {
            resource: resource.expect("a served kind").clone(),
            subresource: subresource.to_owned(),
            key: (meta::namespace(object).to_owned(), meta::name(object).to_owned()),
        }
    }

    fn apply(&self, manager: &str, force: bool, object: &Value) -> Result<Written, ApiError> {
        self.0.patch(&self.target(object, ""), PatchKind::Apply, body(object), &options(manager, force))
    }

    fn applied(&self, manager: &str, object: &Value) -> Value {
        self.apply(manager, false, object).expect("applied").object.as_ref().clone()
    }

    fn create(&self, manager: &str, object: &Value) -> Value {
        let written = self.0.create(&self.target(object, ""), body(object), &options(manager, false));
        written.expect("created").object.as_ref().clone()
    }

    fn put(&self, manager: &str, subresource: &str, object: &Value) -> Value {
        let written = self.0.replace(&self.target(object, subresource), body(object), &options(manager, false));
        written.expect("replaced").object.as_ref().clone()
    }

    fn merge(&self, manager: &str, subresource: &str, object: &Value, patch: &Value) -> Value {
        let target = self.target(object, subresource);
        let written = self.0.patch(&target, PatchKind::Merge, body(patch), &options(manager, false));
        written.expect("patched").object.as_ref().clone()
    }
}

fn items(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).expect("JSON");
    meta::list(&list, &["items"]).to_vec()
}

fn of_kind(items: &[Value], kind: &str) -> Value {
    items.iter().find(|item| meta::text(item, &["kind"]) == kind).expect("kind").clone()
}

/// Owners with everything but the times.
fn owners(object: &Value) -> Vec<Value> {
    let mut entries = meta::list(object, &["metadata", "managedFields"]).to_vec();
    for entry in &mut entries {
        meta::remove(entry, &["time"]);
    }
    entries
}

/// The object as its author wrote it.
fn authored(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "finalizers"] {
        meta::remove(&mut object, &["metadata", field]);
    }
    meta::remove(&mut object, &["status"]);
    meta::remove(&mut object, &["spec", "finalizers"]);
    object
}

fn alb_config(spec: Value) -> Value {
    json!({"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "a"}, "spec": spec})
}

#[test]
fn the_first_publish_leaves_the_recorded_owners() {
    let world = World::new();
    let recorded = items(WALKTHROUGH);
    let hash = "alb.ingress.kubernetes.io/hash";

    let wanted = of_kind(&recorded, "AlbConfig");
    let mut manifest = authored(&wanted);
    meta::remove(&mut manifest, &["metadata", "labels"]);
    meta::set(
        &mut manifest,
        &["spec"],
        json!({
            "config": {
                "name": "one-alb-demo", "addressType": "Internet", "addressAllocatedMode": "Fixed",
                "zoneMappings": [{"vSwitchId": "vsw-oracle-h"}, {"vSwitchId": "vsw-oracle-i"}],
            },
            "listeners": [{"port": 8001, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}],
        }),
    );
    world.applied("walkthrough", &manifest);
    let finalizer = json!({"metadata": {"finalizers": ["ingress.k8s.alibaba/resources"]}});
    let mut live = world.merge(CONTROLLER, "", &manifest, &finalizer);
    meta::copy(&mut live, &wanted, &["spec"]);
    let mut live = world.put(CONTROLLER, "", &live);
    meta::copy(&mut live, &wanted, &["status"]);
    world.put(CONTROLLER, "status", &live);
    let label = json!({"metadata": {"labels": {hash: meta::text(&wanted, &["metadata", "labels", hash])}}});
    let live = world.merge(CONTROLLER, "", &manifest, &label);
    assert_eq!(owners(&live), owners(&wanted));
    assert_eq!(live.get("spec"), wanted.get("spec"), "nulls are kept");
    assert_eq!(meta::integer(&live, &["metadata", "generation"]), 2);

    let wanted = of_kind(&recorded, "IngressClass");
    let mut manifest = authored(&wanted);
    meta::remove(&mut manifest, &["spec", "parameters", "scope"]);
    let live = world.applied("walkthrough", &manifest);
    assert_eq!(owners(&live), owners(&wanted));
    assert_eq!(live.get("spec"), wanted.get("spec"), "the scope is defaulted and owned by nobody");

    world.create("x", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gateway-demo"}}));
    let wanted = of_kind(&recorded, "Ingress");
    let mut manifest = authored(&wanted);
    meta::remove(&mut manifest, &["metadata", "labels"]);
    let mut live = world.applied("walkthrough", &manifest);
    meta::copy(&mut live, &wanted, &["status"]);
    world.put(CONTROLLER, "status", &live);
    let label = json!({"metadata": {"labels": {hash: meta::text(&wanted, &["metadata", "labels", hash])}}});
    let live = world.merge(CONTROLLER, "status", &manifest, &label);
    assert_eq!(owners(&live), owners(&wanted));
    assert_eq!(live.get("status"), wanted.get("status"));
    assert_eq!(meta::integer(&live, &["metadata", "generation"]), 1);
}

#[test]
fn other_providers_leave_the_recorded_owners() {
    let world = World::new();
    for wanted in items(OTHERS) {
        let entry = meta::list(&wanted, &["metadata", "managedFields"]).first().expect("owner").clone();
        let manager = meta::text(&entry, &["manager"]);
        let mut manifest = authored(&wanted);
        let live = if meta::text(&entry, &["operation"]) == "Apply" {
            meta::remove(&mut manifest, &["spec", "parameters", "scope"]);
            world.applied(manager, &manifest)
        } else {
            world.create(manager, &manifest)
        };
        assert_eq!(owners(&live), owners(&wanted), "{}", meta::name(&wanted));
        for field in ["spec", "status", "type"] {
            assert_eq!(live.get(field), wanted.get(field), "{field} of {}", meta::name(&wanted));
        }
    }
}

#[test]
fn an_apply_of_another_value_names_owner_and_fields() {
    let world = World::new();
    let spec = json!({"config": {"zoneMappings": [{"vSwitchId": "a"}], "name": "n"}, "listeners": [{"port": 1}]});
    world.create(CONTROLLER, &alb_config(spec));
    let other = alb_config(json!({"config": {"zoneMappings": [], "name": "n"}, "listeners": [{"port": 2}]}));
    let error = world.apply("me", false, &other).expect_err("a conflict");
    let status = error.status();
    assert_eq!(meta::integer(&status, &["code"]), 409);
    assert_eq!(meta::text(&status, &["reason"]), "Conflict");
    assert_eq!(
        meta::text(&status, &["message"]),
        "Apply failed with 2 conflicts: conflicts with \"load-balancer-controller\" using alibabacloud.com/v1:\n\
         - .spec.listeners\n- .spec.config.zoneMappings"
    );
    assert_eq!(
        meta::list(&status, &["details", "causes"]).first(),
        Some(&json!({
            "reason": "FieldManagerConflict",
            "message": "conflict with \"load-balancer-controller\" using alibabacloud.com/v1",
            "field": ".spec.listeners",
        }))
    );
    let forced = world.apply("me", true, &other).expect("forced").object;
    assert_eq!(meta::get(&forced, &["spec", "listeners"]), Some(&json!([{"port": 2}])));
    let names: Vec<String> = owners(&forced).iter().map(|one| meta::text(one, &["manager"]).to_owned()).collect();
    assert_eq!(names, ["me", CONTROLLER], "the equal name stays shared");
}

#[test]
fn what_an_applier_drops_goes_unless_another_owns_it() {
    let world = World::new();
    world.applied("a", &alb_config(json!({"config": {"name": "n", "edition": "Standard"}})));
    world.applied("b", &alb_config(json!({"config": {"name": "n"}})));
    let live = world.applied("a", &alb_config(json!({"config": {"addressType": "Internet"}})));
    assert_eq!(live.get("spec"), Some(&json!({"config": {"name": "n", "addressType": "Internet"}})));
    let live = world.applied("b", &alb_config(json!({"config": {}})));
    assert_eq!(live.get("spec"), Some(&json!({"config": {"addressType": "Internet"}})));
}

#[test]
fn the_version_in_an_apply_decides_between_create_and_conflict() {
    let world = World::new();
    let mut manifest = alb_config(json!({"config": {"name": "n"}}));
    meta::set(&mut manifest, &["metadata", "resourceVersion"], json!("1"));
    assert!(world.apply("me", false, &manifest).expect("absent: created").created);
    let error = world.apply("me", true, &manifest).expect_err("present: stale");
    assert_eq!((error.code, error.reason), (409, "Conflict"));
    assert!(
        error.message.ends_with("please apply your changes to the latest version and try again"),
        "{}",
        error.message
    );

    meta::set(&mut manifest, &["metadata", "name"], json!("gone"));
    meta::set(&mut manifest, &["metadata", "uid"], json!("u-1"));
    let error = world.apply("me", true, &manifest).expect_err("a known object is gone");
    assert_eq!((error.code, error.reason), (409, "Conflict"));
    assert!(error.message.contains("uid mismatch: the provided object specified uid u-1"), "{}", error.message);
}

#[test]
fn an_equal_apply_changes_nothing() {
    let world = World::new();
    let manifest = alb_config(json!({"config": {"name": "n"}, "listeners": [{"port": 1, "gzipEnabled": null}]}));
    let first = world.applied("me", &manifest);
    let second = world.applied("me", &manifest);
    assert_eq!(first, second, "version, generation and times included");
}

#[test]
fn a_null_is_stored_in_an_untyped_object() {
    let world = World::new();
    let live = world.applied("me", &alb_config(json!({"config": {"tags": null, "name": "n"}})));
    assert_eq!(live.get("spec"), Some(&json!({"config": {"tags": null, "name": "n"}})));
}

#[test]
fn a_bare_namespace_shows_no_manager() {
    let world = World::new();
    let bare = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let live = world.applied("me", &bare);
    assert_eq!(meta::get(&live, &["metadata", "managedFields"]), None);
    assert_eq!(meta::get(&live, &["spec", "finalizers"]), Some(&json!(["kubernetes"])));
}

#[test]
fn emptied_owners_stay_empty_until_the_next_apply() {
    let world = World::new();
    let manifest = alb_config(json!({"config": {"name": "n"}}));
    world.applied("me", &manifest);
    let live = world.merge("x", "", &manifest, &json!({"metadata": {"managedFields": [{}]}}));
    assert_eq!(meta::get(&live, &["metadata", "managedFields"]), None);
    let live = world.merge("x", "", &manifest, &json!({"spec": {"config": {"edition": "Standard"}}}));
    assert_eq!(meta::get(&live, &["metadata", "managedFields"]), None);
    let live = world.applied("me", &manifest);
    let names: Vec<String> = owners(&live).iter().map(|one| meta::text(one, &["manager"]).to_owned()).collect();
    assert_eq!(names, ["me", "before-first-apply"]);
}

#[test]
fn service_ports_are_owned_by_port_and_protocol() {
    let world = World::new();
    let service = |ports: Value| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "default"},
            "spec": {"ports": ports},
        })
    };
    world.applied("a", &service(json!([{"name": "x", "port": 80}])));
    let live = world.applied("b", &service(json!([{"name": "y", "port": 81, "protocol": "TCP"}])));
    let ports: Vec<i64> =
        meta::list(&live, &["spec", "ports"]).iter().map(|port| meta::integer(port, &["port"])).collect();
    assert_eq!(ports, [80, 81]);
    let own = owners(&live);
    let fields = own.iter().find(|one| meta::text(one, &["manager"]) == "a").and_then(|one| one.get("fieldsV1"));
    assert_eq!(
        fields.and_then(|fields| meta::get(fields, &["f:spec", "f:ports"])),
        Some(&json!({"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}}))
    );
    let error = world
        .apply("c", false, &service(json!([{"name": "z", "port": 80, "protocol": "TCP"}])))
        .expect_err("the name is owned");
    assert!(error.message.contains(".spec.ports[port=80,protocol=\"TCP\"].name"), "{}", error.message);
}

#[test]
fn a_merged_list_keeps_the_order_of_the_applier() {
    let ty = schema::set(schema::text());
    for (live, config, merged) in [
        (json!(["a"]), json!(["b"]), json!(["a", "b"])),
        (json!(["a", "b", "c"]), json!(["c", "a"]), json!(["b", "c", "a"])),
        (json!(["x", "a"]), json!(["a", "n"]), json!(["x", "a", "n"])),
        (json!([]), json!(["b", "a"]), json!(["b", "a"])),
    ] {
        assert_eq!(walk::merge(&ty, &live, &config), merged, "{live} and {config}");
    }
}

#[test]
fn managed_fields_in_an_apply_are_refused() {
    let world = World::new();
    let mut manifest = alb_config(json!({}));
    meta::set(&mut manifest, &["metadata", "managedFields"], json!([]));
    let error = world.apply("me", false, &manifest).expect_err("refused");
    assert_eq!((error.code, error.message.as_str()), (400, "metadata.managedFields must be nil"));
}

/// As kube-apiserver 1.36.3 answers; only a reader of `managedFields` sees it.
#[test]
fn an_apply_is_dated_by_the_change_it_makes() {
    let world = World::new();
    let manifest = alb_config(json!({"config": {"name": "n"}}));
    world.applied("a", &manifest);
    let shared = world.applied("b", &manifest);
    let times: Vec<(String, bool)> = meta::list(&shared, &["metadata", "managedFields"])
        .iter()
        .map(|one| (meta::text(one, &["manager"]).to_owned(), one.get("time").is_some()))
        .collect();
    assert_eq!(times, [("b".to_owned(), false), ("a".to_owned(), true)], "who joins owns at no time, and comes first");
}

fn config_map(more: &Value) -> Value {
    let metadata = json!({"name": "c", "namespace": "default"});
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    object
}

#[test]
fn a_typed_map_has_no_null() {
    let world = World::new();
    let live = world.applied("a", &config_map(&json!({"data": {"k": null}})));
    assert_eq!(live.get("data"), Some(&json!({"k": ""})), "as kube-apiserver 1.36.3 answers");
}

/// Counted on kube-apiserver 1.36.3: a client that shows each cause shows the same one several times.
#[test]
fn a_fault_of_the_metadata_is_listed_as_often_as_the_server_checks_it() {
    let world = World::new();
    let mut manifest = alb_config(json!({"config": {"name": "n"}}));
    let count = |error: &ApiError| meta::list(&error.status(), &["details", "causes"]).len();
    meta::set(&mut manifest, &["metadata", "labels"], json!({"a b": "c"}));
    assert_eq!(count(&world.apply("me", false, &manifest).expect_err("a bad label")), 1, "once on create");
    meta::remove(&mut manifest, &["metadata", "labels"]);
    world.applied("me", &manifest);
    meta::set(&mut manifest, &["metadata", "uid"], json!("11111111-2222-3333-4444-555555555555"));
    let error = world.apply("me", true, &manifest).expect_err("another UID");
    assert_eq!((error.code, count(&error)), (422, 2));
    meta::remove(&mut manifest, &["metadata", "uid"]);
    meta::set(&mut manifest, &["metadata", "labels"], json!({"a b": "c"}));
    assert_eq!(count(&world.apply("me", false, &manifest).expect_err("a bad label")), 3);
}

#[test]
fn what_an_apply_cannot_hold_is_worded_by_the_ownership_library() {
    let world = World::new();
    let start = "failed to create typed patch object (default/c; /v1, Kind=ConfigMap): ";
    for (more, expected) in [
        (json!({"foo": 1}), ".foo: field not declared in schema"),
        (json!({"data": {"k": 1}}), ".data.k: expected string, got &value.valueUnstructured{Value:1}"),
        (json!({"data": "x"}), ".data: expected map, got &{x}"),
    ] {
        let error = world.apply("me", false, &config_map(&more)).expect_err(expected);
        assert_eq!((error.code, error.message), (500, format!("{start}{expected}")));
    }
}
