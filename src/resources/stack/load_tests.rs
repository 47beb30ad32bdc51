//! Plans and applies against a Fleet in memory, through the resources that use the checks.

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::clients::Settings;
use crate::framework::erased::AnyResource;
use crate::framework::provider::AnyClients;
use crate::resources::testing::{FakeFleet, Fault, Instance, errors, recorded, warnings};

const CLASS: &str = "/apis/networking.k8s.io/v1/ingressclasses/alb";
const ALB_CONFIG: &str = "/apis/alibabacloud.com/v1/albconfigs/ackone-gateway-demo";
const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/gateway-demo/ingresses/grpc-ingress";
const SECRET: &str = "/api/v1/namespaces/gateway-demo/secrets/grpc-secret";

/// A Fleet with the walkthrough's gateway.
fn fleet() -> FakeFleet {
    let fleet = FakeFleet::default();
    let mut gateway = recorded("AlbConfig");
    gateway["spec"]["config"]["zoneMappings"] = json!([{"vSwitchId": "vsw-a1"}, {"vSwitchId": "vsw-b2"}]);
    fleet.put(ALB_CONFIG, gateway);
    fleet.put(CLASS, recorded("IngressClass"));
    fleet
}

fn clients(fleet: &FakeFleet) -> AnyClients {
    fleet.clients(Settings { fleet_id: Some("c0fleet".to_owned()), ..Settings::default() })
}

fn resource(name: &str) -> Arc<dyn AnyResource> {
    crate::resources::all().into_iter().find(|resource| resource.type_name() == name).unwrap()
}

fn ingress(clients: &AnyClients) -> Instance {
    Instance::new(resource("ackone_grpc_ingress"), clients.clone())
}

fn gateway(clients: &AnyClients) -> Instance {
    Instance::new(resource("ackone_alb_gateway"), clients.clone())
}

fn ingress_config(name: &str, host: &str, ports: &Json) -> Json {
    json!({"namespace": "gateway-demo", "name": name, "ingress_class_name": "alb", "listen_ports": ports, "wait": false,
        "rules": [{"host": host, "paths": [{"service_name": "grpc-service", "service_port": 50051}]}],
        "tls": [{"hosts": [host], "secret_name": "grpc-secret"}]})
}

fn gateway_config(listeners: &Json) -> Json {
    json!({"name": "ackone-gateway-demo", "ingress_class_name": "alb", "wait": false, "listeners": listeners,
        "remote_clusters": ["c11111111111111111111111111111111", "c22222222222222222222222222222222"],
        "address_allocated_mode": "Fixed", "zone_mappings": [{"vswitch_id": "vsw-a1"}, {"vswitch_id": "vsw-b2"}]})
}

fn secret_config() -> Json {
    json!({"namespace": "gateway-demo", "name": "grpc-secret",
        "self_signed": {"common_name": "grpc.example.com", "dns_names": ["grpc.example.com"]}})
}

const NOTHING: [&str; 0] = [];

#[tokio::test(start_paused = true)]
async fn a_plan_of_a_thousand_ingresses_is_a_few_calls() {
    let fleet = fleet();
    for number in 0..50 {
        let mut object = recorded("Ingress");
        object["metadata"]["name"] = json!(format!("old{number}"));
        fleet.put(&INGRESS.replace("grpc-ingress", &format!("old{number}")), object);
    }
    let clients = clients(&fleet);
    let one = ingress(&clients);
    let mut too_many = 0;
    for chunk in 0..100 {
        let configs: Vec<Json> = (0..10)
            .map(|number| {
                let name = format!("i{}", chunk * 10 + number);
                ingress_config(&name, &format!("{name}.example.com"), &json!(["443/HTTPS"]))
            })
            .collect();
        for said in join_all(configs.iter().map(|config| one.say(config))).await {
            too_many += said.iter().filter(|told| told.summary == "Too Many Forwarding Rules").count();
        }
    }
    let reads = fleet.reads();
    assert!(reads.len() <= 12, "{} calls: {:#?}", reads.len(), reads);
    assert_eq!(too_many, 1, "told once, not by each");
}

