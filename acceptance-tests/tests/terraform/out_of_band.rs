//! Some fifty kinds of edits behind Terraform's back, one by one. Protects: a plan after an edit that changes what is
//! configured names the attribute and who wrote it, and one apply sets it back; after an edit that only spells it
//! differently, or touches what is not configured, the plan is empty.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are tests too; clippy knows only the functions marked so"
)]

use std::path::Path;

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};

const BODY: &str = r#"
resource "ackone_namespace" "demo" {
  name   = "gateway-demo"
  labels = { team = "edge" }
}

resource "ackone_tls_secret" "grpc" {
  namespace = ackone_namespace.demo.name
  name      = "grpc-secret"

  self_signed = {
    common_name   = "grpc.example.com"
    dns_names     = ["grpc.example.com", "other.example.com"]
    key_algorithm = "ECDSA_P256"
  }
}

resource "ackone_alb_gateway" "demo" {
  name                   = "ackone-gateway-demo"
  ingress_class_name     = "alb"
  default_ingress_class  = true
  remote_clusters        = var.member_cluster_ids
  load_balancer_name     = "one-alb-demo"
  address_type           = "Internet"
  address_allocated_mode = "Fixed"
  zone_mappings          = [for id in var.vswitch_ids : { vswitch_id = id }]
  tags                   = { team = "edge", stage = "prod" }
  wait                   = false

  listeners = {
    "8001/HTTP" = { description = "plain", gzip_enabled = true }
    "443/HTTPS" = {
      idle_timeout       = 60
      security_policy_id = "tls_cipher_policy_1_2"
      acl                = { type = "White", entries = ["10.0.0.0/8", "192.168.1.0/24"] }
    }
  }
}

resource "ackone_grpc_ingress" "demo" {
  namespace          = ackone_namespace.demo.name
  name               = "grpc-ingress"
  ingress_class_name = ackone_alb_gateway.demo.ingress_class_name
  listen_ports       = ["443/HTTPS"]
  annotations        = { "example.com/owner" = "edge" }
  wait               = false
  load_balancing     = { scheduler = "wlc" }
  cors               = { allow_origins = ["https://a.example.com", "https://b.example.com"], max_age = 600 }

  custom_routing = {
    grpc-service = { conditions = [{ header = { key = "stage", values = ["gray", "blue"] } }] }
  }

  rules = [
    {
      host  = "grpc.example.com"
      paths = [{ service_name = "grpc-service", service_port = 50051 }]
    },
    {
      host  = "other.example.com"
      paths = [{ service_name = "grpc-service", service_port = 50051 }]
    },
    { paths = [{ path = "/helloworld.Greeter/", service_name = "grpc-service", service_port = 50051 }] },
  ]

  tls = [{
    hosts       = ["grpc.example.com", "other.example.com"]
    secret_name = ackone_tls_secret.grpc.name
  }]
}
"#;

const NAMESPACE: (&str, &str) = ("namespace/gateway-demo", "ackone_namespace.demo");
const SECRET: (&str, &str) = ("secret/grpc-secret", "ackone_tls_secret.grpc");
const GATEWAY: (&str, &str) = ("albconfig/ackone-gateway-demo", "ackone_alb_gateway.demo");
const CLASS: (&str, &str) = ("ingressclass/alb", "ackone_alb_gateway.demo");
const INGRESS: (&str, &str) = ("ingress/grpc-ingress", "ackone_grpc_ingress.demo");

/// Attributes that any change takes along: they are known only after the write.
const FOLLOWERS: [&str; 5] = ["ready", "reason", "listener_status", "effective_labels", "effective_annotations"];

