//! Data sources of the cloud and of the Fleet, read by real Terraform from the sandbox. Protects: what they say is what is
//! there, filters and pages included; that reading changes nothing; and what a person reads whose keys may not ask.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::configuration::HTTP_GATEWAY;
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;
use acceptance_tests::{golden, repository};
use serde_json::{Value, json};

/// Everything that every test here reads: one sandbox would be changed by several.
fn start() -> Sandbox {
    Sandbox::start_with(&["--attached"]).unwrap()
}

/// Applies a configuration of data sources and outputs, plans it again without a change, and gives its outputs.
fn outputs(sandbox: &Sandbox, body: &str) -> Value {
    let workspace = Workspace::with(sandbox, body).unwrap();
    workspace.apply().unwrap().expect_ok();
    let again = workspace.plan().unwrap();
    assert_eq!(again.code, 0, "reading again changes nothing\n{}", again.prose());
    let state = workspace.show().unwrap();
    let outputs = state.pointer("/values/outputs").and_then(Value::as_object).cloned().unwrap_or_default();
    outputs.into_iter().map(|(name, output)| (name, output.get("value").cloned().unwrap_or_default())).collect()
}

fn output(name: &str, value: &str) -> String {
    format!("output \"{name}\" {{\n  value = {value}\n}}\n\n")
}

/// The configuration of an example.
fn example(type_name: &str) -> String {
    let path = repository().join("examples/data-sources").join(type_name).join("data-source.tf");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn examples_say_what_is_there() {
    let sandbox = start();
    let ready = &sandbox.ready;
    let who = outputs(&sandbox, &example("ackone_caller_identity"));
    let signed_by = who["signed_by"].as_str().unwrap();
    assert!(signed_by.starts_with("acs:ram::") && signed_by.contains(":user/terraform of account "), "{signed_by}");

    let fleet = outputs(&sandbox, &example("ackone_fleet"));
    let fleets = outputs(&sandbox, &example("ackone_fleets"));
    assert_eq!(fleets["fleets"].as_object().unwrap().values().collect::<Vec<_>>(), [&fleet["fleet_vpc"]]);

    let members = outputs(&sandbox, &example("ackone_fleet_clusters"));
    let mut ids = ready.member_ids.clone();
    ids.sort();
    assert_eq!(members["remote_clusters"], json!(ids));

    let mappings = outputs(&sandbox, &example("ackone_vswitches"));
    let mappings = mappings["zone_mappings"].as_array().unwrap();
    assert!(mappings.len() >= 2, "two zones: {mappings:?}");
}

#[test]
fn a_gateway_is_read_as_its_resource_shows_it() {
    let sandbox = start();
    let owner = Workspace::with(&sandbox, HTTP_GATEWAY).unwrap();
    owner.apply().unwrap().expect_ok();
    let resource = owner.attributes("ackone_alb_gateway.demo").unwrap();
    let more = output("all", "data.ackone_alb_gateway.shared");
    let seen = outputs(&sandbox, &format!("{}\n{more}", example("ackone_alb_gateway")));
    assert_eq!(seen["address"], resource["dns_name"]);
    assert_eq!(seen["ingress_class"], resource["ingress_class_name"]);
    assert_eq!(seen["ports"], json!(["8001/HTTP"]));
    let all = &seen["all"];
    for name in ["fleet_id", "load_balancer_id", "dns_name", "address_type", "address_allocated_mode", "edition"] {
        assert_eq!(all[name], resource[name], "{name}");
    }
    assert_eq!(all["published"], json!(true));
    let sorted = |value: &Value| {
        let mut texts: Vec<String> = value.as_array().unwrap().iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&all["remote_clusters"]), sorted(&resource["remote_clusters"]));
    let zones = |value: &Value| -> Vec<Value> {
        value.as_array().unwrap().iter().map(|mapping| mapping["vswitch_id"].clone()).collect()
    };
    assert_eq!(zones(&all["zone_mappings"]), zones(&resource["zone_mappings"]));
    assert!(all["labels"].as_object().unwrap().contains_key("alb.ingress.kubernetes.io/hash"), "whoever set them");
}