#[tokio::test(start_paused = true)]
async fn the_secrets_of_a_thousand_planned_ingresses_are_a_few_calls_and_each_apply_reads_its_own() {
    let of_secrets =
        |fleet: &FakeFleet| fleet.reads().into_iter().filter(|read| read.contains("/secrets")).collect::<Vec<_>>();
    let config = |name: &str| {
        let mut config = ingress_config(name, &format!("{name}.example.com"), &json!(["443/HTTPS"]));
        config["tls"][0]["secret_name"] = json!(format!("{name}-tls"));
        config
    };
    let fleet = fleet();
    let one = ingress(&clients(&fleet));
    for chunk in 0..100 {
        let configs: Vec<Json> = (0..10).map(|number| config(&format!("i{}", chunk * 10 + number))).collect();
        for said in join_all(configs.iter().map(|config| one.say(config))).await {
            assert!(warnings(&said).contains(&"tls[0].secret_name: TLS Secret Missing".to_owned()), "{said:?}");
        }
    }
    let reads = of_secrets(&fleet);
    assert!(reads.len() <= 8, "{} calls: {reads:#?}", reads.len());

    let fleet = self::fleet();
    let clients = clients(&fleet);
    for number in 0..6 {
        let answer = ingress(&clients).apply(&config(&format!("i{number}"))).await;
        assert_eq!(errors(&answer.diagnostics), NOTHING);
    }
    let own = |number: usize| format!("GET {}", SECRET.replace("grpc-secret", &format!("i{number}-tls")));
    assert_eq!(of_secrets(&fleet), (0..6).map(own).collect::<Vec<_>>(), "no list of other Secrets");
}

#[tokio::test(start_paused = true)]
async fn an_ingress_that_is_going_competes_with_nobody() {
    let twice = "rules[0].paths[0]: Route Declared Twice".to_owned();
    let fleet = fleet();
    let mut live = recorded("Ingress");
    live["metadata"]["name"] = json!("old");
    fleet.put(&INGRESS.replace("grpc-ingress", "old"), live);
    let config = ingress_config("new", "grpc.example.com", &json!(["443/HTTPS"]));
    assert!(warnings(&ingress(&clients(&fleet)).say(&config).await).contains(&twice));
    fleet.edit(&INGRESS.replace("grpc-ingress", "old"), |object| {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-23T18:00:00Z");
    });
    assert!(!warnings(&ingress(&clients(&fleet)).say(&config).await).contains(&twice));
}

