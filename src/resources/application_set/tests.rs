//! Plans, objects, rules and judgements of ApplicationSets. Lives are told by the acceptance tests, where there is an Argo CD.

use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Just, Strategy as _};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::judge::{Cluster, Obstacle, Obstacles, Patience, View, Weight, is_owned, listed};
use super::model::{State, import};
use super::object::{SetMeaning, attribute, drift, intent, refresh, server_attribute};
use super::{ApplicationSet, rules};
use crate::clients::Settings;
use crate::framework::conformance::assert_plans_of_a_form_are_true;
use crate::framework::diagnostic::Diagnostics;
use crate::framework::erased::ResourceType;
use crate::framework::model::{Field as _, Model as _, Planned};
use crate::framework::path::Path;
use crate::framework::resource::{ImportTarget, Resource as _};
use crate::framework::value::Value;
use crate::kubernetes::{FieldPath, Object, differences};
use crate::resources::testing::{FakeFleet, Instance, errors, warnings};

/// Values that the attributes' own checks accept, of the form with JSON: the two forms exclude each other.
pub(in crate::resources) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let null = Just(Value::Null).boxed();
    Some(match path {
        "application_name"
        | "project"
        | "source"
        | "destination"
        | "cluster_selector"
        | "sync_policy"
        | "preserve_resources_on_deletion"
        | "go_template_options" => null,
        "spec_json" => select(
            &[
                r#"{"generators":[{"list":{}}],"template":{"metadata":{},"spec":{}}}"#,
                r#"{"generators": [{"clusters": {}}], "template": {"metadata": {}, "spec": {"project": "default"}}}"#,
            ][..],
        )
        .prop_map(Value::string)
        .boxed(),
        "expected_cluster_ids" => lists(&["c1", "c2"]),
        _ => return None,
    })
}

/// The same of the typed form.
fn typed_sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let texts: &[&'static str] = match path {
        "application_name" => &["{{.name}}-grpc", "{{.metadata.annotations.cluster_id}}"],
        "project" => &["default", "{{.project}}"],
        "source.repo_url" => &["https://github.com/ivan-cai/gitops-demo.git", "https://example.com/charts"],
        "source.path" => &["manifests/directory/grpc", "."],
        "destination.namespace" => &["gateway-demo", "default"],
        "cluster_selector.match_expressions.key" => &["name", "argocd.argoproj.io/secret-type"],
        "cluster_selector.match_expressions.operator" => &["In", "NotIn"],
        "sync_policy.retry.duration" | "sync_policy.retry.max_duration" => &["5s", "3m"],
        "on_wait_timeout" => &["warn", "error"],
        "namespace" | "name" => &["argocd", "demo"],
        name if name.starts_with("timeouts.") => &["90s"],
        "spec_json" | "source.chart" | "destination.server" => return Some(Just(Value::Null).boxed()),
        "sync_policy.retry.limit" | "sync_policy.retry.factor" => return Some((0_i64..9).prop_map(Value::int).boxed()),
        "cluster_selector.match_expressions.values" => return Some(lists(&["cluster", "in-cluster"])),
        "sync_policy.sync_options" => return Some(lists(&["CreateNamespace=true", "ServerSideApply=true"])),
        "go_template_options" => return Some(lists(&["missingkey=error", "missingkey=zero"])),
        "expected_cluster_ids" => return Some(lists(&["c1", "c2"])),
        _ => return None,
    };
    Some(select(texts).prop_map(Value::string).boxed())
}

#[test]
fn plans_of_the_typed_form_are_true() {
    let given =
        ["application_name", "source", "source.path", "destination", "cluster_selector.match_expressions.values"];
    assert_plans_of_a_form_are_true(&*ResourceType::<ApplicationSet>::erased(), &typed_sample, &given);
}

