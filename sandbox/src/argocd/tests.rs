//! Decisions of the simulated Argo CD, on the walkthrough's ApplicationSet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::compare::{Around, Deed, Deployed, Memory, Pace, judge};
use super::generate::{Cluster, IN_CLUSTER, Outcome, RESOURCES_FINALIZER, conditions, generate, selects, target};
use super::{git, template};

fn clusters() -> Vec<Cluster> {
    let one = |id: &str, name: &str| Cluster {
        name: format!("{id}-{name}"),
        server: format!("https://{id}.members.invalid:6443"),
        labels: BTreeMap::from([("argocd.argoproj.io/secret-type".to_owned(), "cluster".to_owned())]),
        annotations: BTreeMap::from([
            ("cluster_id".to_owned(), id.to_owned()),
            ("cluster_name".to_owned(), name.to_owned()),
        ]),
    };
    vec![one("c1", "member-1"), one("c2", "member-2")]
}

fn walkthrough() -> Value {
    json!({
        "metadata": {"name": "appset-grpc-demo", "namespace": "argocd", "uid": "u1"},
        "spec": {
            "goTemplate": true, "goTemplateOptions": ["missingkey=error"],
            "generators": [{"clusters": {"selector": {"matchExpressions": [
                {"key": "argocd.argoproj.io/secret-type", "operator": "In", "values": ["cluster"]},
                {"key": "name", "operator": "NotIn", "values": ["in-cluster"]}]}}}],
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

fn projects() -> BTreeSet<String> {
    BTreeSet::from(["default".to_owned()])
}

fn valid(set: &Value) -> Vec<Value> {
    match generate(set, &clusters(), &projects()) {
        Outcome::Generated { valid, invalid: None, .. } => valid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_walkthroughs_set_makes_one_application_for_each_member_and_none_for_the_fleet() {
    let all = valid(&walkthrough());
    let names: Vec<&Value> = all.iter().map(|one| &one["metadata"]["name"]).collect();
    assert_eq!(names, ["member-1-grpc", "member-2-grpc"]);
    assert_eq!(all[0]["spec"]["destination"], json!({"name": "c1-member-1", "namespace": "gateway-demo"}));
    assert_eq!(all[0]["metadata"]["finalizers"], json!([RESOURCES_FINALIZER]));
    assert_eq!(all[0]["metadata"]["ownerReferences"][0]["uid"], "u1");
    let mut preserving = walkthrough();
    preserving["spec"]["syncPolicy"] = json!({"preserveResourcesOnDeletion": true});
    assert!(valid(&preserving)[0]["metadata"].get("finalizers").is_none());
    let mut everywhere = walkthrough();
    everywhere["spec"]["generators"] = json!([{"clusters": {}}]);
    everywhere["spec"]["template"]["metadata"]["name"] = json!("{{.name}}-grpc");
    assert_eq!(valid(&everywhere)[2]["metadata"]["name"], format!("{IN_CLUSTER}-grpc"));
}

#[test]
fn what_cannot_be_generated_is_told_as_argo_cd_tells_it() {
    let with = |pointer: &str, value: Value| {
        let mut set = walkthrough();
        *set.pointer_mut(pointer).unwrap() = value;
        generate(&set, &clusters(), &projects())
    };
    let name = "/spec/template/metadata/name";
    for (pointer, value, part) in [
        (name, json!("{{.metadata.annotations.missing}}-x"), "map has no entry for key \"missing\""),
        (name, json!("{{.name-x"), "unclosed action"),
        (name, json!("{{ .name | upper }}"), "more than a field"),
    ] {
        let Outcome::Failed("RenderTemplateParamsError", message) = with(pointer, value) else { panic!("{part}") };
        assert!(message.contains(part), "{message}");
    }
    for (pointer, value, part) in [
        (name, json!("grpc"), "contains applications with duplicate name: grpc"),
        ("/spec/template/spec/project", json!("other"), "references project other which does not exist"),
        ("/spec/template/spec/destination/name", json!("nobody"), "there are no clusters with this name: nobody"),
    ] {
        let Outcome::Generated { invalid: Some(message), .. } = with(pointer, value) else { panic!("{part}") };
        assert!(message.contains(part), "{message}");
    }
    let Outcome::Failed(_, message) = with("/spec/generators", json!([{"git": {}}])) else { panic!("git") };
    assert!(message.contains("git"), "{message}");
}

#[test]
fn selectors_and_templates_follow_their_languages() {
    let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let fits = |expression: Value| selects(&json!({"matchExpressions": [expression]}), &labels).unwrap();
    assert!(fits(json!({"key": "a", "operator": "In", "values": ["1", "2"]})));
    assert!(!fits(json!({"key": "b", "operator": "In", "values": ["1"]})));
    assert!(fits(json!({"key": "b", "operator": "NotIn", "values": ["1"]})));
    assert!(fits(json!({"key": "a", "operator": "Exists"})) && !fits(json!({"key": "a", "operator": "DoesNotExist"})));
    assert!(selects(&json!({"matchExpressions": [{"key": "a", "operator": "Like"}]}), &labels).is_err());
    assert!(!selects(&json!({"matchLabels": {"a": "2"}}), &labels).unwrap());
    let parameters = json!({"name": "c1", "metadata": {"labels": {"env": "dev"}}});
    assert_eq!(template::go("{{ .name }}-{{.metadata.labels.env}}", &parameters, true).unwrap(), "c1-dev");
    assert_eq!(template::go("{{.gone}}", &parameters, false).unwrap(), "<no value>");
    assert_eq!(template::plain("{{name}}-{{gone}}", &parameters), "c1-{{gone}}");
    assert!(target(&json!({"name": "c1-member-1", "server": "x"}), &clusters()).is_err());
}

#[test]
fn conditions_keep_their_time_while_they_say_the_same() {
    let first = conditions(&Value::Null, None, true, "t1");
    let second = conditions(&json!(first), None, true, "t2");
    assert_eq!(first, second);
    let failed = conditions(&json!(second), Some(("RenderTemplateParamsError", "boom")), false, "t3");
    let told: Vec<_> =
        failed.iter().map(|one| (one["type"].as_str().unwrap(), one["status"].as_str().unwrap())).collect();
    assert_eq!(told, [("ErrorOccurred", "True"), ("ParametersGenerated", "False"), ("ResourcesUpToDate", "False")]);
    assert!(failed.iter().all(|one| one["message"] == "boom" && one["lastTransitionTime"] == "t3"));
}

fn default_project() -> Value {
    json!({"spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}]}})
}

fn around(project: &Value) -> Around<'_> {
    Around {
        project: Some(project),
        cluster: Ok(clusters()[0].clone()),
        has_namespace: false,
        runs: false,
        degraded: None,
    }
}

#[test]
fn an_application_is_compared_synced_rolled_out_and_then_healthy() {
    let (project, pace) = (default_project(), Pace::of(1.0));
    let application = valid(&walkthrough()).remove(0);
    let begin = Instant::now();
    let mut memory = Memory::new(&application, begin, "t");
    let look = judge(&application, &memory, &around(&project), pace, begin);
    assert_eq!((look.status, look.again), (None, Some(pace.compare)));
    let look = judge(&application, &memory, &around(&project), pace, begin + pace.compare);
    let status = look.status.unwrap();
    assert_eq!((&status["sync"]["status"], &status["health"]["status"]), (&json!("OutOfSync"), &json!("Missing")));
    let synced = begin + pace.compare + pace.sync;
    let look = judge(&application, &memory, &around(&project), pace, synced);
    let Deed::Deploy { cluster_id, namespace, manifests } = look.deed else { panic!("{look:?}") };
    assert_eq!((cluster_id.as_str(), namespace.as_str()), ("c1", "gateway-demo"));
    memory.deployed = Some(Deployed { cluster_id, namespace, manifests, at: synced });
    let running = Around { runs: true, ..around(&project) };
    let health = |around: &Around<'_>, later: Duration| {
        let status = judge(&application, &memory, around, pace, synced + later).status.unwrap();
        assert_eq!(status["sync"]["status"], "Synced");
        status["health"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(health(&running, Duration::ZERO), "Progressing");
    assert_eq!(health(&running, pace.rollout), "Healthy");
    let ill = Around { degraded: Some("ImagePullBackOff"), runs: true, ..around(&project) };
    assert_eq!(health(&ill, pace.rollout), "Degraded");
}

#[test]
fn what_keeps_an_application_from_syncing_is_told_as_argo_cd_tells_it() {
    let pace = Pace::of(0.0);
    let now = Instant::now();
    let mut closed = default_project();
    closed["spec"]["sourceRepos"] = json!(["https://example.com/*"]);
    let told = |change: &dyn Fn(&mut Value), project: &Value| {
        let mut application = valid(&walkthrough()).remove(0);
        change(&mut application);
        let memory = Memory::new(&application, now, "t");
        let status = judge(&application, &memory, &around(project), pace, now).status.unwrap();
        status["conditions"][0]["message"].as_str().unwrap_or("none").to_owned()
    };
    let open = default_project();
    let source = |field: &'static str, value: &'static str| {
        move |application: &mut Value| application["spec"]["source"][field] = json!(value)
    };
    assert!(told(&source("repoURL", "https://example.com/x.git"), &open).ends_with("repository not found"));
    assert!(told(&source("path", "nowhere"), &open).ends_with("nowhere: app path does not exist"));
    assert!(told(&source("targetRevision", "v9"), &open).contains("unable to resolve"));
    assert!(told(&|_| (), &closed).contains("is not permitted in project 'default'"));
    let no_namespace = |application: &mut Value| application["spec"]["syncPolicy"]["syncOptions"] = json!([]);
    assert!(told(&no_namespace, &open).contains("namespaces \"gateway-demo\" not found"));
    let by_hand = |application: &mut Value| application["spec"]["syncPolicy"] = json!({});
    assert_eq!(told(&by_hand, &open), "none");
    assert!(git::manifests("https://github.com/ivan-cai/gitops-demo", "/manifests/directory/grpc/", "HEAD").is_ok());
}
