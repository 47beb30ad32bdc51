//! Every attribute of a gRPC Ingress, changed by itself with real Terraform. Protects: the plan says update or replace, the
//! object in the API differs in exactly that field, the plan after it is empty, and the controller takes all of it.
//!
//! Each change gets an Ingress of its own, all of them in one run: the configurations and changes are data
//! (`testdata/configurations`) that the provider's unit tests use too.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::{repository, wait_until};
use serde_json::{Map, Value, json};

/// Ingresses of one gateway: with 6 rules each they stay below the 100 that a load balancer takes.
const OF_A_GATEWAY: usize = 15;
/// How long the controller may take for a pass.
const PASS_LIMIT: Duration = Duration::from_secs(60);
/// Attributes that any change takes along: they are known only after the write.
const FOLLOWERS: [&str; 4] = ["ready", "reason", "effective_labels", "effective_annotations"];
const HASH: &str = "alb.ingress.kubernetes.io/hash";

const WORLD: &str = r#"
resource "ackone_namespace" "all" {
  for_each = toset(["gateway-demo", "gateway-other"])
  name     = each.key
}

resource "ackone_tls_secret" "all" {
  for_each  = toset(["gateway-demo/grpc-secret", "gateway-demo/grpc-other", "gateway-other/grpc-secret"])
  namespace = ackone_namespace.all[split("/", each.key)[0]].name
  name      = split("/", each.key)[1]

  self_signed = {
    common_name   = "grpc.example.com"
    dns_names     = ["grpc.example.com", "other.example.com"]
    key_algorithm = "ECDSA_P256"
  }
}

resource "ackone_alb_gateway" "all" {
  for_each               = toset(var.classes)
  name                   = "gateway-${each.key}"
  ingress_class_name     = each.key
  remote_clusters        = var.member_cluster_ids
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  wait                   = false

  listeners = {
    "80/HTTP"    = {}
    "443/HTTPS"  = {}
    # No Ingress is on it at first, so none brings it a certificate.
    "8443/HTTPS" = { certificates = [{ certificate_id = "1234567-cn-hangzhou", default = true }] }
  }
}

variable "classes" { type = list(string) }
"#;

fn read(name: &str) -> Value {
    let file = repository().join("acceptance-tests/testdata/configurations").join(name);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Terraform's templates: a literal `${` is `$${`. The configurations have it so, the changes do not.
fn escaped(value: &Value) -> Value {
    serde_json::from_str(&value.to_string().replace("${", "$${")).unwrap()
}

fn set(config: &mut Value, attribute: &str, to: Value) {
    let mut at = config;
    for step in attribute.split('.') {
        at = match step.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[step],
        };
    }
    *at = to;
}

/// A change with the Ingress that it is tried on.
struct Trial {
    name: String,
    change: Value,
    before: Value,
    after: Value,
}

impl Trial {
    fn address(&self) -> String {
        format!("ackone_grpc_ingress.{}", self.name)
    }

    fn replaces(&self) -> bool {
        self.change["action"] == "replace"
    }