/// What the plan after an edit must say.
enum Then {
    /// Nothing.
    Empty,
    /// This attribute, written by the editor.
    Shows(&'static str),
    /// This attribute, written by the editor, in a message of its own.
    Lost(&'static str),
    /// This attribute, without a writer: the field is gone, and nothing tells who removed it.
    Misses(&'static str),
}

use Then::{Empty, Lost, Misses, Shows};

struct Edit {
    what: &'static str,
    object: (&'static str, &'static str),
    change: fn(&mut Value),
    then: Then,
}

const fn edit(what: &'static str, object: (&'static str, &'static str), change: fn(&mut Value), then: Then) -> Edit {
    Edit { what, object, change, then }
}

fn reverse(list: &mut Value) {
    list.as_array_mut().unwrap().reverse();
}

fn listener(object: &mut Value, port: u16) -> &mut Value {
    let listeners = object["spec"]["listeners"].as_array_mut().unwrap();
    listeners.iter_mut().find(|listener| listener["port"] == port).unwrap()
}

fn remove(object: &mut Value, field: &str) {
    object.as_object_mut().unwrap().remove(field).unwrap();
}

const LISTEN_PORTS: &str = "alb.ingress.kubernetes.io/listen-ports";
const CONDITIONS: &str = "alb.ingress.kubernetes.io/conditions.grpc-service";
const REMOTE_CLUSTERS: &str = "alb.ingress.kubernetes.io/remote-clusters";

fn edits() -> Vec<Edit> {
    vec![
        edit(
            "a scalar changed",
            GATEWAY,
            |o| o["spec"]["config"]["name"] = json!("by-hand"),
            Shows("load_balancer_name"),
        ),
        edit("a scalar removed", GATEWAY, |o| remove(&mut o["spec"]["config"], "name"), Misses("load_balancer_name")),
        edit(
            "a creation-only field changed",
            GATEWAY,
            |o| o["spec"]["config"]["addressType"] = json!("Intranet"),
            Shows("address_type"),
        ),
        edit("a default left out", GATEWAY, |o| remove(&mut o["spec"]["config"], "addressType"), Empty),
        edit(
            "a default written where nothing is configured",
            GATEWAY,
            |o| o["spec"]["config"]["edition"] = json!("Standard"),
            Empty,
        ),
        edit(
            "another value where nothing is configured",
            GATEWAY,
            |o| o["spec"]["config"]["resourceGroupId"] = json!("rg-byhand"),
            Empty,
        ),
        edit(
            "a listener's timer changed",
            GATEWAY,
            |o| listener(o, 443)["idleTimeout"] = json!(61),
            Shows("listeners"),
        ),
        edit("a number written as text", GATEWAY, |o| listener(o, 443)["idleTimeout"] = json!("60"), Empty),
        edit("a listener's other field set", GATEWAY, |o| listener(o, 443)["requestTimeout"] = json!(90), Empty),
        edit("listeners in another order", GATEWAY, |o| reverse(&mut o["spec"]["listeners"]), Empty),
        edit(
            "a listener added",
            GATEWAY,
            |o| o["spec"]["listeners"].as_array_mut().unwrap().push(json!({"port": 9443, "protocol": "HTTPS"})),
            Empty,
        ),
        edit(
            "a listener removed",
            GATEWAY,
            |o| o["spec"]["listeners"].as_array_mut().unwrap().retain(|l| l["port"] != 8001),
            Shows("listeners"),
        ),
        edit(
            "zero values as the controller writes them",
            GATEWAY,
            |o| {
                let config = &mut o["spec"]["config"];
                for (field, zero) in [
                    ("edition", json!("")),
                    ("forceOverride", Value::Null),
                    ("id", json!("")),
                    ("accessLogConfig", json!({"logProject": "", "logStore": ""})),
                ] {
                    config[field] = zero;
                }
                for mapping in config["zoneMappings"].as_array_mut().unwrap() {
                    mapping["zoneId"] = json!("");
                    mapping["allocationId"] = json!("");
                    mapping["eipType"] = json!("");
                }
                let https = listener(o, 443);
                https["certificates"] = Value::Null;
                https["requestTimeout"] = json!(0);
                listener(o, 8001)["aclConfig"] =
                    json!({"aclName": "", "aclType": "", "aclEntries": null, "aclIds": null});
            },
            Empty,
        ),
        edit("zone mappings in another order", GATEWAY, |o| reverse(&mut o["spec"]["config"]["zoneMappings"]), Empty),
        edit(
            "a zone filled in",
            GATEWAY,
            |o| o["spec"]["config"]["zoneMappings"][0]["zoneId"] = json!("cn-hangzhou-h"),
            Empty,
        ),
        edit("tags in another order", GATEWAY, |o| reverse(&mut o["spec"]["config"]["tags"]), Empty),
        edit("a tag changed", GATEWAY, |o| o["spec"]["config"]["tags"][0]["value"] = json!("by-hand"), Shows("tags")),
        edit(
            "members in another order, with spaces",
            GATEWAY,
            |o| {
                let text = o["metadata"]["annotations"][REMOTE_CLUSTERS].as_str().unwrap().to_owned();
                let ids: Vec<&str> = text.split(',').rev().collect();
                o["metadata"]["annotations"][REMOTE_CLUSTERS] = json!(ids.join(", "));
            },
            Empty,
        ),
        edit(
            "a member removed",
            GATEWAY,
            |o| {
                let text = o["metadata"]["annotations"][REMOTE_CLUSTERS].as_str().unwrap().to_owned();
                o["metadata"]["annotations"][REMOTE_CLUSTERS] = json!(text.split(',').next().unwrap());
            },
            Shows("remote_clusters"),
        ),
        edit(
            "a foreign label and annotation",
            GATEWAY,
            |o| {
                o["metadata"]["labels"]["cost-centre"] = json!("4711");
                o["metadata"]["annotations"]["example.com/watched-by"] = json!("someone");
                o["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"] = json!("by-hand");
            },
            Empty,
        ),
        edit(
            "the class leads elsewhere",
            CLASS,
            |o| o["spec"]["parameters"]["name"] = json!("another"),
            Lost("ingress_class_name"),
        ),
        edit(
            "the class names another group",
            CLASS,
            |o| o["spec"]["parameters"]["apiGroup"] = json!("example.com"),
            Shows("ingress_class_name"),
        ),
        edit(
            "the class is no longer the default one",
            CLASS,
            |o| o["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"] = json!("false"),
            Shows("default_ingress_class"),
        ),
        edit(
            "a JSON annotation spelled differently",
            INGRESS,
            |o| o["metadata"]["annotations"][LISTEN_PORTS] = json!("[ { \"HTTPS\" : 443 } ]\n"),
            Empty,
        ),
        edit(
            "a JSON annotation with another value",
            INGRESS,
            |o| o["metadata"]["annotations"][LISTEN_PORTS] = json!("[{\"HTTPS\": 9443}]"),
            Shows("listen_ports"),
        ),
        edit(
            "a JSON annotation that cannot be read",
            INGRESS,
            |o| o["metadata"]["annotations"][LISTEN_PORTS] = json!("[{\"HTTPS\":"),
            Shows("listen_ports"),
        ),
        edit(
            "networks in another order",
            GATEWAY,
            |o| reverse(&mut listener(o, 443)["aclConfig"]["aclEntries"]),
            Empty,
        ),
        edit(
            "a network more",
            GATEWAY,
            |o| {
                let entries = listener(o, 443)["aclConfig"]["aclEntries"].as_array_mut().unwrap();
                entries.push(json!("172.16.0.0/12"));
            },
            Shows("listeners"),
        ),
        edit(
            "a setting changed",
            INGRESS,
            |o| o["metadata"]["annotations"]["alb.ingress.kubernetes.io/backend-scheduler"] = json!("sch"),
            Shows("load_balancing"),
        ),
        edit(
            "a list with spaces, in another order",
            INGRESS,
            |o| {
                let origins = "https://b.example.com, https://a.example.com";
                o["metadata"]["annotations"]["alb.ingress.kubernetes.io/cors-allow-origin"] = json!(origins);
            },
            Empty,
        ),
        edit(
            "a number that is none",
            INGRESS,
            |o| o["metadata"]["annotations"]["alb.ingress.kubernetes.io/cors-max-age"] = json!("ten minutes"),
            Shows("cors"),
        ),
        edit(
            "conditions spelled differently",
            INGRESS,
            |o| {
                let text = r#"[ {"HeaderConfig": {"Values": ["blue", "gray"], "Key": "stage"}, "Type": "Header"} ]"#;
                o["metadata"]["annotations"][CONDITIONS] = json!(text);
            },
            Empty,
        ),
        edit(
            "another condition",
            INGRESS,
            |o| {
                let text = r#"[{"type":"Header","headerConfig":{"key":"stage","values":["gray"]}}]"#;
                o["metadata"]["annotations"][CONDITIONS] = json!(text);
            },
            Shows("custom_routing"),
        ),
        edit(
            "another protocol towards the Pods",
            INGRESS,
            |o| o["metadata"]["annotations"]["alb.ingress.kubernetes.io/backend-protocol"] = json!("http"),
            Shows("backend_protocol"),
        ),
        edit(
            "an annotation of ours changed",
            INGRESS,
            |o| o["metadata"]["annotations"]["example.com/owner"] = json!("core"),
            Shows("annotations"),
        ),
        edit(
            "an annotation of ours removed",
            INGRESS,
            |o| remove(&mut o["metadata"]["annotations"], "example.com/owner"),
            Misses("annotations"),
        ),
        edit(
            "a backend port changed",
            INGRESS,
            |o| o["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"] = json!(50052),
            Shows("rules"),
        ),
        edit(
            "a host given to a rule for any host",
            INGRESS,
            |o| o["spec"]["rules"][2]["host"] = json!("by-hand.example.com"),
            Shows("rules"),
        ),
        edit("a host taken from a rule", INGRESS, |o| remove(&mut o["spec"]["rules"][0], "host"), Shows("rules")),
        edit(
            "a Secret taken from the TLS hosts",
            INGRESS,
            |o| remove(&mut o["spec"]["tls"][0], "secretName"),
            Shows("tls"),
        ),
        edit("rules in another order", INGRESS, |o| reverse(&mut o["spec"]["rules"]), Shows("rules")),
        edit("TLS hosts in another order", INGRESS, |o| reverse(&mut o["spec"]["tls"][0]["hosts"]), Empty),
        edit(
            "another class",
            INGRESS,
            |o| o["spec"]["ingressClassName"] = json!("another"),
            Shows("ingress_class_name"),
        ),
        edit(
            "a status of the controller",
            INGRESS,
            |o| o["metadata"]["labels"]["alb.ingress.kubernetes.io/hash"] = json!("by-hand"),
            Empty,
        ),
        edit("a label changed", NAMESPACE, |o| o["metadata"]["labels"]["team"] = json!("core"), Shows("labels")),
        edit("a foreign label", NAMESPACE, |o| o["metadata"]["labels"]["cost-centre"] = json!("4711"), Empty),
        edit(
            "a certificate with another line ending",
            SECRET,
            |o| {
                use base64::Engine as _;
                let engine = base64::engine::general_purpose::STANDARD;
                let pem = engine.decode(o["data"]["tls.crt"].as_str().unwrap()).unwrap();
                let text = String::from_utf8(pem).unwrap().replace('\n', "\r\n") + "\n\n";
                o["data"]["tls.crt"] = json!(engine.encode(text));
            },
            Empty,
        ),
        edit("another entry in the Secret", SECRET, |o| o["data"]["ca.crt"] = json!("YnktaGFuZA=="), Empty),
    ]
}

/// Sends the whole object, as `kubectl edit` does, and as its user does looks again if the controller wrote meanwhile.
fn edit_object(sandbox: &Sandbox, folder: &Path, names: &[&str], change: fn(&mut Value)) {
    let file = folder.join("edited.json");
    for attempt in 1.. {
        let mut edited = sandbox.object(folder, names).unwrap();
        change(&mut edited);
        std::fs::write(&file, edited.to_string()).unwrap();
        let manager = "--field-manager=kubectl-edit";
        match sandbox.kubectl(folder, &["replace", "-f", file.to_str().unwrap(), manager]) {
            Err(error) if attempt < 10 && error.to_string().contains("(Conflict)") => {}
            done => return drop(done.unwrap()),
        }
    }
}

#[test]
fn edits_behind_terraforms_back_show_at_their_attribute_or_not_at_all() {
    let sandbox = Sandbox::start_with(&["--attached"]).unwrap();
    let workspace = Workspace::with(&sandbox, BODY).unwrap();
    let folder = workspace.path();
    workspace.apply().unwrap().expect_ok();
    assert_eq!(workspace.plan().unwrap().code, 0);
    let mut failures = Vec::new();
    let (mut shown, mut silent) = (0, 0);
    for Edit { what, object: (object, address), change, then } in edits() {
        let names: Vec<&str> = if address == SECRET.1 || address == INGRESS.1 {
            vec![object, "--namespace=gateway-demo"]
        } else {
            vec![object]
        };
        edit_object(&sandbox, &folder, &names, change);
        let plan = workspace.plan_saved().unwrap();
        let (summary, told) = (plan.summary(), plan.finished.prose());
        let mut changed = plan.change(address).unwrap().attributes();
        changed.retain(|name| !FOLLOWERS.contains(&name.as_str()));
        let wrong = match then {
            Empty => !summary.is_empty() || told.contains("Changed Outside of Terraform"),
            Shows(attribute) => {
                summary != [format!("{address}: update")]
                    || changed != [attribute]
                    || !told.contains(&format!("- {attribute}"))
                    || !told.contains("last written by \"kubectl-edit\" at ")
            }
            Lost(attribute) => {
                summary != [format!("{address}: update")]
                    || changed != [attribute]
                    || !told.contains("was changed (last written by \"kubectl-edit\" at ")
            }
            Misses(attribute) => summary != [format!("{address}: update")] || changed != [attribute],
        };
        match then {
            Empty => silent += 1,
            Shows(_) | Lost(_) | Misses(_) => shown += 1,
        }
        if wrong {
            failures.push(format!("{what}: {summary:?} {changed:?}\n{}", plan.finished.stdout));
        }
        if !summary.is_empty() {
            let applied = workspace.apply_saved(false).unwrap();
            if !applied.ok() {
                failures.push(format!("{what}: the apply fails\n{}", applied.stderr));
            }
            let again = workspace.plan().unwrap();
            if again.code != 0 {
                failures.push(format!("{what}: not set back\n{}", again.stdout));
            }
        }
    }
    eprintln!("{} edits: {shown} shown at their attribute, {silent} rightly empty", shown + silent);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    workspace.destroy().unwrap().expect_ok();
}