#[test]
fn fleets_are_found_by_every_filter() {
    let sandbox = start();
    let more = |body: Value| {
        let made = sandbox.control.post("/v1/world/fleets", &body).unwrap();
        made["fleet_id"].as_str().unwrap().to_owned()
    };
    let tagged = more(json!({"name": "tagged", "tags": {"team": "a", "stage": "test"}}));
    let workflow = more(json!({"name": "workflow", "profile": "XFlow"}));
    let find = |name: &str, filters: &str| {
        format!(
            "data \"ackone_fleets\" \"{name}\" {{\n  {filters}\n}}\n\n{}",
            output(name, &format!("data.ackone_fleets.{name}.fleet_ids"))
        )
    };
    let body = [
        find("all", ""),
        find("default", "profile = \"Default\""),
        find("workflow", "profile = \"XFlow\""),
        find("tagged", "tags = { team = \"a\" }"),
        find("both_tags", "tags = { team = \"a\", stage = \"prod\" }"),
        find("named", "name = \"workflow\""),
        find("elsewhere", "vpc_id = \"vpc-nowhere\""),
        find("failed", "state = \"failed\""),
        "data \"ackone_fleet\" \"by_name\" {\n  name = \"tagged\"\n}\n\n".to_owned(),
        output("by_name", "data.ackone_fleet.by_name"),
        "data \"ackone_fleet\" \"by_id\" {\n  fleet_id = data.ackone_fleets.named.fleet_ids[0]\n}\n\n".to_owned(),
        output("by_id", "[data.ackone_fleet.by_id.name, data.ackone_fleet.by_id.profile]"),
    ];
    let found = outputs(&sandbox, &body.concat());
    let ids = |ids: &[&String]| {
        let mut ids: Vec<&String> = ids.to_vec();
        ids.sort();
        json!(ids)
    };
    let first = &sandbox.ready.fleet_id;
    assert_eq!(found["all"], ids(&[first, &tagged, &workflow]));
    assert_eq!(found["default"], ids(&[first, &tagged]));
    assert_eq!((&found["workflow"], &found["named"]), (&ids(&[&workflow]), &ids(&[&workflow])));
    assert_eq!((&found["tagged"], &found["both_tags"]), (&ids(&[&tagged]), &json!([])));
    assert_eq!((&found["elsewhere"], &found["failed"]), (&json!([]), &json!([])));
    assert_eq!(found["by_name"]["fleet_id"], json!(tagged));
    assert_eq!(found["by_name"]["tags"], json!({"team": "a", "stage": "test"}));
    assert_eq!(found["by_id"], json!(["workflow", "XFlow"]));
}