    /// The attributes at the top that the change names.
    fn attributes(&self) -> Vec<String> {
        let also = self.change["also"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let top = |name: &str| name.split('.').next().unwrap().to_owned();
        let mut names: Vec<String> = also.chain(self.change["attribute"].as_str()).map(top).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The fields that must differ, by JSON pointer.
    fn fields(&self) -> BTreeMap<String, Value> {
        let annotation = |key: &str| format!("/metadata/annotations/alb.ingress.kubernetes.io~1{key}");
        let annotations = self.change["annotations"].as_object().into_iter().flatten();
        let others = self.change["object"].as_object().into_iter().flatten();
        annotations
            .map(|(key, value)| (annotation(key), value.clone()))
            .chain(others.map(|(pointer, value)| (pointer.clone(), value.clone())))
            .collect()
    }
}

fn trials(configuration: &str) -> Vec<Trial> {
    let base = read(&format!("ingress_{configuration}.tf.json"))["resource"]["ackone_grpc_ingress"]["demo"].clone();
    let changes = read(&format!("ingress_{configuration}.changes.json"));
    let trial = |(index, change): (usize, &Value)| {
        let name = format!("change-{index}");
        let mut before = base.clone();
        before["name"] = json!(name);
        before["ingress_class_name"] = json!(format!("alb-{}", index / OF_A_GATEWAY));
        before["wait"] = json!(false);
        // They share hosts and paths on purpose.
        before["cross_checks"] = json!(false);
        before["depends_on"] = json!(["ackone_alb_gateway.all", "ackone_tls_secret.all"]);
        let mut after = before.clone();
        set(&mut after, change["attribute"].as_str().unwrap(), escaped(&change["to"]));
        for (attribute, to) in change["also"].as_object().into_iter().flatten() {
            set(&mut after, attribute, escaped(to));
        }
        Trial { name, change: change.clone(), before, after }
    };
    changes.as_array().unwrap().iter().enumerate().map(trial).collect()
}

/// A canary needs another Ingress with the same hosts and paths.
fn twins(trials: &[Trial], classes: usize) -> Map<String, Value> {
    let Some(canary) = trials.iter().find(|trial| !trial.before["canary"].is_null()) else { return Map::new() };
    let twin = |index: usize| {
        let mut twin = canary.before.clone();
        twin["name"] = json!(format!("twin-{index}"));
        twin["ingress_class_name"] = json!(format!("alb-{index}"));
        twin["canary"] = Value::Null;
        twin["order"] = Value::Null;
        (format!("twin-{index}"), twin)
    };
    (0..classes).map(twin).collect()
}

fn write(workspace: &Workspace, trials: &[Trial], twins: &Map<String, Value>, which: fn(&Trial) -> &Value) {
    let mut all = twins.clone();
    all.extend(trials.iter().map(|trial| (trial.name.clone(), which(trial).clone())));
    let text = json!({"resource": {"ackone_grpc_ingress": all}}).to_string();
    workspace.write("ingresses.tf.json", &text).unwrap();
}

/// Every Ingress by namespace and name.
fn live(sandbox: &Sandbox, folder: &Path) -> BTreeMap<String, Value> {
    let list = sandbox.object(folder, &["ingresses", "--all-namespaces"]).unwrap();
    let name = |one: &Value, field: &str| one["metadata"][field].as_str().unwrap().to_owned();
    let items = list["items"].as_array().unwrap();
    items.iter().map(|one| (format!("{}/{}", name(one, "namespace"), name(one, "name")), one.clone())).collect()
}

fn key(config: &Value) -> String {
    format!("{}/{}", config["namespace"].as_str().unwrap(), config["name"].as_str().unwrap())
}

/// What we write of an Ingress.
fn written(object: &Value) -> Value {
    let mut labels = object["metadata"]["labels"].clone();
    if let Some(labels) = labels.as_object_mut() {
        labels.remove(HASH);
    }
    json!({"metadata": {"annotations": object["metadata"]["annotations"], "labels": labels}, "spec": object["spec"]})
}

fn differences(a: &Value, b: &Value, at: &str, found: &mut BTreeMap<String, Value>) {
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys()) {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                differences(&a[key], &b[key], &at, found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() && left.iter().any(Value::is_object) => {
            for index in 0..left.len() {
                differences(&left[index], &right[index], &format!("{at}/{index}"), found);
            }
        }
        _ if a == b => {}
        _ => {
            found.insert(at.to_owned(), b.clone());
        }
    }
}

/// Waits until the controller has been through every Ingress: one that it refuses would keep those of its gateway from it.
fn taken(sandbox: &Sandbox, folder: &Path, wanted: &BTreeMap<String, Option<String>>) {
    let awaited = "the controller to take every Ingress";
    let outcome = wait_until(awaited, PASS_LIMIT, || {
        let live = live(sandbox, folder);
        let stale: Vec<&String> = wanted
            .iter()
            .filter(|(name, before)| {
                let hash = live.get(*name).and_then(|object| object["metadata"]["labels"][HASH].as_str());
                hash.is_none() || hash == before.as_deref()
            })
            .map(|(name, _)| name)
            .collect();
        if stale.is_empty() { Ok(()) } else { Err(format!("not yet: {stale:?}")) }
    });
    if let Err(error) = outcome {
        let events = sandbox.kubectl(folder, &["get", "events", "--all-namespaces", "--field-selector=type=Warning"]);
        panic!("{error}\n{}", events.unwrap().stdout);
    }
}

/// Leaves out of the first Ingress all that can be: what its object says then, and what it should.
fn leave_out(sandbox: &Sandbox, workspace: &Workspace, trials: &[Trial]) -> (Value, Value) {
    let trial = trials.iter().find(|trial| !trial.replaces()).unwrap();
    let mut little = Map::new();
    for name in ["namespace", "name", "ingress_class_name", "wait", "cross_checks", "depends_on"] {
        little.insert(name.to_owned(), trial.after[name].clone());
    }
    little.insert("listen_ports".to_owned(), json!(["443/HTTPS"]));
    little.insert("rules".to_owned(), json!([{"paths": [{"service_name": "grpc-service", "service_port": 50051}]}]));
    little.insert("tls".to_owned(), json!([{"hosts": ["grpc.example.com"]}]));
    let text = json!({"resource": {"ackone_grpc_ingress": {trial.name.as_str(): little}}}).to_string();
    workspace.write("ingresses.tf.json", &text).unwrap();
    workspace.apply().unwrap().expect_ok();
    let again = workspace.plan().unwrap();
    assert_eq!(again.code, 0, "{}", again.stdout);
    let object = live(sandbox, &workspace.path())[&key(&trial.after)].clone();
    let backend = json!({"service": {"name": "grpc-service", "port": {"number": 50051}}});
    let wanted = json!({
        "metadata": {"annotations": {
            "alb.ingress.kubernetes.io/backend-protocol": "grpc",
            "alb.ingress.kubernetes.io/listen-ports": "[{\"HTTPS\":443}]",
        }},
        "spec": {
            "ingressClassName": trial.after["ingress_class_name"],
            "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
            "tls": [{"hosts": ["grpc.example.com"]}],
        },
    });
    let mut left = written(&object);
    left["metadata"].as_object_mut().unwrap().retain(|_, map| map.as_object().is_some_and(|map| !map.is_empty()));
    (left, wanted)
}

fn every_change(configuration: &str) {
    let trials = trials(configuration);
    let gateways = trials.len().div_ceil(OF_A_GATEWAY);
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let mut workspace = Workspace::with(&sandbox, WORLD).unwrap();
    let mut classes: Vec<String> = (0..gateways).map(|index| format!("alb-{index}")).collect();
    classes.push("alb-other".to_owned());
    workspace.set_env("TF_VAR_classes", &json!(classes).to_string());
    let folder = workspace.path();
    let twins = twins(&trials, gateways);

    write(&workspace, &trials, &twins, |trial| &trial.before);
    workspace.apply().unwrap().expect_ok();
    let again = workspace.plan().unwrap();
    assert_eq!(again.code, 0, "nothing to do after the create\n{}", again.stdout);
    let all = || trials.iter().map(|trial| key(&trial.before));
    taken(&sandbox, &folder, &all().map(|name| (name, None)).collect());
    let before = live(&sandbox, &folder);

    write(&workspace, &trials, &twins, |trial| &trial.after);
    let plan = workspace.plan_saved().unwrap();
    let mut failures = Vec::new();
    for trial in &trials {
        let change = plan.change(&trial.address()).unwrap();
        let mut changed = change.attributes();
        changed.retain(|name| !FOLLOWERS.contains(&name.as_str()));
        let wanted: &[&str] = if trial.replaces() { &["delete", "create"] } else { &["update"] };
        // A replaced object gets other computed values too.
        if change.actions != wanted || (!trial.replaces() && changed != trial.attributes()) {
            failures.push(format!("{}: {:?} {changed:?}", trial.change["attribute"], change.actions));
        }
    }
    workspace.apply_saved(false).unwrap().expect_ok();
    let hash = |name: &String| before[name]["metadata"]["labels"][HASH].as_str().map(str::to_owned);
    let updated = trials.iter().filter(|trial| {
        // The controller's hash covers spec and annotations.
        !trial.replaces() && trial.fields().keys().any(|pointer| !pointer.starts_with("/metadata/labels"))
    });
    let mut wanted: BTreeMap<String, Option<String>> =
        updated.map(|trial| key(&trial.before)).map(|name| (name.clone(), hash(&name))).collect();
    wanted.extend(trials.iter().filter(|trial| trial.replaces()).map(|trial| (key(&trial.after), None)));
    taken(&sandbox, &folder, &wanted);

    let after = live(&sandbox, &folder);
    for trial in &trials {
        let (old, new) = (written(&before[&key(&trial.before)]), written(&after[&key(&trial.after)]));
        let mut found = BTreeMap::new();
        differences(&old, &new, "", &mut found);
        if found != trial.fields() {
            failures.push(format!("{}: {found:?} instead of {:?}", trial.change["attribute"], trial.fields()));
        }
        if trial.replaces() && after.contains_key(&key(&trial.before)) {
            failures.push(format!("{}: the old object is still there", trial.change["attribute"]));
        }
    }
    let again = workspace.plan().unwrap();
    if again.code != 0 {
        failures.push(format!("the plan after the changes is not empty\n{}", again.stdout));
    }
    let (left, wanted) = leave_out(&sandbox, &workspace, &trials);
    if left != wanted {
        failures.push(format!("what is left out of the configuration stays: {left:#?} instead of {wanted:#?}"));
    }
    eprintln!("{configuration}: {} attributes changed one by one on {gateways} gateways", trials.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    workspace.destroy().unwrap().expect_ok();
}

#[test]
fn every_setting_of_an_ingress_changes_its_own_field() {
    every_change("settings");
}

#[test]
fn every_part_of_custom_routing_changes_its_own_annotation() {
    every_change("routing");
}

#[test]
fn every_attribute_of_canaries_and_regular_expressions_changes_its_own_annotation() {
    for configuration in ["canary_by_weight", "canary_by_request", "regex"] {
        every_change(configuration);
    }
}