fn lists(texts: &[&'static str]) -> BoxedStrategy<Value> {
    Just(Value::List(texts.iter().map(|text| Value::string(*text)).collect())).boxed()
}

fn config() -> Json {
    json!({
        "name": "appset-grpc-demo",
        "application_name": "{{.metadata.annotations.cluster_name}}-grpc",
        "source": {"repo_url": "https://github.com/ivan-cai/gitops-demo.git", "path": "manifests/directory/grpc",
            "target_revision": "main", "chart": null, "directory": null},
        "destination": {"name": null, "server": null, "namespace": "gateway-demo"},
        "sync_policy": {"automated": {"prune": null, "self_heal": null, "allow_empty": null},
            "sync_options": ["CreateNamespace=true"], "retry": null, "managed_namespace_metadata": null},
    })
}

fn settings() -> Settings {
    Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() }
}

fn instance(fleet: &FakeFleet) -> Instance {
    Instance::new(ResourceType::<ApplicationSet>::erased(), fleet.clients(settings()))
}

const SET: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applicationsets/appset-grpc-demo";

/// The walkthrough's YAML as the API server keeps it.
fn walkthrough() -> Json {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "appset-grpc-demo", "namespace": "argocd", "uid": "u1", "resourceVersion": "5"},
        "spec": {
            "goTemplate": true, "goTemplateOptions": ["missingkey=error"],
            "generators": [{"clusters": {"selector": {"matchExpressions": [
                {"key": "argocd.argoproj.io/secret-type", "operator": "In", "values": ["cluster"]},
                {"key": "name", "operator": "NotIn", "values": ["in-cluster"]}]}}}],
            "syncPolicy": {"preserveResourcesOnDeletion": false},
            "template": {
                "metadata": {"name": "{{.metadata.annotations.cluster_name}}-grpc", "namespace": "argocd"},
                "spec": {
                    "project": "default", "destination": {"name": "{{.name}}", "namespace": "gateway-demo"},
                    "source": {"repoURL": "https://github.com/ivan-cai/gitops-demo.git",
                        "path": "manifests/directory/grpc", "targetRevision": "main"},
                    "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
                },
            },
        },
    })
}

/// The same as Argo CD writes it back, with Go's zero values.
fn written_back() -> Json {
    let mut set = walkthrough();
    let nothing = json!({"metadata": {}, "spec": {"destination": {}, "project": ""}});
    set["spec"]["generators"][0]["clusters"]["template"] = nothing;
    set["spec"]["generators"][0]["clusters"]["flatList"] = json!(false);
    set
}

fn imported(live: Json) -> State {
    let live = Object::from(live);
    let prior = State { name: Some(live.name().to_owned()), namespace: Some("argocd".to_owned()), ..State::default() };
    let seen = drift(&prior, &live, true);
    refresh(&prior, &live, &seen)
}

#[test]
fn the_walkthroughs_yaml_is_read_as_the_typed_form_and_means_what_is_written() {
    for live in [walkthrough(), written_back()] {
        let state = imported(live.clone());
        assert_eq!(state.spec_json, None);
        assert_eq!(state.application_name.as_deref(), Some("{{.metadata.annotations.cluster_name}}-grpc"));
        assert_eq!(differences(&Object::from(live), &intent(&state), &SetMeaning), Vec::new());
    }
}

#[test]
fn what_the_typed_form_cannot_say_is_read_as_json() {
    let mut second = walkthrough();
    second["spec"]["generators"].as_array_mut().unwrap().push(json!({"list": {"elements": []}}));
    let mut strategy = walkthrough();
    strategy["spec"]["strategy"] = json!({"type": "RollingSync"});
    let mut old = walkthrough();
    old["spec"]["goTemplate"] = json!(false);
    for live in [second, strategy, old] {
        let state = imported(live.clone());
        assert_eq!((state.application_name.as_ref(), state.source.as_ref()), (None, None));
        let spec: Json = serde_json::from_str(state.spec_json.as_deref().unwrap()).unwrap();
        assert_eq!(spec, live["spec"]);
        assert_eq!(differences(&Object::from(live), &intent(&state), &SetMeaning), Vec::new());
    }
}

