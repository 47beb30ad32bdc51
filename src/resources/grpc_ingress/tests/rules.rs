//! Each rule on both sides: what it refuses or warns of, what it accepts, and its silence about unknowns.

use serde_json::{Value as Json, json};

use super::{instance, walkthrough};
use crate::framework::value::Value;
use crate::resources::testing::{FakeFleet, errors, warnings};

/// The walkthrough's Ingress with other attributes.
fn with(attributes: &Json) -> Json {
    let mut config = walkthrough();
    for (name, value) in attributes.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

fn refused(attributes: &Json) -> Vec<String> {
    errors(&instance(&FakeFleet::default()).plan(&with(attributes)).diagnostics)
}

fn warned(attributes: &Json) -> Vec<String> {
    let plan = instance(&FakeFleet::default()).plan(&with(attributes));
    assert_eq!(errors(&plan.diagnostics), Vec::<String>::new());
    warnings(&plan.diagnostics)
}

fn silent(attributes: &Json) {
    let plan = instance(&FakeFleet::default()).plan(&with(attributes));
    assert!(plan.diagnostics.is_empty(), "{attributes}: {:#?}", plan.diagnostics);
}

/// One path, the walkthrough's with other attributes.
fn path(attributes: &Json) -> Json {
    paths(&[attributes])
}

fn paths(several: &[&Json]) -> Json {
    let path = |attributes: &&Json| {
        let mut path = json!({"service_name": "grpc-service", "service_port": 50051});
        for (name, value) in attributes.as_object().unwrap() {
            path[name] = value.clone();
        }
        path
    };
    json!({"rules": [{"host": "grpc.example.com", "paths": several.iter().map(path).collect::<Vec<_>>()}]})
}

/// Routing of the walkthrough's Service, whose paths leave the answer to it if `answers`.
fn routing(routing: &Json, answers: bool) -> Json {
    let port = if answers { Json::Null } else { json!(50051) };
    let mut config = path(&json!({"service_port": port}));
    config["custom_routing"] = json!({"grpc-service": routing});
    config
}

const CONDITIONS: &str = "custom_routing[\"grpc-service\"].conditions";
const ACTIONS: &str = "custom_routing[\"grpc-service\"].actions";

#[tokio::test]
async fn v41_the_class_is_required_and_the_annotation_refused() {
    let key = json!({"kubernetes.io/ingress.class": "alb"});
    assert_eq!(
        refused(&json!({"annotations": key})),
        ["annotations[\"kubernetes.io/ingress.class\"]: Obsolete Class Annotation"]
    );
    assert!(
        refused(&json!({"extra_annotations": key}))
            .contains(&"extra_annotations[\"kubernetes.io/ingress.class\"]: Obsolete Class Annotation".to_owned())
    );
    assert_eq!(refused(&json!({"ingress_class_name": null})), ["ingress_class_name: Missing Required Value"]);
    silent(&json!({"ingress_class_name": "(unknown)", "annotations": "(unknown)"}));
    silent(&json!({"annotations": {"example.com/ingress.class": "alb"}}));
}

#[tokio::test]
async fn v42_listen_ports_are_pairs_and_not_none() {
    assert_eq!(refused(&json!({"listen_ports": []})), ["listen_ports: No Listen Ports"]);
    for port in ["443", "0/HTTPS", "65536/HTTPS", "443/https", "0443/HTTPS", "HTTPS/443", ""] {
        assert_eq!(refused(&json!({"listen_ports": [port]})), ["listen_ports: Invalid Listen Port"], "{port}");
    }
    assert_eq!(refused(&json!({"listen_ports": ["1", "2"]})).len(), 2, "every one of them");
    assert_eq!(refused(&json!({"listen_ports": null})), ["listen_ports: Missing Required Value"]);
    silent(&json!({"listen_ports": ["443/HTTPS", "8443/HTTPS"]}));
    silent(&json!({"listen_ports": ["(unknown)", "443/HTTPS"]}));
    silent(&json!({"listen_ports": "(unknown)"}));
}

#[tokio::test]
async fn v45_the_protocol_is_written_by_the_provider_alone() {
    let key = |key: &str| json!({key: "GRPC"});
    for map in ["annotations", "extra_annotations"] {
        assert_eq!(
            refused(&json!({map: key("alb.ingress.kubernetes.io/backend-protocol")})),
            [format!("{map}[\"alb.ingress.kubernetes.io/backend-protocol\"]: Annotation Has an Attribute")]
        );
    }
    let spelled = "alb.ingress.kubernetes.io/Backend-Protocol";
    assert_eq!(
        refused(&json!({"extra_annotations": key(spelled)})),
        [format!("extra_annotations[{spelled:?}]: Backend Protocol Is Fixed")]
    );
    let misplaced = refused(&json!({"annotations": key(spelled)}));
    assert!(misplaced.contains(&format!("annotations[{spelled:?}]: Backend Protocol Is Fixed")), "{misplaced:?}");
    // What other programs read is theirs.
    silent(
        &json!({"annotations": {"nginx.ingress.kubernetes.io/backend-protocol": "GRPC", "a.example/backend-protocol": "x"}}),
    );
    silent(&json!({"extra_annotations": "(unknown)"}));
    let planned = instance(&FakeFleet::default()).plan(&walkthrough()).planned.unwrap();
    assert_eq!(planned.attr("backend_protocol"), Value::string("grpc"));
}

#[tokio::test]
async fn v47_grpc_needs_a_tls_entry() {
    assert_eq!(refused(&json!({"tls": []}))[0], "tls: No TLS Entry");
    assert_eq!(refused(&json!({"tls": null})), ["tls: Missing Required Value"]);
    silent(&json!({"tls": "(unknown)"}));
    silent(&json!({"tls": [{"hosts": ["grpc.example.com"]}]}));
}

#[tokio::test]
async fn v48_grpc_needs_https_listeners() {
    let cannot = ["listen_ports: Listener Cannot Carry gRPC"];
    assert_eq!(refused(&json!({"listen_ports": ["443/HTTPS", "80/HTTP"]})), cannot);
    assert_eq!(refused(&json!({"listen_ports": ["443/HTTPS", "80/HTTP"], "ssl_redirect": false})), cannot);
    assert_eq!(refused(&json!({"listen_ports": ["443/HTTPS", "8080/HTTP"], "ssl_redirect": true})), cannot);
    assert_eq!(refused(&json!({"listen_ports": ["80/HTTP", "8001/HTTP"]})).len(), 2);
    silent(&json!({"listen_ports": ["443/HTTPS", "80/HTTP"], "ssl_redirect": true}));
    silent(&json!({"listen_ports": ["443/HTTPS", "80/HTTP"], "ssl_redirect": "(unknown)"}));
}

#[tokio::test]
async fn v49_grpc_is_not_served_over_quic() {
    assert_eq!(
        refused(&json!({"listen_ports": ["443/HTTPS", "443/QUIC"]})),
        ["listen_ports: Listener Cannot Carry gRPC"]
    );
    silent(&json!({"listen_ports": ["(unknown)"]}));
    silent(&json!({"listen_ports": ["443/HTTPS"]}));
}

#[tokio::test]
async fn v50_a_path_must_be_able_to_match_a_call() {
    let at = "rules[0].paths[0]";
    for kind in ["Exact", "ImplementationSpecific"] {
        let attribute = if kind == "Exact" { "path" } else { "path_type" };
        assert_eq!(
            refused(&path(&json!({"path": "/", "path_type": kind}))),
            [format!("{at}.{attribute}: Path Matches No gRPC Method")]
        );
    }
    assert_eq!(
        warned(&path(&json!({"path": "/helloworld.Greeter", "path_type": "ImplementationSpecific"}))),
        [format!("{at}.path: Path May Match No gRPC Method")]
    );
    silent(&path(&json!({"path": "/"})));
    silent(&path(&json!({"path": "/helloworld.Greeter/SayHello", "path_type": "Exact"})));
    silent(&path(&json!({"path": "/helloworld.*", "path_type": "ImplementationSpecific"})));
    silent(&path(&json!({"path": "/helloworld.Greeter/SayHello", "path_type": "ImplementationSpecific"})));
    silent(&path(&json!({"path": "(unknown)", "path_type": "Exact"})));
    silent(&path(&json!({"path": "/", "path_type": "(unknown)"})));
}

#[tokio::test]
async fn v50_a_path_that_the_gateway_answers_itself_needs_no_method() {
    let at = "rules[0].paths[0].path: Path Matches No gRPC Method".to_owned();
    let page = |action: &Json| {
        let mut config = routing(&json!({"actions": [action]}), true);
        config["rules"][0]["paths"][0]["path"] = json!("/");
        config["rules"][0]["paths"][0]["path_type"] = json!("Exact");
        config
    };
    silent(&page(&json!({"redirect": {"host": "docs.example.com"}})));
    silent(&page(&json!({"fixed_response": {"content_type": "text/plain"}})));
    silent(&page(&json!("(unknown)")));
    let forward = json!({"forward_group": {"server_groups": [{"service_name": "a", "service_port": 1}]}});
    assert_eq!(refused(&page(&forward)), [at.as_str()], "calls go on to servers");
    let mut with_port = page(&json!({"redirect": {"host": "docs.example.com"}}));
    with_port["rules"][0]["paths"][0]["service_port"] = json!(1);
    assert!(refused(&with_port).contains(&at));
}

#[tokio::test]
async fn v51_a_redirect_needs_the_listener_that_it_leads_to() {
    assert_eq!(
        refused(&json!({"ssl_redirect": true, "listen_ports": ["8443/HTTPS"]})),
        ["ssl_redirect: Redirect to a Missing Listener"]
    );
    silent(&json!({"ssl_redirect": true}));
    silent(&json!({"ssl_redirect": false, "listen_ports": ["8443/HTTPS"]}));
    silent(&json!({"ssl_redirect": "(unknown)", "listen_ports": ["8443/HTTPS"]}));
    silent(&json!({"ssl_redirect": true, "listen_ports": ["8443/HTTPS", "(unknown)"]}));
}

#[tokio::test]
async fn v55_hosts_of_rules_are_listed_literally() {
    let host = |host: &str| json!({"rules": [{"host": host, "paths": [{"service_name": "s", "service_port": 1}]}]});
    assert_eq!(refused(&host("other.example.com")), ["rules[0].host: Host Without TLS Entry"]);
    let mut wildcard = host("a.example.com");
    wildcard["tls"] = json!([{"hosts": ["*.example.com"]}]);
    assert_eq!(refused(&wildcard), ["rules[0].host: Host Without TLS Entry"]);
    let mut two = host("other.example.com");
    two["rules"].as_array_mut().unwrap().push(host("third.example.com")["rules"][0].clone());
    assert_eq!(
        refused(&two),
        ["rules[0].host: Host Without TLS Entry", "rules[1].host: Host Without TLS Entry"],
        "every one of them"
    );
    silent(&host("GRPC.example.com"));
    silent(&host("(unknown)"));
    // No host is any host.
    silent(&json!({"rules": [{"paths": [{"service_name": "s", "service_port": 1}]}]}));
    // A wildcard that is listed literally is as good as any host.
    let mut literal = host("*.example.com");
    literal["tls"] = json!([{"hosts": ["*.example.com"]}]);
    silent(&literal);
    let mut unknown = host("other.example.com");
    unknown["tls"] = json!([{"hosts": ["(unknown)"]}]);
    silent(&unknown);
}

#[tokio::test]
async fn v55_hosts_without_any_tls_entry_rely_on_discovery() {
    let told = |attributes: &Json| warnings(&instance(&FakeFleet::default()).plan(&with(attributes)).diagnostics);
    let warning = ["tls: Hosts Rely on Certificate Discovery"];
    assert_eq!(told(&json!({"tls": []})), warning);
    assert_eq!(told(&json!({"tls": [], "listen_ports": ["8001/HTTP"]})), Vec::<String>::new(), "no HTTPS");
    let any = json!({"tls": [], "rules": [{"paths": [{"service_name": "s", "service_port": 1}]}]});
    assert_eq!(told(&any), Vec::<String>::new(), "no host to discover one for");
    for unknown in [json!({"tls": "(unknown)"}), json!({"tls": ["(unknown)"]})] {
        assert_eq!(told(&unknown), Vec::<String>::new());
    }
    assert_eq!(told(&json!({"tls": [], "listen_ports": "(unknown)"})), Vec::<String>::new());
}

#[tokio::test]
async fn v58_the_order_has_bounds() {
    for order in [0, 1001, -1] {
        assert_eq!(refused(&json!({"order": order})), ["order: Invalid Order"], "{order}");
    }
    for order in [json!(1), json!(1000), json!("(unknown)")] {
        silent(&json!({"order": order}));
    }
}

#[tokio::test]
async fn v60_wildcards_need_regular_expressions_or_their_own_type() {
    let wrong = ["rules[0].paths[0].path: Wildcard in Path"];
    assert_eq!(refused(&path(&json!({"path": "/a*"}))), wrong);
    assert_eq!(refused(&path(&json!({"path": "/a/b?", "path_type": "Exact"}))), wrong);
    let mut regex = path(&json!({"path": "/a.*"}));
    regex["use_regex"] = json!(true);
    silent(&regex);
    regex["use_regex"] = json!("(unknown)");
    silent(&regex);
    let mut exact = path(&json!({"path": "/a/b*", "path_type": "Exact"}));
    for mode in [json!(true), json!("(unknown)")] {
        exact["use_regex"] = mode;
        assert!(refused(&exact).contains(&wrong[0].to_owned()), "no mode makes a regular expression of it");
    }
    let mut rewrite = path(&json!({"path": "/a/(.*)"}));
    rewrite["rewrite_target"] = json!("/${1}");
    silent(&rewrite);
    silent(&path(&json!({"path": "/a*", "path_type": "ImplementationSpecific"})));
    silent(&path(&json!({"path": "/a*", "path_type": "(unknown)"})));
}

#[tokio::test]
async fn v61_regular_expressions_need_prefixes() {
    let exact = json!({"path": "/a/b", "path_type": "Exact"});
    let specific = json!({"path": "/a/*", "path_type": "ImplementationSpecific"});
    let mut config = paths(&[&json!({"path": "/c"}), &exact, &specific]);
    config["use_regex"] = json!(true);
    assert_eq!(
        refused(&config),
        [
            "rules[0].paths[1].path_type: Regular Expression Needs Prefix",
            "rules[0].paths[2].path_type: Regular Expression Needs Prefix"
        ]
    );
    for off in [json!(false), json!("(unknown)")] {
        config["use_regex"] = off;
        silent(&config);
    }
    config["rewrite_target"] = json!("/x");
    assert_eq!(refused(&config).len(), 2);
    config["rewrite_target"] = json!("(unknown)");
    silent(&config);
}

#[tokio::test]
async fn v62_paths_are_what_the_api_takes() {
    for text in ["x", "", "/a//b", "/a/./b", "/a/../b", "/a%2Fb", "/a/.."] {
        assert_eq!(refused(&path(&json!({"path": text}))), ["rules[0].paths[0].path: Invalid Path"], "{text}");
    }
    assert_eq!(refused(&path(&json!({"path": "/a//b/./c"}))).len(), 1, "one path, one place");
    let all = paths(&[&json!({"path": "a"}), &json!({"path": "/ok"}), &json!({"path": "/b//", "path_type": "Exact"})]);
    let told: Vec<String> = refused(&all).into_iter().filter(|line| line.ends_with("Invalid Path")).collect();
    assert_eq!(told, ["rules[0].paths[0].path: Invalid Path", "rules[0].paths[2].path: Invalid Path"]);
    silent(&path(&json!({"path": "/helloworld.Greeter"})));
    silent(&path(&json!({"path": "(unknown)"})));
    // The API looks into Prefix and Exact paths only.
    for text in ["/a//*", "/a/./*", "/a%2F*"] {
        silent(&path(&json!({"path": text, "path_type": "ImplementationSpecific"})));
        silent(&path(&json!({"path": text, "path_type": "(unknown)"})));
    }
    let relative = json!({"path": "a/*", "path_type": "ImplementationSpecific"});
    assert_eq!(refused(&path(&relative)), ["rules[0].paths[0].path: Invalid Path"]);
}

#[tokio::test]
async fn v63_ports_are_numbers_and_left_out_only_for_an_action() {
    for port in [0, 65536, -1] {
        assert_eq!(
            refused(&path(&json!({"service_port": port}))),
            ["rules[0].paths[0].service_port: Invalid Service Port"]
        );
    }
    silent(&path(&json!({"service_port": 65535})));
    silent(&path(&json!({"service_port": "(unknown)"})));
}

#[tokio::test]
async fn v64_a_path_is_answered_by_its_port_or_by_one_action() {
    let answer = json!({"fixed_response": {"content_type": "text/plain", "http_code": "503"}});
    let elsewhere = json!({"redirect": {"host": "other.example.com"}});
    let insert = json!({"insert_header": {"key": "k", "value": "v"}});
    let port = "rules[0].paths[0].service_port";
    assert_eq!(refused(&path(&json!({"service_port": null}))), [format!("{port}: Backend Without Port or Action")]);
    assert_eq!(
        refused(&routing(&json!({"actions": [insert]}), true)),
        [format!("{port}: Backend Without Port or Action")]
    );
    assert_eq!(
        refused(&routing(&json!({"actions": [answer]}), false)),
        [format!("{port}: Port Beside a Final Action")]
    );
    assert_eq!(
        refused(&routing(&json!({"actions": [answer, insert, elsewhere]}), true)),
        [format!("{ACTIONS}[2].redirect: Several Final Actions")]
    );
    silent(&routing(&json!({"actions": [insert, answer]}), true));
    silent(&routing(&json!({"actions": [insert]}), false));

    let mut other = routing(&json!({"actions": [insert]}), false);
    other["custom_routing"]["grpc-servise"] = json!({"actions": [insert]});
    assert_eq!(refused(&other), ["custom_routing[\"grpc-servise\"]: Routing Without Path"]);
    other["rules"][0]["paths"] = json!(["(unknown)"]);
    silent(&other);
    let long = "s".repeat(60);
    let mut name = path(&json!({"service_name": long}));
    name["custom_routing"] = json!({long.as_str(): {"actions": [insert]}});
    assert_eq!(refused(&name), [format!("custom_routing[{long:?}]: Service Name Too Long for Routing")]);

    silent(&routing(&json!({"actions": "(unknown)"}), true));
    silent(&routing(&json!({"actions": ["(unknown)"]}), true));
    silent(&routing(&json!("(unknown)"), true));
    silent(&routing(&json!({"actions": [{"fixed_response": "(unknown)"}]}), true));
    let mut unknown = routing(&json!({"actions": [answer]}), false);
    unknown["rules"][0]["paths"][0]["service_port"] = json!("(unknown)");
    silent(&unknown);
}

#[tokio::test]
async fn v65_conditions_have_one_type_and_few_values() {
    let of = |conditions: &Json| refused(&routing(&json!({"conditions": conditions}), false));
    assert_eq!(of(&json!([{}])), [format!("{CONDITIONS}[0]: Empty Condition")]);
    assert_eq!(of(&json!([{"hosts": ["a"], "paths": ["/b"]}])), [format!("{CONDITIONS}[0]: Ambiguous Condition")]);
    assert_eq!(
        of(&json!([{"hosts": []}, {"header": {"key": "k", "values": []}}])),
        [format!("{CONDITIONS}[0].hosts: Empty Condition"), format!("{CONDITIONS}[1].header.values: Empty Condition")]
    );
    let many: Vec<String> = (0..10).map(|index| format!("v{index}")).collect();
    let header = json!({"header": {"key": "stage", "values": many}});
    assert_eq!(of(&json!([header, {"methods": ["POST"]}])), [format!("{CONDITIONS}: Too Many Condition Values")]);
    silent(&routing(&json!({"conditions": [header]}), false));
    let mut perhaps = many.clone();
    perhaps.extend(["(unknown)".to_owned(), "(unknown)".to_owned()]);
    silent(&routing(&json!({"conditions": [{"header": {"key": "stage", "values": perhaps}}]}), false));
    let ips = |ips: &[&str]| json!([{"source_ips": ips}]);
    let few = ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.1", "fd00::/8", "192.168.0.0/24"];
    silent(&routing(&json!({"conditions": ips(&few)}), false));
    let six: Vec<&str> = few.into_iter().chain(["10.9.0.0/16"]).collect();
    assert_eq!(of(&ips(&six)), [format!("{CONDITIONS}[0].source_ips: Too Many Source Networks")]);
    for ip in ["10.0.0.0/33", "10.0.0", "x", "10.0.0.0/"] {
        assert_eq!(of(&ips(&[ip])), [format!("{CONDITIONS}[0].source_ips: Invalid Source Network")], "{ip}");
    }
    let answered = json!([{"response_status_codes": ["200"]}]);
    assert_eq!(of(&answered), [format!("{CONDITIONS}[0].response_status_codes: Condition on the Response")]);
    silent(&routing(&json!({"direction": "Response", "conditions": answered}), false));
    silent(&routing(&json!({"direction": "(unknown)", "conditions": answered}), false));
    silent(&routing(&json!({"conditions": [{"hosts": "(unknown)"}, "(unknown)", {"hosts": ["(unknown)"]}]}), false));
    assert_eq!(
        refused(&routing(&json!({"direction": "response"}), false)),
        ["custom_routing[\"grpc-service\"].direction: Invalid Rule Direction"]
    );
}

#[tokio::test]
async fn v65_actions_have_one_type_and_bounds() {
    let of = |actions: &Json, answers: bool| refused(&routing(&json!({"actions": actions}), answers));
    let insert = json!({"insert_header": {"key": "k", "value": "v"}});
    assert_eq!(of(&json!([{}]), false), [format!("{ACTIONS}[0]: Empty Action")]);
    let both = json!({"insert_header": {"key": "k", "value": "v"}, "remove_header": {"key": "k"}});
    assert_eq!(of(&json!([both]), false), [format!("{ACTIONS}[0]: Ambiguous Action")]);
    assert_eq!(of(&json!(vec![insert.clone(); 6]), false), [format!("{ACTIONS}: Too Many Actions")]);
    silent(&routing(&json!({"actions": vec![insert; 5]}), false));

    let groups = |groups: &Json| of(&json!([{"forward_group": {"server_groups": groups}}]), true);
    let at = format!("{ACTIONS}[0].forward_group.server_groups");
    let group = json!({"service_name": "a", "service_port": 1, "weight": 50});
    assert_eq!(groups(&json!([])), [format!("{at}: Invalid Number of Server Groups")]);
    assert_eq!(groups(&json!(vec![group.clone(); 6])), [format!("{at}: Invalid Number of Server Groups")]);
    for wrong in [
        json!({"weight": 1}),
        json!({"service_name": "a"}),
        json!({"service_name": "a", "service_port": 1, "server_group_id": "sgp-a"}),
    ] {
        assert_eq!(groups(&json!([wrong])), [format!("{at}[0]: Unclear Server Group")], "{wrong}");
    }
    assert_eq!(
        groups(&json!([{"service_name": "a", "service_port": 0, "weight": 101}])),
        [format!("{at}[0].weight: Invalid Group Weight"), format!("{at}[0].service_port: Invalid Service Port")]
    );
    for right in [group, json!({"server_group_id": "sgp-a", "weight": 0}), json!({"service_name": "(unknown)"})] {
        silent(&routing(&json!({"actions": [{"forward_group": {"server_groups": [right]}}]}), true));
    }

    let redirect = |redirect: &Json| of(&json!([{"redirect": redirect}]), true);
    assert_eq!(redirect(&json!({})), [format!("{ACTIONS}[0].redirect: Redirect to Itself")]);
    assert_eq!(redirect(&json!({"host": "${host}"})), [format!("{ACTIONS}[0].redirect: Redirect to Itself")]);
    assert_eq!(
        redirect(&json!({"path": "/x", "http_code": "200"})),
        [format!("{ACTIONS}[0].redirect.http_code: Invalid Redirect Code")]
    );
    silent(&routing(&json!({"actions": [{"redirect": {"host": "(unknown)"}}]}), true));
    assert_eq!(
        of(&json!([{"rewrite": {"query": "A=b"}}, {"traffic_mirror": {"server_group_ids": []}}]), false),
        [
            format!("{ACTIONS}[0].rewrite.query: Upper Case in Rewritten Query"),
            format!("{ACTIONS}[1].traffic_mirror.server_group_ids: Empty Action")
        ]
    );
    silent(&routing(
        &json!({"actions": [{"rewrite": {"query": "a=b"}}, {"traffic_mirror": {"server_group_ids": ["sgp-a"]}}]}),
        false,
    ));
}