#[tokio::test(start_paused = true)]
async fn an_ingress_is_judged_by_what_this_run_plans_for_its_gateway_and_secret() {
    let fleet = FakeFleet::default();
    let clients = clients(&fleet);
    let wanted = ingress_config("grpc-ingress", "grpc.example.com", &json!(["443/HTTPS"]));
    let secret = Instance::new(resource("ackone_tls_secret"), clients.clone());
    assert_eq!(warnings(&secret.say(&secret_config()).await), NOTHING);
    let planned = gateway(&clients).say(&gateway_config(&json!({"443/HTTPS": {}, "8001/HTTP": {}}))).await;
    assert!(!warnings(&planned).iter().any(|line| line.contains("Without Certificate")), "the first plan does not nag");
    let said = warnings(&ingress(&clients).say(&wanted).await);
    assert_eq!(said, NOTHING, "everything comes with the same run");

    // A gateway that is there, and is going to have another listener.
    let fleet = self::fleet();
    let clients = self::clients(&fleet);
    let mut instance = gateway(&clients);
    instance.import("ackone-gateway-demo").await;
    instance.say(&gateway_config(&json!({"443/HTTPS": {}, "8001/HTTP": {}, "8443/HTTPS": {}}))).await;
    let more = ingress_config("a", "a.example.com", &json!(["8443/HTTPS", "9443/HTTPS"]));
    let said = ingress(&clients).say(&more).await;
    assert_eq!(warnings(&said), ["listen_ports: Listener Not Declared", "tls[0].secret_name: TLS Secret Missing"]);
    let detail = &said.iter().next().unwrap().detail;
    assert!(detail.contains("no listener 9443/HTTPS; it has 443/HTTPS, 8001/HTTP, 8443/HTTPS"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_one_line_in_a_run() {
    let fleet = fleet();
    fleet.fault("GET", "/ingresses", Fault::Refused(403, "Forbidden", json!({})));
    fleet.fault("GET", "/secrets", Fault::Refused(403, "Forbidden", json!({})));
    let clients = clients(&fleet);
    let config = ingress_config("a", "a.example.com", &json!(["443/HTTPS"]));
    let said = ingress(&clients).say(&config).await;
    assert_eq!(warnings(&said), ["Rules Not Checked", "Rules Not Checked"]);
    let details: Vec<&str> = said.iter().map(|told| told.detail.as_str()).collect();
    assert!(details[0].contains("list ingresses") && details[1].contains("get Secrets"), "{details:?}");
    assert_eq!(warnings(&ingress(&clients).say(&config).await), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn the_switch_and_a_silent_server_leave_the_plan_alone() {
    let fleet = fleet();
    let mut config = ingress_config("a", "a.example.com", &json!(["9443/HTTPS"]));
    config["cross_checks"] = json!(false);
    assert_eq!(warnings(&ingress(&clients(&fleet)).say(&config).await), NOTHING);
    assert_eq!(fleet.reads(), Vec::<String>::new());
    config["cross_checks"] = json!(true);
    for part in ["ingressclasses", "albconfigs", "ingresses", "secrets"] {
        fleet.fault("GET", part, Fault::Refused(404, "NotFound", json!({})));
    }
    let said = ingress(&clients(&fleet)).say(&config).await;
    assert!(!warnings(&said).iter().any(|line| line.contains("Listener")), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_checked_itself_counts_where_others_are() {
    let fleet = fleet();
    let clients = clients(&fleet);
    let mut instance = gateway(&clients);
    instance.import("ackone-gateway-demo").await;
    let mut more = gateway_config(&json!({"443/HTTPS": {}, "8001/HTTP": {}, "8443/HTTPS": {}}));
    more["cross_checks"] = json!(false);
    let reads = fleet.reads();
    assert!(!warnings(&instance.say(&more).await).iter().any(|line| line.contains("Without Certificate")));
    assert_eq!(fleet.reads(), reads, "no call of its own");
    let on_new = |name: &str, host: &str| ingress_config(name, host, &json!(["8443/HTTPS"]));
    let said = warnings(&ingress(&clients).say(&on_new("a", "a.example.com")).await);
    assert!(!said.iter().any(|line| line.contains("Listener Not Declared")), "it is going to be there: {said:?}");

    // An Ingress that gives up a host, and another that takes it.
    let mut live = recorded("Ingress");
    live["metadata"]["name"] = json!("a");
    live["spec"]["rules"][0]["host"] = json!("b.example.com");
    fleet.put(&INGRESS.replace("grpc-ingress", "a"), live);
    let clients = self::clients(&fleet);
    let taking = ingress_config("b", "b.example.com", &json!(["443/HTTPS"]));
    let said = warnings(&ingress(&clients).say(&taking).await);
    assert!(said.contains(&"rules[0].paths[0]: Route Declared Twice".to_owned()), "{said:?}");
    let clients = self::clients(&fleet);
    let mut giving = ingress(&clients);
    giving.import("gateway-demo/a").await;
    for switch in [json!(false), json!("(unknown)")] {
        let mut without = ingress_config("a", "c.example.com", &json!(["443/HTTPS"]));
        without["cross_checks"] = switch;
        assert_eq!(warnings(&giving.say(&without).await), NOTHING);
    }
    let said = warnings(&ingress(&clients).say(&taking).await);
    assert!(!said.iter().any(|line| line.contains("Declared Twice")), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replaced_ingress_leaves_nothing_under_its_old_name() {
    let fleet = fleet();
    fleet.put(INGRESS, recorded("Ingress"));
    let renamed = ingress_config("renamed", "grpc.example.com", &json!(["443/HTTPS"]));
    let twice = "rules[0].paths[0]: Route Declared Twice".to_owned();
    assert!(warnings(&ingress(&clients(&fleet)).say(&renamed).await).contains(&twice), "a second Ingress");
    let clients = clients(&fleet);
    let mut held = ingress(&clients);
    held.import("gateway-demo/grpc-ingress").await;
    assert!(held.plan(&renamed).requires_replace.contains(&crate::framework::path::Path::attribute("name")));
    let said = held.say(&renamed).await;
    assert!(!warnings(&said).contains(&twice), "the same one under another name: {said:#?}");
    // Another block that makes the old name anew is in no certain order with the delete.
    let again = ingress_config("grpc-ingress", "other.example.com", &json!(["443/HTTPS"]));
    let said = warnings(&ingress(&clients).say(&again).await);
    assert!(said.contains(&"name: Object Deleted and Created".to_owned()), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_same_run_is_judged_by_its_names() {
    let not_covered = "tls[0].hosts: Host Not in Certificate".to_owned();
    let wanted = |host: &str| ingress_config("a", host, &json!(["443/HTTPS"]));
    let fleet = fleet();
    let clients = clients(&fleet);
    let secret = Instance::new(resource("ackone_tls_secret"), clients.clone());
    assert_eq!(warnings(&secret.say(&secret_config()).await), NOTHING);
    assert_eq!(warnings(&ingress(&clients).say(&wanted("other.example.com")).await), [not_covered]);
    let clients = self::clients(&fleet);
    for names in [json!(["other.example.com"]), json!("(unknown)")] {
        let secret = Instance::new(resource("ackone_tls_secret"), clients.clone());
        let mut config = secret_config();
        config["self_signed"]["dns_names"] = names;
        secret.say(&config).await;
        let said = warnings(&ingress(&clients).say(&wanted("other.example.com")).await);
        assert!(!said.iter().any(|line| line.contains("Not in Certificate")), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_of_ours_alone_ask_nothing() {
    let fleet = fleet();
    fleet.put(INGRESS, recorded("Ingress"));
    let clients = clients(&fleet);
    let mut held = ingress(&clients);
    held.import("gateway-demo/grpc-ingress").await;
    let mut config = ingress_config("grpc-ingress", "grpc.example.com", &json!(["443/HTTPS"]));
    assert_eq!(errors(&held.apply(&config).await.diagnostics), NOTHING);
    held.next_command(self::clients(&fleet));
    held.read().await;
    let reads = fleet.reads();
    config["timeouts"] = json!({"create": "20m"});
    assert_eq!(held.changes(&config), ["timeouts"]);
    assert_eq!(warnings(&held.say(&config).await), NOTHING);
    assert_eq!(fleet.reads(), reads);
    config["listen_ports"] = json!(["9443/HTTPS"]);
    assert!(warnings(&held.say(&config).await).contains(&"listen_ports: Listener Not Declared".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_is_too_slow_is_told_once() {
    let fleet = fleet();
    fleet.fault("GET", "/ingresses", Fault::Silence);
    let clients = clients(&fleet);
    let config = |name: &str| ingress_config(name, "a.example.com", &json!(["9443/HTTPS"]));
    let said = ingress(&clients).say(&config("a")).await;
    assert_eq!(warnings(&said), ["Rules Not Checked"]);
    assert!(said.iter().all(|told| told.detail.contains("within 8 seconds")), "{said:#?}");
    assert_eq!(warnings(&ingress(&clients).say(&config("b")).await), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn a_new_gateway_does_not_take_http2_from_ingresses_that_wait_for_it() {
    let fleet = fleet();
    fleet.remove(ALB_CONFIG);
    fleet.put(INGRESS, recorded("Ingress"));
    let mut config = gateway_config(&json!({"443/HTTPS": {"http2_enabled": false}, "8001/HTTP": {}}));
    config["manage_ingress_class"] = json!(false);
    config["ingress_class_name"] = json!("alb");
    let answer = gateway(&clients(&fleet)).apply(&config).await;
    let needed = ["listeners[\"443/HTTPS\"].http2_enabled: HTTP/2 Needed by gRPC"];
    assert_eq!(errors(&answer.diagnostics), needed);
    assert_eq!(fleet.writes(), Vec::<String>::new());
    config["listeners"]["443/HTTPS"] = json!({});
    assert_eq!(errors(&gateway(&clients(&fleet)).apply(&config).await.diagnostics), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn an_apply_refuses_before_its_first_write_and_only_what_it_can_see() {
    let fleet = fleet();
    let mut config = ingress_config("grpc-ingress", "grpc.example.com", &json!(["9443/HTTPS"]));
    let answer = ingress(&clients(&fleet)).apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["listen_ports: Listener Not Declared"]);
    assert!(answer.diagnostics.iter().all(|told| told.detail.ends_with("Nothing was written.")));
    assert_eq!(fleet.writes(), Vec::<String>::new());

    config["cross_checks"] = json!(false);
    assert_eq!(errors(&ingress(&clients(&fleet)).apply(&config).await.diagnostics), NOTHING);
    assert!(fleet.get(INGRESS).is_some());

    fleet.remove(INGRESS);
    fleet.remove(CLASS);
    config["cross_checks"] = json!(true);
    assert_eq!(errors(&ingress(&clients(&fleet)).apply(&config).await.diagnostics), NOTHING, "nothing to compare with");

    fleet.remove(INGRESS);
    fleet.put(CLASS, recorded("IngressClass"));
    config["listen_ports"] = json!(["443/HTTPS"]);
    fleet.put(
        SECRET,
        json!({"metadata": {"name": "grpc-secret", "namespace": "gateway-demo"}, "type": "kubernetes.io/tls",
        "data": {"tls.crt": "", "tls.key": ""}}),
    );
    fleet.fault("GET", "/secrets/grpc-secret", Fault::Refused(403, "Forbidden", json!({})));
    let mut instance = ingress(&clients(&fleet));
    assert_eq!(errors(&instance.apply(&config).await.diagnostics), NOTHING, "a Secret that cannot be read");
    instance.next_command(clients(&fleet));
    config["labels"] = json!({"team": "edge"});
    let answer = instance.apply(&config).await;
    assert_eq!(errors(&answer.diagnostics), ["tls[0].secret_name: TLS Secret Not Usable"]);
}

#[tokio::test(start_paused = true)]
async fn a_used_listener_is_not_taken_from_an_ingress() {
    let fleet = fleet();
    fleet.put(INGRESS, recorded("Ingress"));
    let mut instance = gateway(&clients(&fleet));
    instance.import("ackone-gateway-demo").await;
    let less = gateway_config(&json!({"8001/HTTP": {}}));
    let said = instance.say(&less).await;
    assert!(warnings(&said).contains(&"listeners: Listener Still Used".to_owned()), "{said:?}");
    fleet.forget_writes();
    let answer = instance.apply(&less).await;
    assert_eq!(errors(&answer.diagnostics), ["listeners: Listener Still Used"]);
    assert_eq!(fleet.writes(), Vec::<String>::new());

    // The Ingress goes in the same run, while it is watched.
    let mut going = recorded("Ingress");
    going["gone"] = json!(true);
    fleet.script("ingresses", [going]);
    instance.next_command(clients(&fleet));
    let answer = instance.apply(&less).await;
    assert_eq!(errors(&answer.diagnostics), NOTHING);
    let listeners = fleet.get(ALB_CONFIG).unwrap()["spec"]["listeners"].clone();
    assert_eq!(listeners.as_array().unwrap().len(), 1, "{listeners}");
}

#[tokio::test(start_paused = true)]
async fn plans_are_not_checked_once_the_process_writes() {
    let fleet = fleet();
    let clients = clients(&fleet);
    let first = ingress_config("a", "a.example.com", &json!(["443/HTTPS"]));
    assert_eq!(errors(&ingress(&clients).apply(&first).await.diagnostics), NOTHING);
    let second = ingress_config("b", "b.example.com", &json!(["9443/HTTPS"]));
    let said = ingress(&clients).say(&second).await;
    assert!(!warnings(&said).iter().any(|line| line.contains("Listener")), "its apply looks for itself: {said:?}");
    assert_eq!(errors(&ingress(&clients).apply(&second).await.diagnostics), ["listen_ports: Listener Not Declared"]);
}

#[tokio::test(start_paused = true)]
async fn two_blocks_for_one_object_are_told_at_plan() {
    let fleet = fleet();
    let clients = clients(&fleet);
    let config = ingress_config("grpc-ingress", "grpc.example.com", &json!(["443/HTTPS"]));
    assert_eq!(errors(&ingress(&clients).say(&config).await), NOTHING);
    assert_eq!(errors(&ingress(&clients).say(&config).await), ["name: Object Declared Twice"]);

    // One block has it in state, by an import; another wants to make it.
    fleet.put(INGRESS, recorded("Ingress"));
    let clients = self::clients(&fleet);
    let mut held = ingress(&clients);
    held.import("gateway-demo/grpc-ingress").await;
    assert_eq!(errors(&held.say(&config).await), NOTHING, "import and refresh are one instance");
    assert_eq!(errors(&held.say(&config).await), NOTHING);
    let mut twin = ingress(&clients);
    twin.import("gateway-demo/grpc-ingress").await;
    assert!(warnings(&twin.say(&config).await).contains(&"name: Object Declared Twice".to_owned()), "imported twice");
    assert_eq!(errors(&ingress(&clients).say(&config).await), ["name: Object Declared Twice"]);

    // Two gateways with one class.
    let clients = self::clients(&fleet);
    let listeners = json!({"8001/HTTP": {}});
    let mut other = gateway_config(&listeners);
    other["name"] = json!("another");
    assert_eq!(errors(&gateway(&clients).say(&gateway_config(&listeners)).await), NOTHING);
    assert_eq!(errors(&gateway(&clients).say(&other).await), ["ingress_class_name: Object Declared Twice"]);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_or_read_object_is_one_instance() {
    let fleet = fleet();
    fleet.put(INGRESS, recorded("Ingress"));
    let clients = clients(&fleet);
    let config = ingress_config("grpc-ingress", "grpc.example.com", &json!(["443/HTTPS"]));
    let mut held = ingress(&clients);
    held.import("gateway-demo/grpc-ingress").await;
    held.say(&config).await;
    // The user asks for a replacement: core plans the create with the facts of the plan before.
    let mut successor = ingress(&clients);
    successor.private.clone_from(&held.private);
    assert_eq!(errors(&successor.say(&config).await), NOTHING);
    // A tainted object is read, and then planned as a create.
    let clients = self::clients(&fleet);
    let mut tainted = ingress(&clients);
    tainted.import("gateway-demo/grpc-ingress").await;
    assert_eq!(errors(&ingress(&clients).say(&config).await), NOTHING);
}
