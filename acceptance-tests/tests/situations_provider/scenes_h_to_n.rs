//! Situations h to n.

use acceptance_tests::AcceptanceError;
use acceptance_tests::situations::{Generation, Row, Scene};
use serde_json::{Value, json};

use crate::configuration::{
    BARE_GATEWAY, CERTIFICATE, GATEWAY, HOST, INGRESS, NAMESPACE, OTHER, ROUTE, SECRET, TWIN, demo, edited,
    http_gateway, other_host, with_timeouts,
};
use crate::scenes_a_to_g::NOT_ENDLESS;

type Played = Result<Row, AcceptanceError>;

pub(crate) fn h_same_host_and_path(generation: Generation) -> Played {
    let did = "a second Ingress with the same host and path";
    let twin = edited(ROUTE, "\"demo\" {", "\"twin\" {");
    let twin = edited(&twin, "\"grpc-ingress\"", "\"twin\"");
    let mut scene = Scene::start("h", generation, did, &demo())?;
    scene.prepare()?;
    scene.write(&[demo(), twin].concat())?;
    scene.plan("plan")?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is published", &told)?;
    scene.ready(INGRESS)?;
    scene.ready(TWIN)?;
    scene.until("two rules", || scene.hosts().map(|hosts| (hosts == [HOST, HOST], hosts.join(","))))?;
    scene.truth("two rules for one host, the second never matches");
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn i_protocol_changed_by_hand(generation: Generation) -> Played {
    let did = "backend-protocol of the live Ingress is edited to http by hand";
    let mut scene = Scene::start("i", generation, did, &demo())?;
    scene.prepare()?;
    let edit = "alb.ingress.kubernetes.io/backend-protocol=http";
    scene.kubectl(&["annotate", "--overwrite", "ingress/grpc-ingress", "--namespace=gateway-demo", edit])?;
    let told = scene.plan("plan")?;
    scene.ensure(told.changes == [format!("{INGRESS}: update")], "the edit is drift", &told)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is written back", &told)?;
    let ready = scene.ready(INGRESS)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let group = scene.listener("443/HTTPS")?["rules"][0]["groups"][0]["protocol"].clone();
    scene.truth(format!("the group was {group} throughout"));
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn j_creation_only_fields_changed_by_hand(generation: Generation) -> Played {
    let did = "addressType is edited by hand, then the name by configuration";
    let mut scene = Scene::start("j", generation, did, &demo())?;
    scene.prepare()?;
    let before = scene.gateways()?.first().cloned().unwrap_or_default();
    let patch = "--patch={\"spec\":{\"config\":{\"addressType\":\"Intranet\"}}}";
    scene.kubectl(&["patch", "albconfig/ackone-gateway-demo", "--type=merge", patch])?;
    let told = scene.plan("plan")?;
    scene.ensure(told.changes == [format!("{GATEWAY}: update")], "it is written back in place", &told)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is written back", &told)?;
    scene.plan_is_empty()?;
    scene.write(&edited(&demo(), "one-alb-demo", "renamed-alb"))?;
    let told = scene.apply("apply of another name")?;
    scene.ensure(told.code == 0, "it is renamed", &told)?;
    let now = |scene: &Scene| scene.gateways().map(|all| all.first().cloned().unwrap_or_default());
    scene.until("the name", || now(&scene).map(|one| (one["name"] == "renamed-alb", one.to_string())))?;
    let after = now(&scene)?;
    let same = ["load_balancer_id", "address_type"].iter().all(|field| after[*field] == before[*field]);
    scene.ensure(same, "it is the same instance", &(before, after))?;
    scene.truth("the same instance, Internet throughout, renamed");
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

/// The managers of an AlbConfig's listeners.
fn listener_managers(scene: &Scene) -> Result<Vec<String>, AcceptanceError> {
    let folder = scene.workspace.path();
    let live = scene.sandbox.object(&folder, &["albconfig/ackone-gateway-demo", "--show-managed-fields"])?;
    let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let owners = entries.iter().filter(|entry| entry.pointer("/fieldsV1/f:spec/f:listeners").is_some());
    let mut owners: Vec<String> =
        owners.map(|entry| format!("{} ({})", entry["manager"], entry["operation"]).replace('"', "")).collect();
    owners.sort();
    Ok(owners)
}

pub(crate) fn k_ownership_moves(generation: Generation) -> Played {
    let did = "the controller rewrites the AlbConfig; then a listener is changed, then the Ingress";
    let mut scene = Scene::start("k", generation, did, &demo())?;
    scene.prepare()?;
    let taken = ["load-balancer-controller (Update)"];
    let ours = ["terraform-provider-ackone (Apply)"];
    let owners = listener_managers(&scene)?;
    let wanted: &[&str] = if scene.is_open_source() { &taken } else { &ours };
    scene.ensure(owners == wanted, "who has the listeners", &owners)?;
    scene.truth(format!("listeners are {}'s", owners.join(", ")));
    scene.plan_is_empty()?;
    if scene.is_open_source() {
        // Another applier meets a conflict where the provider must not.
        let live = scene.sandbox.object(&scene.workspace.path(), &["albconfig/ackone-gateway-demo"])?;
        let theirs = json!({"apiVersion": live["apiVersion"], "kind": live["kind"],
            "metadata": {"name": "ackone-gateway-demo"},
            "spec": {"listeners": [{"port": 8001, "protocol": "HTTP"}]}});
        scene.workspace.write("theirs.json", &theirs.to_string())?;
        let refused = scene.kubectl(&["apply", "--server-side", "--field-manager=theirs", "-f", "theirs.json"]);
        let text = refused.err().map(|error| error.to_string()).unwrap_or_default();
        let conflict = text.contains("load-balancer-controller") && text.contains(".spec.listeners");
        scene.ensure(conflict, "somebody else's apply conflicts", &text)?;
        scene.truth("another applier's server-side apply conflicts with it");
    }
    scene.write(&edited(&demo(), "\"8001/HTTP\" = {}", "\"8001/HTTP\" = { idle_timeout = 45 }"))?;
    let told = scene.apply("apply of a listener's change")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "no conflict", &told)?;
    let owners = listener_managers(&scene)?;
    scene.truth(format!("then {}'s", owners.join(", ")));
    scene.until("the time-out", || {
        let listener = scene.listener("8001/HTTP")?;
        Ok((listener["idle_timeout"] == 45, listener.to_string()))
    })?;
    scene.plan_is_empty()?;
    scene.write(&other_host(&edited(&demo(), "\"8001/HTTP\" = {}", "\"8001/HTTP\" = { idle_timeout = 45 }")))?;
    let told = scene.apply("apply of a route's change")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "no conflict", &told)?;
    let owners = listener_managers(&scene)?;
    scene.ensure(owners == wanted, "who has the listeners", &owners)?;
    scene.truth(format!("then {}'s again", owners.join(", ")));
    scene.serves(OTHER)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn l_http2_said_explicitly(generation: Generation) -> Played {
    let did = "http2_enabled = true on the HTTPS listener, then left out";
    let body = edited(&demo(), "= { security", "= { http2_enabled = true, security");
    let mut scene = Scene::start("l", generation, did, &body)?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "it applies", &told)?;
    let warned =
        told.diagnostics.iter().any(|one| one.detail.contains("http2_enabled") || one.summary.contains("HTTP/2"));
    scene.ensure(warned, "it is warned of", &told)?;
    scene.ready(INGRESS)?;
    if scene.is_open_source() {
        let called = scene.note_call(HOST)?;
        scene.ensure(called.outcome == "no HTTP/2", "the controller took true for false", &called)?;
    } else {
        scene.serves(HOST)?;
    }
    scene.plan("next plan")?;
    scene.write(&demo())?;
    let told = scene.apply("apply without it")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it applies", &told)?;
    scene.serves(HOST)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn l2_wrong_type_elsewhere(generation: Generation) -> Played {
    let did = "somebody else's AlbConfig has a value of a wrong type; ours is renamed";
    let body = |timeout: &str| with_timeouts(&http_gateway(), "150s", timeout);
    let mut scene = Scene::start("l2", generation, did, &body("6s"))?;
    scene.prepare()?;
    let bad = json!({"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "bad"},
        "spec": {"config": {"name": "bad"}, "listeners": [{"port": 80, "protocol": "HTTP", "gzipEnabled": "on"}]}});
    scene.put(&bad)?;
    if !scene.is_open_source() {
        scene.until("the bad one is told of", || {
            let count = scene.events("AlbConfig", "bad", "FailedBuildModel", "unmarshal")?;
            Ok((count > 0, count.to_string()))
        })?;
    }
    let renamed = |timeout: &str| edited(&body(timeout), "one-alb-demo", "renamed-alb");
    scene.write(&renamed("6s"))?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "a wait that runs out is no failure", &told)?;
    let ready = scene.ready(GATEWAY)?;
    let name = scene.gateways()?.first().map(|one| one["name"].clone()).unwrap_or_default();
    if scene.is_open_source() {
        let says = told.says("Not Reconciled in Time", &["wrong type", "deaf to all of them"]);
        scene.ensure(says && ready == json!(false), "silence is explained", &told)?;
        scene.ensure(name == "one-alb-demo", "nothing was done", &name)?;
        scene.truth("no Event on anything, nothing done");
    } else {
        scene.ensure(told.diagnostics.is_empty() && ready == json!(true), "nobody else is concerned", &told)?;
        scene.truth("an Event on the bad one only, ours is done");
    }
    scene.kubectl(&["delete", "albconfig/bad", "--wait=false"])?;
    scene.write(&renamed("90s"))?;
    let told = scene.apply("apply after the bad one was removed")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it heals", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.until("the name", || {
        let name = scene.gateways()?.first().map(|one| one["name"].clone()).unwrap_or_default();
        Ok((name == "renamed-alb", name.to_string()))
    })?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn l3_taken_back_unheard(generation: Generation) -> Played {
    let did = "ours is renamed while such a value makes the controller deaf, and named as before again";
    let body = |timeout: &str| with_timeouts(&http_gateway(), "150s", timeout);
    let mut scene = Scene::start("l3", generation, did, &body("6s"))?;
    scene.prepare()?;
    let bad = json!({"apiVersion": "alibabacloud.com/v1", "kind": "AlbConfig", "metadata": {"name": "bad"},
        "spec": {"config": {"name": "bad"}, "listeners": [{"port": 80, "protocol": "HTTP", "gzipEnabled": "on"}]}});
    scene.put(&bad)?;
    scene.write(&edited(&body("6s"), "one-alb-demo", "renamed-alb"))?;
    let told = scene.apply("apply of another name")?;
    scene.ensure(!told.failed(), "a wait that runs out is no failure", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(!scene.is_open_source()), "it is ready if it is done", &ready)?;
    scene.write(&body("150s"))?;
    let told = scene.apply("apply of what was before")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "nothing is left to wait for", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let name = scene.gateways()?.first().map(|one| one["name"].clone()).unwrap_or_default();
    scene.ensure(name == "one-alb-demo", "what is ready is in the cloud", &name)?;
    scene.truth("the name is as before when the apply ends; the open-source controller did nothing at all");
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn m_secret_rotated_and_deleted(generation: Generation) -> Played {
    let did = "the Secret gets another certificate; later it is deleted by hand";
    let mut scene = Scene::start("m", generation, did, &demo())?;
    scene.prepare()?;
    scene.serves(HOST)?;
    let before = scene.call(HOST)?.certificate;
    let names = "[\"grpc.example.com\", \"new.example.com\"]\n    key";
    let rotated = edited(&demo(), names, "[\"grpc.example.com\", \"new.example.com\", \"more.example.com\"]\n    key");
    scene.write(&rotated)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is renewed", &told)?;
    scene.until("the new certificate is served", || {
        let called = scene.call(HOST)?;
        Ok((called.answers() && called.certificate != before, called.outcome))
    })?;
    scene.truth("the new certificate is served");
    scene.plan_is_empty()?;
    scene.kubectl(&["delete", "secret/grpc-secret", "--namespace=gateway-demo"])?;
    scene.truth("the Secret is gone, and the listener goes on:");
    scene.serves(HOST)?;
    let told = scene.plan("plan after the deletion")?;
    scene.ensure(told.changes == [format!("{SECRET}: create")], "the Secret is to be made", &told)?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0, "it is made", &told)?;
    scene.plan_is_empty()?;
    Ok(scene.end())
}