#[test]
fn an_automated_sync_is_there_or_not_and_says_all_of_itself() {
    let state = imported(walkthrough());
    let drifted = |change: &dyn Fn(&mut Json)| {
        let mut live = walkthrough();
        change(&mut live["spec"]["template"]["spec"]["syncPolicy"]);
        let live = Object::from(live);
        let found = drift(&state, &live, false);
        refresh(&state, &live, &found).sync_policy.unwrap()
    };
    let off = drifted(&|policy| policy["automated"] = Json::Null);
    assert_eq!(off.automated, None);
    let pruning = drifted(&|policy| policy["automated"] = json!({"prune": true}));
    assert_eq!(pruning.automated.unwrap().prune, Some(true));
    let same = drifted(&|policy| policy["automated"] = json!({"prune": false, "selfHeal": false}));
    assert_eq!(Some(same), state.sync_policy);
    let reordered = drifted(&|policy| policy["syncOptions"] = json!(["CreateNamespace=true"]));
    assert_eq!(Some(reordered), state.sync_policy);
}

#[test]
fn what_drifted_shows_at_its_attribute_and_nothing_else_changes() {
    let state = imported(walkthrough());
    for (pointer, value, expected) in [
        ("/spec/template/spec/source/path", json!("elsewhere"), "source.path"),
        ("/spec/template/spec/source/targetRevision", json!("v1"), "source.target_revision"),
        ("/spec/template/spec/destination/namespace", json!("other"), "destination.namespace"),
        ("/spec/template/spec/project", json!("other"), "project"),
        ("/spec/template/metadata/name", json!("{{.name}}"), "application_name"),
        ("/spec/goTemplate", json!(false), "go_template_options"),
        ("/spec/syncPolicy/preserveResourcesOnDeletion", json!(true), "preserve_resources_on_deletion"),
        ("/spec/template/spec/syncPolicy/syncOptions", json!(["A=b"]), "sync_policy.sync_options"),
        ("/spec/generators/0/clusters/selector", json!({}), "cluster_selector"),
    ] {
        let mut live = walkthrough();
        *live.pointer_mut(pointer).unwrap() = value;
        let live = Object::from(live);
        let found = drift(&state, &live, false);
        let path = |one: &str| {
            one.split('.').skip(1).fold(Path::attribute(one.split('.').next().unwrap()), |at, step| at.attr(step))
        };
        assert!(found.touches(&path(expected)), "{pointer}");
        let (before, after) = (state.to_value(), refresh(&state, &live, &found).to_value());
        let top = expected.split('.').next().unwrap();
        let changed: Vec<&str> =
            State::FIELDS.iter().copied().filter(|name| before.attr(name) != after.attr(name)).collect();
        assert_eq!(changed, [top], "{pointer}");
    }
    let labelled = FieldPath::of(["metadata", "labels", "team"]);
    assert_eq!(attribute(&state, &labelled), Path::attribute("effective_labels").key("team"));
    assert_eq!(
        server_attribute("spec.template.spec.syncPolicy.retry.backoff.maxDuration").to_string(),
        "sync_policy.retry.max_duration"
    );
    assert_eq!(server_attribute("spec.generators[0].clusters").to_string(), "cluster_selector");
    assert_eq!(server_attribute("metadata.name").to_string(), "name");
}

#[test]
fn json_after_drift_has_what_is_live_in_the_places_that_are_ours() {
    let mut state = State { name: Some("x".to_owned()), ..State::default() };
    state.spec_json = Some(
        json!({"generators": [{"list": {}}], "template": {"metadata": {"name": "a"}, "spec": {"project": "p"}}})
            .to_string(),
    );
    let live = Object::from(json!({"spec": {"generators": [{"list": {}}], "strategy": {"type": "RollingSync"},
        "template": {"metadata": {"name": "b", "namespace": "argocd"}, "spec": {"project": "p"}}}}));
    let found = drift(&state, &live, false);
    let after: Json = serde_json::from_str(refresh(&state, &live, &found).spec_json.as_deref().unwrap()).unwrap();
    assert_eq!(
        after,
        json!({"generators": [{"list": {}}], "template": {"metadata": {"name": "b"}, "spec": {"project": "p"}}})
    );
    assert!(rules::same_json(&Value::string("{\"a\": 1}"), &Value::string("{\"a\":1}")));
    assert!(!rules::same_json(&Value::string("{\"a\": 1}"), &Value::string("{\"a\":2}")));
}

