//! Situations a to g.

use std::time::Duration;

use acceptance_tests::AcceptanceError;
use acceptance_tests::situations::{Generation, Row, Scene};
use serde_json::{Value, json};

use crate::configuration::{
    BARE_GATEWAY, CERTIFICATE, GATEWAY, HOST, INGRESS, NAMESPACE, OTHER, ROUTE, TWIN, demo, edited, neighbour,
    other_host, without_https,
};

/// A wait that ends for a cause, and not because its ten minutes are over, takes less.
pub(crate) const NOT_ENDLESS: Duration = Duration::from_secs(180);

type Played = Result<Row, AcceptanceError>;

pub(crate) fn a_bare_https_listener(generation: Generation) -> Played {
    let did = "a gateway with an HTTPS listener without certificate, and no Ingress";
    let mut scene = Scene::start("a", generation, did, BARE_GATEWAY)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it is made without a word", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready.is_null(), "it is not waited for", &ready)?;
    scene.until("the controller fails again and again", || {
        let failures = scene.events("AlbConfig", "ackone-gateway-demo", "FailedApplyModel", "empty https listener")?;
        Ok((failures >= 2, format!("{failures} failures")))
    })?;
    let (http, https) = (scene.listener("8001/HTTP")?, scene.listener("443/HTTPS")?);
    scene.ensure(http.is_object() && https.is_null(), "the HTTP listener is there", &(http, https))?;
    scene.truth("FailedApplyModel again and again, 8001/HTTP is there, 443/HTTPS is not");
    scene.plan_is_empty()?;
    scene.destroys()?;
    Ok(scene.end())
}