fn refuse(scene: &Scene, times: Option<u32>) -> Result<(), AcceptanceError> {
    let mut body = json!({"action": "CreateLoadBalancer", "message": "The quota is exceeded."});
    if let Some(times) = times {
        body["times"] = json!(times);
    }
    scene.sandbox.control.post("/v1/controller/fail", &body).map(drop)
}

pub(crate) fn n_cloud_refuses(generation: Generation) -> Played {
    let did = "the cloud refuses the load balancer until its quota is raised";
    let mut scene = Scene::start("n", generation, did, &http_gateway())?;
    refuse(&scene, None)?;
    let told = scene.apply("apply")?;
    scene.ensure(!told.failed(), "a create does not fail, which would taint", &told)?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Controller Reports a Failure", &["The quota is exceeded."]);
    scene.ensure(says, "the reason is told", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(false), "it is not ready", &ready)?;
    let none = scene.gateways()?;
    scene.ensure(none.is_empty(), "there is none", &none)?;
    scene.truth("no load balancer");
    scene.sandbox.resume_controller()?;
    let told = scene.apply("apply after the quota was raised")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "it heals in place", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    scene.truth("the load balancer is there");
    scene.plan_is_empty()?;
    scene.destroys()?;
    Ok(scene.end())
}

pub(crate) fn n2_cloud_refuses_for_a_while(generation: Generation) -> Played {
    let did = "the cloud refuses the load balancer twice";
    let mut scene = Scene::start("n2", generation, did, &http_gateway())?;
    refuse(&scene, Some(2))?;
    let told = scene.apply("apply")?;
    scene.ensure(told.code == 0 && told.diagnostics.is_empty(), "what heals is waited out", &told)?;
    let ready = scene.ready(GATEWAY)?;
    scene.ensure(ready == json!(true), "it is ready", &ready)?;
    let failures = scene.events("AlbConfig", "ackone-gateway-demo", "FailedApplyModel", "quota is exceeded")?;
    scene.ensure(failures == 2, "it failed twice", &failures)?;
    scene.truth("two FailedApplyModel, then the load balancer");
    scene.plan_is_empty()?;
    Ok(scene.end())
}