#[tokio::test(start_paused = true)]
async fn defaults_are_planned_written_and_kept() {
    let fleet = FakeFleet::default();
    let mut set = instance(&fleet);
    let mut config = config();
    config["wait"] = json!(false);
    let answer = set.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    let live = fleet.get(SET).unwrap();
    let mut wanted = walkthrough()["spec"].clone();
    wanted["template"]["metadata"].as_object_mut().unwrap().remove("namespace");
    wanted["template"]["spec"]["syncPolicy"]["automated"] =
        json!({"prune": false, "selfHeal": false, "allowEmpty": false});
    assert_eq!(live["spec"], wanted);
    set.read().await;
    assert_eq!(set.changes(&config), Vec::<&str>::new());
    // The server's address in place of the name.
    config["destination"] = json!({"name": null, "server": "{{.server}}", "namespace": "gateway-demo"});
    assert_eq!(set.changes(&config), ["destination", "applications", "ready", "reason"]);
    set.apply(&config).await;
    assert_eq!(fleet.get(SET).unwrap()["spec"]["template"]["spec"]["destination"]["server"], "{{.server}}");
}

#[tokio::test(start_paused = true)]
async fn with_json_the_typed_attributes_stay_unset() {
    let fleet = FakeFleet::default();
    let mut set = instance(&fleet);
    let spec = json!({"generators": [{"list": {"elements": []}}], "template": {"metadata": {}, "spec": {}}});
    let config = json!({"name": "appset-grpc-demo", "wait": false, "spec_json": spec.to_string()});
    let answer = set.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), Vec::<String>::new());
    assert_eq!(fleet.get(SET).unwrap()["spec"], spec);
    for name in ["project", "cluster_selector", "go_template_options", "preserve_resources_on_deletion"] {
        assert!(set.state.attr(name).is_null(), "{name}");
    }
    set.read().await;
    assert_eq!(set.changes(&config), Vec::<&str>::new());
    assert_eq!(
        set.plan(&json!({"name": "x", "wait": false, "spec_json": "(unknown)"})).planned.unwrap().attr("project"),
        Value::unknown()
    );
}

fn told(change: impl Fn(&mut Json)) -> Vec<String> {
    let mut json = config();
    change(&mut json);
    let fleet = FakeFleet::default();
    let set = instance(&fleet);
    let value = set.config(&json);
    let mut diagnostics = ApplicationSet::schema().check(&value);
    let config = <ApplicationSet as crate::framework::resource::Resource>::Plan::from_value(&value).unwrap();
    rules::validate(&config, &mut diagnostics);
    assert_eq!(warnings(&diagnostics), Vec::<String>::new());
    errors(&diagnostics)
}

