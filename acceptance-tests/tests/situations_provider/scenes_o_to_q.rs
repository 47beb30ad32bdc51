//! Situations o to q.

use acceptance_tests::AcceptanceError;
use acceptance_tests::situations::{Generation, Row, Scene};
use serde_json::json;

use crate::configuration::{
    GATEWAY, HOST, INGRESS, OTHER, ROUTE, demo, edited, http_gateway, other_host, without_https,
};
use crate::scenes_a_to_g::NOT_ENDLESS;
use crate::scenes_h_to_n::{length, with_gateway, without_gateway};

type Played = Result<Row, AcceptanceError>;

pub(crate) fn o_ingress_before_its_class(generation: Generation) -> Played {
    let did = "the Ingress is there before its class and its gateway";
    let mut scene = Scene::start("o", generation, did, &without_gateway())?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "a create does not fail, which would taint", &told)?;
    let says = told.says("Not Reconciled in Time", &["check that the IngressClass exists"]);
    scene.ensure(says, "silence is explained", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    scene.truth("ignored, no Event");
    scene.write(&with_gateway())?;
    let told = scene.apply("apply with the gateway")?;
    scene.ensure(told.code == 0, "it heals in place", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn o2_class_deleted(generation: Generation) -> Played {
    let did = "the class is deleted by hand, and the route edited; later it is deleted again, and all destroyed";
    let mut scene = Scene::start("o2", generation, did, &demo())?;
    scene.prepare()?;
    scene.kubectl(&["delete", "ingressclass/alb"])?;
    scene.serves(HOST)?;
    scene.write(&other_host(&demo()))?;
    let told = scene.plan("plan")?;
    let wanted = [format!("{GATEWAY}: update"), format!("{INGRESS}: update")];
    scene.ensure(told.changes == wanted, "class and route are to be mended", &told)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "both are mended", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let hosts = scene.hosts()?;
    scene.ensure(hosts == [OTHER], "what is ready is in the cloud", &hosts)?;
    scene.truth("the class is back, the new rule is there when the apply ends");
    scene.serves(OTHER)?;
    scene.plan_is_empty()?;
    scene.kubectl(&["delete", "ingressclass/alb"])?;
    scene.destroys()?;
    Ok(scene.end())
}

pub(crate) fn o3_class_renamed(generation: Generation) -> Played {
    let did = "the gateway's class is renamed, the Ingress follows";
    let mut scene = Scene::start("o3", generation, did, &demo())?;
    scene.prepare()?;
    scene.write(&edited(&demo(), "= \"alb\"", "= \"alb-2\""))?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "it applies", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    let told = scene.plan("next plan")?;
    scene.ensure(!told.failed(), "it plans", &told)?;
    if told.code == 2 {
        let told = scene.apply("apply again")?;
        scene.ensure(told.code == 0, "it applies", &told)?;
        scene.plan_is_empty()?;
    }
    let classes = scene.kubectl(&["get", "ingressclasses", "--no-headers", "-o", "name"])?;
    let classes = classes.trim().replace("ingressclass.networking.k8s.io/", "");
    scene.ensure(classes == "alb-2", "the old class is gone", &classes)?;
    scene.truth("the new class only");
    scene.serves(HOST)?;
    Ok(scene.end())
}

pub(crate) fn p_listener_missing(generation: Generation) -> Played {
    let did = "the Ingress wants 443/HTTPS, which the gateway does not declare";
    let body = without_https(&demo());
    let mut scene = Scene::start("p", generation, did, &body)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Listener Not Declared", &["443/HTTPS", "cross_checks = false", "Nothing was written."]);
    scene.ensure(told.failed() && says, "it is refused with a way out", &told)?;
    scene.truth("nothing was written");
    scene.write(&edited(&body, "  listen_ports", "  cross_checks       = false\n  listen_ports"))?;
    let told = scene.apply("apply with cross_checks = false")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    if scene.is_open_source() {
        scene.ensure(told.code == 0, "the controller adds it", &told)?;
        let ready = scene.ready(INGRESS)?;
        scene.ensure(ready == json!(true), "it is ready", &ready)?;
        scene.truth("443/HTTPS was added to the AlbConfig");
        scene.serves(HOST)?;
        scene.plan_is_empty()?;
        let foreign = scene.attributes(GATEWAY)?["foreign_listeners"].clone();
        scene.plan("plan after that")?;
        scene.said(format!("foreign_listeners = {foreign}"));
    } else {
        let says = told.says("Controller Reports a Failure", &["listener is not exist"]);
        scene.ensure(!told.failed() && says, "the reason is told", &told)?;
        scene.ready(INGRESS)?;
        scene.truth("FailedBuildModel, no rule");
        let listener = scene.listener("443/HTTPS")?;
        scene.ensure(listener.is_null(), "there is no listener", &listener)?;
    }
    scene.write(&demo())?;
    let told = scene.apply("apply with the listener")?;
    scene.ensure(told.code == 0, "it is declared", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn p2_https_on_an_http_port(generation: Generation) -> Played {
    let did = "the published Ingress is led to 8001/HTTPS, while 8001 is HTTP, then back";
    let mut scene = Scene::start("p2", generation, did, &demo())?;
    scene.prepare()?;
    let ports = "listen_ports       = [\"443/HTTPS\"]";
    scene.write(&edited(&demo(), ports, "listen_ports       = [\"8001/HTTPS\"]"))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.failed(), "the update fails", &told)?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let told_why = told.diagnostics.iter().any(|one| one.detail.contains("8001") || one.detail.contains("port"));
    scene.ensure(told_why, "the reason is told", &told)?;
    scene.ready(INGRESS)?;
    scene.serves(HOST)?;
    scene.write(&demo())?;
    let told = scene.apply("apply of what was before")?;
    scene.ensure(told.code == 0, "it heals, whatever old retries still say", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn p4_https_on_an_http_port_unchecked(generation: Generation) -> Played {
    let did = "the same with cross_checks = false, then back";
    let unchecked = edited(&demo(), "  listen_ports", "  cross_checks       = false\n  listen_ports");
    let mut scene = Scene::start("p4", generation, did, &unchecked)?;
    scene.prepare()?;
    let ports = "listen_ports       = [\"443/HTTPS\"]";
    scene.write(&edited(&unchecked, ports, "listen_ports       = [\"8001/HTTPS\"]"))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let text = if scene.is_open_source() { "conflict listener in albconfig" } else { "listener is not exist in" };
    let says = told.says("Controller Reports a Failure", &[text]);
    scene.ensure(told.failed() && says, "the update fails with the reason", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    scene.truth("the old rule goes on serving:");
    scene.serves(HOST)?;
    scene.write(&unchecked)?;
    let told = scene.apply("apply of what was before")?;
    scene.ensure(told.code == 0, "it heals, whatever old retries still say", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn p3_bad_zones(generation: Generation) -> Played {
    let did = "vSwitches that do not exist; one zone only; no zones; then right ones";
    let zones = "[for id in var.vswitch_ids : { vswitch_id = id }]";
    let with = |zones_now: &str| edited(&http_gateway(), zones, zones_now);
    let unknown = with("[{ vswitch_id = \"vsw-unknown1\" }, { vswitch_id = \"vsw-unknown2\" }]");
    let mut scene = Scene::start("p3", generation, did, &unknown)?;
    let told = scene.apply("apply with unknown vSwitches")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    scene.ensure(!told.diagnostics.is_empty(), "the reason is told", &told)?;
    if scene.attributes(GATEWAY).is_ok() {
        scene.ready(GATEWAY)?;
    }
    let none = scene.gateways()?;
    scene.ensure(none.is_empty(), "there is none", &none)?;
    scene.write(&with("[{ vswitch_id = var.vswitch_ids[0] }]"))?;
    let told = scene.plan("plan with one zone")?;
    scene.ensure(!told.diagnostics.is_empty(), "it is told of before anything is made", &told)?;
    scene.write(&with("[]"))?;
    let told = scene.plan("plan without zones")?;
    scene.ensure(told.failed(), "it is refused before anything is made", &told)?;
    scene.truth("no load balancer so far");
    scene.write(&http_gateway())?;
    let told = scene.apply("apply with two zones")?;
    scene.ensure(told.code == 0, "it is made", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.truth("the load balancer is there");
    scene.plan_is_empty()?;
    scene.destroys()?;
    Ok(scene.end())
}

pub(crate) fn q_two_edits_in_one_pass(generation: Generation) -> Played {
    let did = "somebody edits the Ingress, and ours is applied while the pass over that edit still runs";
    let mut scene = Scene::start("q", generation, did, &demo())?;
    scene.prepare()?;
    // Long enough for a whole run of Terraform to fall into the pass of the other edit.
    scene.sandbox.control.post("/v1/controller/fail", &json!({"delay_ms": 4000}))?;
    let annotate = ["annotate", "ingress/grpc-ingress", "--namespace=gateway-demo", "example.com/touched=1"];
    scene.kubectl(&annotate)?;
    scene.write(&edited(&demo(), ROUTE, &other_host(ROUTE)))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it applies", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let hosts = scene.hosts()?;
    scene.ensure(hosts == [OTHER], "what is ready is in the cloud", &hosts)?;
    scene.truth("the cloud has the new rule at the moment the apply ends");
    let rules = scene.listener("443/HTTPS")?["rules"].clone();
    scene.ensure(length(&rules) == 1, "and no other", &rules)?;
    scene.sandbox.resume_controller()?;
    scene.serves(OTHER)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn q2_an_edit_is_taken_back_in_its_pass(generation: Generation) -> Played {
    let did = "somebody edits the host, and the edit is set back while the pass over it still runs";
    let mut scene = Scene::start("q2", generation, did, &demo())?;
    scene.prepare()?;
    let syncs = scene.events("Ingress", "grpc-ingress", "Sync", "")?;
    scene.sandbox.control.post("/v1/controller/fail", &json!({"delay_ms": 8000}))?;
    let patch = "--patch=[{\"op\": \"replace\", \"path\": \"/spec/rules/0/host\", \"value\": \"new.example.com\"}]";
    scene.kubectl(&["patch", "ingress/grpc-ingress", "--namespace=gateway-demo", "--type=json", patch])?;
    scene.until("the pass over the edit", || {
        let now = scene.events("Ingress", "grpc-ingress", "Sync", "")?;
        Ok((now > syncs, now.to_string()))
    })?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    scene.ensure(told.code == 0, "it is set back", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let hosts = scene.hosts()?;
    scene.ensure(hosts == [HOST], "what is ready is in the cloud", &hosts)?;
    scene.truth("the cloud has the old rule again at the moment the apply ends");
    scene.sandbox.resume_controller()?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}