pub(crate) fn n3_cloud_refuses_to_delete(generation: Generation) -> Played {
    let did = "the cloud refuses to delete the load balancer until another one lets go of a server group";
    let mut scene = Scene::start("n3", generation, did, &http_gateway())?;
    scene.prepare()?;
    let body = json!({"action": "DeleteLoadBalancer", "message": "The specified resource sgp-1 is in use."});
    scene.sandbox.control.post("/v1/controller/fail", &body)?;
    let told = scene.destroy("destroy")?;
    scene.ensure(told.took < NOT_ENDLESS, "it does not wait for ever", &told)?;
    let says = told.says("Deletion Not Finished", &["sgp-1 is in use", "Detach it there.", "again and again"]);
    scene.ensure(told.failed() && says, "the controller's reason is told", &told)?;
    let left = scene.gateways()?.len();
    scene.ensure(left == 1, "it is still there", &left)?;
    scene.attributes(GATEWAY)?;
    scene.truth("the load balancer is there, and in state");
    scene.sandbox.resume_controller()?;
    scene.destroys()?;
    Ok(scene.end())
}

/// Everything but the gateway, for situations in which it comes later.
pub(crate) fn without_gateway() -> String {
    let route = edited(ROUTE, "ackone_alb_gateway.demo.ingress_class_name", "\"alb\"");
    [NAMESPACE, CERTIFICATE, &with_timeouts(&route, "4s", "150s")].concat()
}

/// The same with the gateway.
pub(crate) fn with_gateway() -> String {
    [&without_gateway(), BARE_GATEWAY].concat()
}

/// A number of an object, for comparing.
pub(crate) fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}