#[tokio::test]
async fn mistakes_are_told_at_the_deepest_path() {
    assert_eq!(told(|_| ()), Vec::<String>::new());
    let name = |text: &'static str| move |config: &mut Json| config["application_name"] = json!(text);
    assert_eq!(told(name("grpc")), Vec::<String>::new(), "the plan warns of it");
    for text in ["{{.name}}_x", "A-{{.name}}", "-{{.name}}", "{{.name}}.", ""] {
        assert_eq!(told(name(text)), ["application_name: Invalid Application Name"], "{text}");
    }
    for text in ["{{.name", ".name}}-x", "{{ {{.name}} }}", "{{}}x"] {
        assert_eq!(told(name(text)), ["application_name: Invalid Template"], "{text}");
    }
    for (pointer, value, expected) in [
        ("/source/path", json!("/abs"), "source.path: Invalid Source"),
        ("/source/path", json!("a/../b"), "source.path: Invalid Source"),
        ("/source/path", Json::Null, "source.path: Invalid Source"),
        ("/source/repo_url", json!(""), "source.repo_url: Invalid Source"),
        ("/source/target_revision", json!("{{.x"), "source.target_revision: Invalid Template"),
        ("/source/chart", json!("greeter"), "source.chart: Invalid Source"),
        ("/destination/namespace", json!("Not_One"), "destination.namespace: Invalid Namespace Name"),
        (
            "/destination",
            json!({"name": "a", "server": "b", "namespace": null}),
            "destination.server: Two Destinations",
        ),
        ("/destination", Json::Null, "destination: Application Set Not Whole"),
        ("/sync_policy/sync_options", json!(["CreateNamespace"]), "sync_policy.sync_options: Invalid Sync Option"),
        ("/sync_policy/sync_options", json!(["A=true", "A=false"]), "sync_policy.sync_options: Invalid Sync Option"),
        (
            "/sync_policy/retry",
            json!({"limit": -1, "duration": null, "factor": null, "max_duration": null}),
            "sync_policy.retry.limit: Invalid Retry Setting",
        ),
        (
            "/sync_policy/retry",
            json!({"limit": 1, "duration": "soon", "factor": null, "max_duration": null}),
            "sync_policy.retry.duration: Invalid Duration",
        ),
    ] {
        let found = told(|config| *config.pointer_mut(pointer).unwrap() = value.clone());
        assert_eq!(found, [expected], "{pointer} = {value}");
    }
    let with = |name: &'static str, value: Json| told(move |config| config[name] = value.clone());
    assert_eq!(with("go_template_options", json!(["missing=1"])), ["go_template_options[0]: Invalid Template Option"]);
    assert_eq!(with("expected_cluster_ids", json!(["c 1"])), ["expected_cluster_ids: Invalid Cluster ID"]);
    let selector = |operator: &str, values: Json| json!({"match_labels": null, "match_expressions": [{"key": "name", "operator": operator, "values": values}]});
    let values = "cluster_selector.match_expressions[0].values: Invalid Selector";
    assert_eq!(with("cluster_selector", selector("In", Json::Null)), [values]);
    assert_eq!(with("cluster_selector", selector("Exists", json!(["x"]))), [values]);
    assert_eq!(with("cluster_selector", selector("Exists", Json::Null)), Vec::<String>::new());
    assert_eq!(
        with("cluster_selector", selector("Like", json!(["x"]))),
        ["cluster_selector.match_expressions[0].operator: Invalid Selector Operator"]
    );
}