pub(crate) fn b_missing_secret(generation: Generation) -> Played {
    let did = "an Ingress that names a missing Secret; the Secret comes with the next apply";
    let route = edited(ROUTE, "ackone_tls_secret.grpc.name", "\"grpc-secret\"");
    let body = [NAMESPACE, BARE_GATEWAY, &route].concat();
    let mut scene = Scene::start("b", generation, did, &body)?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "a create does not fail, which would taint", &told)?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Controller Reports a Failure", &["Secret \"grpc-secret\" not found", "ackone_tls_secret"]);
    scene.ensure(says, "the reason is told", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    scene.truth("no rule, FailedBuildModel on Ingress and AlbConfig");
    scene.plan("next plan")?;
    scene.write(&[NAMESPACE, CERTIFICATE, BARE_GATEWAY, &route].concat())?;
    let told = scene.apply("apply with the Secret")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it heals in place", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn b2_missing_secret_in_an_update(generation: Generation) -> Played {
    let did = "a published Ingress is led to a missing Secret, then back";
    let mut scene = Scene::start("b2", generation, did, &demo())?;
    scene.prepare()?;
    scene.write(&edited(&demo(), "ackone_tls_secret.grpc.name", "\"sb-tls\""))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.failed(), "an update fails", &told)?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Controller Reports a Failure", &["Secret \"sb-tls\" not found"]);
    scene.ensure(says, "the reason is told", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    scene.truth("the old certificate goes on serving:");
    scene.serves(HOST)?;
    scene.write(&demo())?;
    let told = scene.apply("apply of what was before")?;
    scene.ensure(told.code == 0, "it heals", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn c_missing_service(generation: Generation) -> Played {
    let did = "no member has the Service; it comes later, and goes again";
    let mut scene = Scene::start("c", generation, did, &demo())?;
    scene.services(&[])?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is published all the same", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is published", &ready)?;
    let called = scene.note_call(HOST)?;
    scene.ensure(called.outcome == "HTTP 503", "nobody answers", &called)?;
    scene.plan_is_empty()?;
    scene.services(&[50051])?;
    scene.truth("the Service comes:");
    scene.serves(HOST)?;
    if scene.is_open_source() {
        scene.until("an Event on the Service", || {
            let count = scene.events("Service", "grpc-service", "SuccessfullyReconciled", "")?;
            Ok((count > 0, count.to_string()))
        })?;
        scene.truth("success on the Service only");
    }
    scene.services(&[])?;
    scene.until("nobody answers", || scene.call(HOST).map(|one| (one.outcome == "HTTP 503", one.outcome)))?;
    scene.truth("the Service goes: HTTP 503");
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn c2_wrong_port(generation: Generation) -> Played {
    let did = "a published Ingress is led to a port that the Service lacks, then back";
    let mut scene = Scene::start("c2", generation, did, &demo())?;
    scene.prepare()?;
    scene.write(&edited(&demo(), "service_port = 50051", "service_port = 50052"))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    if scene.is_open_source() {
        let says = told.says("Controller Reports a Failure", &["unable to find port 50052", "service_port"]);
        scene.ensure(told.failed() && says, "the update fails with the reason", &told)?;
        let ready = scene.ready(INGRESS)?;
        scene.ensure(ready == json!(false), "it is not ready", &ready)?;
        scene.truth("the old rule goes on serving:");
        scene.serves(HOST)?;
    } else {
        let says = told.says("No Backend Behind the Route", &["with port 50052"]);
        scene.ensure(told.code == 0 && says, "the controller takes it, with a warning", &told)?;
        scene.ready(INGRESS)?;
        let called = scene.note_call(HOST)?;
        scene.ensure(called.outcome == "HTTP 503", "the new group is empty", &called)?;
    }
    scene.write(&demo())?;
    let told = scene.apply("apply of what was before")?;
    scene.ensure(told.code == 0, "it heals", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn d_bad_neighbour(generation: Generation) -> Played {
    let did = "a neighbour that somebody else keeps has listen-ports nobody can read; ours is edited";
    let mut scene = Scene::start("d", generation, did, &demo())?;
    scene.prepare()?;
    scene.put(&neighbour("[{\"HTTPS\": \"443\"}]"))?;
    scene.until("the neighbour fails", || {
        let count = scene.events("Ingress", "second", "FailedBuildModel", "listen-ports")?;
        Ok((count > 0, count.to_string()))
    })?;
    scene.write(&other_host(&demo()))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Controller Reports a Failure", &["listen-ports", "on Ingress gateway-demo/second"]);
    scene.ensure(told.failed() && says, "the update fails and names the neighbour", &told)?;
    let hosts = scene.hosts()?;
    scene.ensure(hosts == [HOST], "the edit is frozen", &hosts)?;
    scene.truth("frozen: the old rule stays, our own Ingress has no Warning");
    scene.kubectl(&["delete", "ingress/second", "--namespace=gateway-demo"])?;
    let told = scene.apply("apply after the neighbour was removed")?;
    scene.ensure(told.code == 0, "it heals", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(OTHER)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn d2_new_beside_a_bad_neighbour(generation: Generation) -> Played {
    let did = "an Ingress of ours is made beside such a neighbour";
    let twin = other_host(&edited(&edited(ROUTE, "\"demo\" {", "\"twin\" {"), "\"grpc-ingress\"", "\"twin\""));
    let mut scene = Scene::start("d2", generation, did, &demo())?;
    scene.prepare()?;
    scene.put(&neighbour("[{\"HTTPS\": \"443\"}]"))?;
    scene.write(&[demo(), twin].concat())?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "a create does not fail, which would taint", &told)?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Controller Reports a Failure", &["listen-ports", "on Ingress gateway-demo/second"]);
    scene.ensure(says, "the neighbour is named", &told)?;
    let ready = scene.ready(TWIN)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    let warnings = scene.events("Ingress", "twin", "FailedBuildModel", "")?;
    scene.ensure(warnings == 0, "it has no Warning of its own", &warnings)?;
    scene.truth("frozen: no rule, no Warning on it");
    scene.kubectl(&["delete", "ingress/second", "--namespace=gateway-demo"])?;
    let told = scene.apply("apply after the neighbour was removed")?;
    scene.ensure(told.code == 0, "it heals in place", &told)?;
    let ready = scene.ready(TWIN)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.serves(OTHER)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn e_used_listener_removed(generation: Generation) -> Played {
    let did = "the listener that the Ingress uses is taken out of the gateway, then put back";
    let mut scene = Scene::start("e", generation, did, &demo())?;
    scene.prepare()?;
    scene.write(&without_https(&demo()))?;
    scene.plan("plan")?;
    let told = scene.apply("apply")?;
    let says = told.says("Listener Still Used", &["gateway-demo/grpc-ingress"]);
    scene.ensure(told.failed() && says, "it is refused and names the Ingress", &told)?;
    scene.truth("the listener stays:");
    scene.serves(HOST)?;
    scene.ready(GATEWAY)?;
    scene.ready(INGRESS)?;
    scene.write(&demo())?;
    let told = scene.apply("apply with the listener")?;
    scene.ensure(!told.failed(), "it heals", &told)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn e2_used_listener_removed_unchecked(generation: Generation) -> Played {
    let did = "the same with cross_checks = false on the gateway; somebody touches the Ingress; then the listener is put back";
    let unchecked = edited(&demo(), "  load_balancer_name ", "  cross_checks           = false\n  load_balancer_name ");
    let mut scene = Scene::start("e2", generation, did, &unchecked)?;
    scene.prepare()?;
    scene.write(&without_https(&unchecked))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    if scene.is_open_source() {
        scene.ensure(told.code == 0, "the controller drops it without a word", &told)?;
        scene.ensure(scene.listener("443/HTTPS")?.is_null(), "ready means that it is gone", &told)?;
        scene.truth("443/HTTPS is gone when the apply ends, the Ingress keeps its address");
    } else {
        let says = told.says("Controller Reports a Failure", &["listener not found for (443/HTTPS)"]);
        scene.ensure(told.failed() && says, "the reason is told", &told)?;
        scene.truth("the listener stays:");
        scene.serves(HOST)?;
    }
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(scene.is_open_source()), "it is ready if it is done", &ready)?;
    scene.ready(INGRESS)?;
    if scene.is_open_source() {
        scene.plan_is_empty()?;
        scene.kubectl(&["annotate", "ingress/grpc-ingress", "--namespace=gateway-demo", "example.com/touched=1"])?;
        scene.truth("after a touch of the Ingress the controller adds it again:");
        scene.serves(HOST)?;
        scene.plan_is_empty()?;
    }
    scene.write(&unchecked)?;
    let told = scene.apply("apply with the listener")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it heals, and nothing conflicts", &told)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn f_ingress_deleted(generation: Generation) -> Played {
    let did = "the Ingress is taken out of the configuration";
    let mut scene = Scene::start("f", generation, did, &demo())?;
    scene.prepare()?;
    let before = scene.listener("443/HTTPS")?["certificates"].clone();
    scene.write(&edited(&demo(), ROUTE, ""))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it is deleted", &told)?;
    scene.until("the rules are gone", || scene.hosts().map(|hosts| (hosts.is_empty(), hosts.join(","))))?;
    let after = scene.listener("443/HTTPS")?["certificates"].clone();
    scene.ensure(after == before, "the certificate stays", &(before, after))?;
    scene.truth("rules gone a moment later, listener and certificate stay");
    let called = scene.note_call(HOST)?;
    scene.ensure(called.outcome == "HTTP 503", "the listener answers by default", &called)?;
    scene.plan_is_empty()?;
    scene.destroys()?;
    Ok(scene.end())
}

pub(crate) fn g_gateway_deleted_in_use(generation: Generation) -> Played {
    let did = "the AlbConfig is deleted by hand while the Ingress uses it";
    let mut scene = Scene::start("g", generation, did, &demo())?;
    scene.prepare()?;
    let id = |scene: &Scene| scene.gateways().map(|all| all.first().map(|one| one["load_balancer_id"].clone()));
    let before = id(&scene)?;
    scene.kubectl(&["delete", "albconfig/ackone-gateway-demo"])?;
    let left = scene.gateways()?;
    scene.ensure(left.is_empty(), "the load balancer is gone", &left)?;
    scene.truth("the load balancer is gone, the Ingress keeps a dead address");
    let told = scene.plan("plan")?;
    scene.ensure(told.changes == [format!("{GATEWAY}: create")], "the gateway is to be made", &told)?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "it is made", &told)?;
    scene.serves(HOST)?;
    let after = id(&scene)?;
    scene.ensure(after.is_some() && after != before, "it is another one", &(before, after))?;
    scene.truth("another load balancer serves the Ingress");
    scene.ready(INGRESS)?;
    let told = scene.plan("next plan")?;
    scene.ensure(told.code == 0, "the plan is empty", &told)?;
    scene.ensure(scene.attributes(INGRESS)?["address"] != Value::Null, "the address is there", &told)?;
    Ok(scene.end())
}

pub(crate) fn g2_gateway_of_others_deleted(generation: Generation) -> Played {
    let did = "the gateway is somebody else's and is deleted; then the route is edited; then the gateway is made again";
    let route = edited(ROUTE, "ackone_alb_gateway.demo.ingress_class_name", "\"alb\"");
    let body = [NAMESPACE, CERTIFICATE, &route].concat();
    let mut scene = Scene::start("g2", generation, did, &body)?;
    scene.sandbox.walkthrough_yaml("gateway.yaml", &scene.workspace.path())?;
    scene.kubectl(&["apply", "--filename", "gateway.yaml"])?;
    scene.prepare()?;
    scene.kubectl(&["delete", "albconfig/ackone-gateway-demo"])?;
    scene.truth("the load balancer is gone, the Ingress keeps a dead address");
    scene.plan_is_empty()?;
    scene.write(&other_host(&body))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let missing = "AlbConfig.alibabacloud.com \"ackone-gateway-demo\" not found";
    let says = told.says("Controller Reports a Failure", &[missing, "does not exist"]);
    scene.ensure(told.failed() && says, "the update fails with the reason", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(false), "a dead address is not ready", &ready)?;
    let warnings = scene.events("Ingress", "grpc-ingress", "FailedBuildModel", missing)?;
    scene.ensure(warnings == 1, "it is said once", &warnings)?;
    scene.truth("one Warning, no retry");
    scene.kubectl(&["apply", "--filename", "gateway.yaml"])?;
    scene.serves(OTHER)?;
    let told = scene.apply("apply after the gateway was made again")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it heals", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}