#[test]
fn members_are_found_by_every_filter() {
    let sandbox = start();
    let [first, second] = [0, 1].map(|index| sandbox.ready.member_ids.get(index).unwrap().clone());
    let failed = json!({"association": "Failed", "message": "quota exceeded"});
    sandbox.control.post(&format!("/v1/members/{second}/state"), &failed).unwrap();
    let find = |name: &str, filters: &str| {
        let list = output(name, &format!("data.ackone_fleet_clusters.{name}.clusters"));
        format!("data \"ackone_fleet_clusters\" \"{name}\" {{\n  {filters}\n}}\n\n{list}")
    };
    let body = [
        find("all", "fleet_id = var.fleet_id"),
        find("associated", "state = \"Successed\""),
        find("failed", "state = \"Failed\""),
        find("named", "name = \"member-1\""),
        find("stopped", "cluster_state = \"inactive\""),
        find("elsewhere", "region = \"cn-nowhere\""),
    ];
    let found = outputs(&sandbox, &body.concat());
    let ids = |name: &str| -> Vec<String> {
        let clusters = found[name].as_array().unwrap();
        clusters.iter().map(|cluster| cluster["cluster_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("all").len(), 2);
    assert_eq!((ids("associated"), ids("named")), (vec![first.clone()], vec![first]));
    assert_eq!(ids("failed"), [second]);
    assert_eq!(found["failed"][0]["message"], json!("quota exceeded"));
    assert_eq!((ids("stopped").len(), ids("elsewhere").len()), (0, 0));
}

#[test]
fn every_page_of_vswitches_is_read_and_filtered() {
    let sandbox = start();
    let more = sandbox.control.post("/v1/world/vswitches", &json!({"count": 120, "zone_id": "cn-hangzhou-z"})).unwrap();
    let mut made: Vec<String> =
        more["vswitch_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    made.sort();
    sandbox.control.delete("/v1/calls").unwrap();
    let find = |name: &str, filters: &str| {
        let list = output(name, &format!("data.ackone_vswitches.{name}"));
        format!("data \"ackone_vswitches\" \"{name}\" {{\n  {filters}\n}}\n\n{list}")
    };
    let three = json!(made.iter().take(3).collect::<Vec<_>>()).to_string();
    let body = [
        find("new", "zone_ids = [\"cn-hangzhou-z\"]"),
        find("three", &format!("ids = {three}")),
        find("named", "name = \"more-7\""),
        find("tagged", "tags = { team = \"a\" }"),
        find("nowhere", "vpc_id = \"vpc-nowhere\""),
    ];
    let found = outputs(&sandbox, &body.concat());
    assert_eq!(found["new"]["vswitch_ids"], json!(made), "three pages of at most 50");
    assert_eq!(found["new"]["zones"], json!(["cn-hangzhou-z"]));
    assert_eq!(found["three"]["vswitch_ids"].to_string(), three);
    assert_eq!(found["named"]["vswitches"][0]["name"], json!("more-7"));
    assert_eq!(found["named"]["vswitches"][0]["cidr_block"], json!("10.1.7.0/24"));
    for name in ["tagged", "nowhere"] {
        assert_eq!(found[name]["vswitch_ids"], json!([]), "{name}");
    }
    let pages = sandbox.calls().unwrap().iter().filter(|call| call.action == "DescribeVSwitches").count();
    // Three pages each for the new ones and for the whole region, one each for the rest; read at least once.
    assert!(pages >= 9, "{pages} calls: a page holds at most 50");
}

#[test]
fn what_is_not_there_and_what_may_not_be_read() {
    let sandbox = start();
    let mut twins: Vec<String> = (0..2)
        .map(|_| sandbox.control.post("/v1/world/fleets", &json!({"name": "twin"})).unwrap())
        .map(|made| made["fleet_id"].as_str().unwrap().to_owned())
        .collect();
    twins.sort();
    let body = r#"
data "ackone_fleet" "none" {
  name = "nobody"
}

data "ackone_fleet" "twins" {
  name = "twin"
}

data "ackone_fleet" "another_name" {
  fleet_id = var.fleet_id
  name     = "nobody"
}

data "ackone_fleet" "unknown" {
  fleet_id = "c00000000000000000000000000000000"
}

data "ackone_alb_gateway" "none" {
  name = "nobody"
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    let finished = workspace.run(&["plan", "-json"]).unwrap();
    assert_eq!(finished.code, 1, "{}", finished.stdout);
    let told = golden::told(&sandbox, &workspace, &finished);
    let told =
        twins.iter().enumerate().fold(told, |told, (index, id)| told.replace(id, &format!("TWIN-{}", index + 1)));
    golden::check("messages_data_sources_absent", &told).unwrap();

    let deny = json!({"deny": ["adcp:DescribeHubCluster*", "adcp:DescribeManagedClusters", "vpc:DescribeVSwitches"]});
    sandbox.control.post("/v1/world/permissions", &deny).unwrap();
    let body = r#"
data "ackone_caller_identity" "who" {}

data "ackone_fleet" "one" {}

data "ackone_fleets" "all" {}

data "ackone_fleet_clusters" "all" {}

data "ackone_vswitches" "all" {}

data "ackone_alb_gateway" "demo" {
  name = "ackone-gateway-demo"
}
"#;
    let workspace = Workspace::with(&sandbox, body).unwrap();
    let finished = workspace.run(&["plan", "-json"]).unwrap();
    let told = golden::told(&sandbox, &workspace, &finished);
    assert_eq!(finished.code, 1, "{told}");
    for right in [
        "adcp:DescribeHubClusterDetails",
        "adcp:DescribeHubClusters",
        "adcp:DescribeManagedClusters",
        "vpc:DescribeVSwitches",
        "adcp:DescribeHubClusterKubeconfig",
    ] {
        assert!(told.contains(&format!("RAM refused the action {right}.")), "{right} is named\n{told}");
    }
    golden::check("messages_data_sources_forbidden", &told).unwrap();
}