#[tokio::test]
async fn json_is_the_spec_alone_and_excludes_the_typed_form() {
    let only = |text: Json| told(move |config| *config = json!({"name": "x", "spec_json": text.clone()}));
    for text in ["no", "[]", "{}", r#"{"generators": [{}]}"#, r#"{"apiVersion": "v1"}"#] {
        assert_eq!(only(json!(text)), ["spec_json: Invalid Specification"], "{text}");
    }
    let good = r#"{"generators": [{"list": {}}], "template": {"metadata": {}, "spec": {}}}"#;
    assert_eq!(only(json!(good)), Vec::<String>::new());
    assert_eq!(
        told(move |config| config["spec_json"] = json!(good)),
        ["application_name", "source", "destination", "sync_policy"]
            .map(|name| format!("{name}: Two Forms of an Application Set"))
    );
    assert_eq!(only(json!("(unknown)")), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_advises_against_a_wait_that_nobody_ends() {
    let planned = |sync_policy: Json, wait: bool| {
        let mut json = config();
        json["sync_policy"] = sync_policy;
        json["wait"] = json!(wait);
        let fleet = FakeFleet::default();
        warnings(&instance(&fleet).plan(&json).diagnostics)
    };
    let by_hand = json!({"automated": null, "sync_options": null, "retry": null, "managed_namespace_metadata": null});
    assert_eq!(planned(Json::Null, true), ["sync_policy: Nothing Syncs the Applications"]);
    assert_eq!(planned(by_hand, true), ["sync_policy: Nothing Syncs the Applications"]);
    assert_eq!(planned(Json::Null, false), Vec::<String>::new());
    assert_eq!(planned(config()["sync_policy"].clone(), true), Vec::<String>::new());
    let mut one = config();
    one["application_name"] = json!("grpc");
    let fleet = FakeFleet::default();
    assert_eq!(warnings(&instance(&fleet).plan(&one).diagnostics), ["application_name: One Name for All Members"]);
    let mut nothing = Diagnostics::new();
    rules::advise(&super::model::ApplicationSetModel::<Planned>::default(), &mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn import_ids_are_namespace_and_name() {
    assert_eq!(import(ImportTarget::Id("argocd/x".to_owned())).unwrap().id.as_deref(), Some("argocd/x"));
    for id in ["", "x", "a/b/c", "/x", "a/"] {
        assert!(import(ImportTarget::Id(id.to_owned())).is_err(), "{id}");
    }
}

fn application(name: &str, at: &str, change: impl Fn(&mut Json)) -> Object {
    let mut spec = walkthrough()["spec"]["template"]["spec"].clone();
    spec["destination"]["name"] = json!(at);
    let compared = json!({"source": spec["source"], "destination": spec["destination"]});
    let mut application = json!({
        "metadata": {"name": name, "ownerReferences": [{"kind": "ApplicationSet", "uid": "u1"}]}, "spec": spec,
        "status": {"sync": {"status": "Synced", "comparedTo": compared}, "health": {"status": "Healthy"}},
    });
    change(&mut application);
    Object::from(application)
}

fn set(conditions: Json) -> Object {
    let mut set = walkthrough();
    set["status"] = json!({"conditions": conditions});
    Object::from(set)
}

fn up_to_date() -> Json {
    json!([{"type": "ErrorOccurred", "status": "False", "message": "fine"}, {"type": "ResourcesUpToDate", "status": "True"}])
}

fn member(id: &str) -> Cluster {
    Cluster { cluster_id: id.to_owned(), name: format!("{id}-member"), server: String::new() }
}

#[test]
fn a_set_is_ready_when_every_application_and_every_expected_member_is() {
    let set = set(up_to_date());
    let clusters = [member("c1"), member("c2")];
    let both = [application("a-grpc", "c1-member", |_| ()), application("b-grpc", "c2-member", |_| ())];
    let expected = ["c1".to_owned(), "c2".to_owned()];
    let view = |applications, clusters, expected| View { set: &set, applications, clusters, expected };
    let all = view(&both[..], Some(&clusters[..]), &expected[..]);
    assert!(all.is_known() && all.is_carried() && all.obstacles().is_empty() && !all.is_empty());
    assert!(view(&both[..], None, &expected[..]).obstacles().is_empty(), "names of clusters begin with the ID");
    let lines = |view: View<'_>| view.obstacles().iter().map(Obstacle::line).collect::<Vec<_>>();
    let one = &both[..1];
    assert!(lines(view(one, Some(&clusters[..]), &expected[..]))[0].contains("look at the selector"));
    assert!(lines(view(one, Some(&clusters[..1]), &expected[..]))[0].contains("is not registered with Argo CD"));
    assert!(lines(view(one, None, &expected[..]))[0].contains("could not be read"));
    assert!(view(&[], Some(&clusters[..]), &[]).is_empty());
    assert_eq!(listed(&both)["a-grpc"].as_ref().unwrap().cluster.as_deref(), Some("c1-member"));
    assert!(is_owned(&both[0], "u1") && !is_owned(&both[0], "u2") && !is_owned(&both[0], ""));
}

#[test]
fn an_application_that_follows_an_earlier_spec_counts_for_nothing() {
    let set = set(up_to_date());
    let lines = |change: &dyn Fn(&mut Json)| {
        let applications = [application("a-grpc", "c1-member", change)];
        let view = View { set: &set, applications: &applications, clusters: None, expected: &[] };
        (view.is_carried(), view.obstacles().iter().map(Obstacle::line).collect::<Vec<_>>())
    };
    let (carried, seen) = lines(&|one| one["spec"]["source"]["path"] = json!("earlier"));
    assert!(!carried && seen[0].contains("has not been compared"), "{seen:?}");
    let (carried, seen) = lines(&|one| one["status"]["sync"]["comparedTo"]["source"]["path"] = json!("earlier"));
    assert!(carried && seen[0].contains("has not been compared"), "{seen:?}");
    let (carried, seen) = lines(&|one| one["metadata"]["name"] = json!("a-other"));
    assert!(!carried && seen.is_empty());
    let (_, seen) = lines(&|one| one["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:30:00Z"));
    assert!(seen[0].ends_with("is being deleted"), "{seen:?}");
    let (_, seen) = lines(&|one| {
        one["status"]["health"] = json!({"status": "Degraded"});
        one["status"]["resources"] = json!([{"kind": "Deployment", "name": "grpc-server",
            "health": {"status": "Degraded", "message": "exceeded its progress deadline"}}]);
    });
    assert!(
        seen[0]
            .ends_with("Synced and Degraded (Deployment \"grpc-server\" is Degraded: exceeded its progress deadline)"),
        "{seen:?}"
    );
    let (_, seen) = lines(&|one| {
        one["status"]["sync"]["status"] = json!("OutOfSync");
        one["status"]["operationState"] = json!({"phase": "Failed", "message": "boom"});
    });
    assert!(seen[0].ends_with("last sync failed: boom"), "{seen:?}");
    let (_, seen) = lines(&|one| {
        one["status"]["sync"]["status"] = json!("Unknown");
        one["status"]["conditions"] = json!([{"type": "ComparisonError", "message": "x: app path does not exist"},
            {"type": "OrphanedResourceWarning", "message": "never mind"}]);
    });
    assert_eq!(seen.len(), 1);
    assert!(seen[0].ends_with("ComparisonError: x: app path does not exist"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lasting_cause_ends_a_wait_soon_and_slowness_never() {
    let (patience, now) = (Patience::default(), Instant::now());
    let obstacle = |message: Option<&str>| Obstacle {
        about: "x".to_owned(),
        standing: "y".to_owned(),
        message: message.map(str::to_owned),
    };
    for (message, weight, grace) in [
        (None, Weight::Passes, None),
        (Some("x: app path does not exist"), Weight::Lasting, Some(patience.lasting)),
        (Some("references project x which does not exist"), Weight::NeedsAnother, Some(patience.needs_another)),
        (Some("there are no clusters with this name: x"), Weight::NeedsAnother, Some(patience.needs_another)),
        (Some("dial tcp: i/o timeout"), Weight::Passes, None),
        (Some("nobody has seen this"), Weight::Unknown, Some(patience.unknown)),
    ] {
        let one = obstacle(message);
        assert_eq!(one.weight(), weight, "{message:?}");
        let mut all = Obstacles::default();
        all.see(now, std::slice::from_ref(&one));
        let later = now + patience.quiet;
        all.see(later, &[one]);
        assert_eq!(all.gives_up(patience), grace.map(|grace| now + grace), "{message:?}");
        all.see(later, &[]);
        assert_eq!(all.gives_up(patience), None);
    }
    let failed = set(json!([{"type": "ErrorOccurred", "status": "True", "message": "map has no entry for key \"x\""}]));
    let view = View { set: &failed, applications: &[], clusters: None, expected: &[] };
    assert_eq!(view.obstacles()[0].weight(), Weight::Lasting);
}

#[test]
fn a_cluster_secret_gives_name_and_address_of_members_only() {
    let secret = |annotations: Json| {
        Object::from(
            json!({"metadata": {"annotations": annotations}, "data": {"name": "YzEtbWVtYmVy", "server": "aHR0cHM6Ly94"}}),
        )
    };
    let known = Cluster::of(&secret(json!({"cluster_id": "c1"}))).unwrap();
    assert_eq!((known.name.as_str(), known.server.as_str()), ("c1-member", "https://x"));
    assert_eq!(Cluster::of(&secret(json!({}))), None);
}
