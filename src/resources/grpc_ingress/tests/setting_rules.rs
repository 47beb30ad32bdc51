//! The rules about canaries, server groups, health checks, limits and CORS, on both sides.

use serde_json::{Value as Json, json};

use super::{instance, walkthrough};
use crate::resources::testing::{FakeFleet, errors, warnings};

fn told(attributes: &Json) -> (Vec<String>, Vec<String>) {
    let mut config = walkthrough();
    for (name, value) in attributes.as_object().unwrap() {
        config[name] = value.clone();
    }
    let diagnostics = instance(&FakeFleet::default()).plan(&config).diagnostics;
    (errors(&diagnostics), warnings(&diagnostics))
}

fn refused(attributes: &Json) -> Vec<String> {
    told(attributes).0
}

fn silent(attributes: &Json) {
    assert_eq!(told(attributes), (Vec::new(), Vec::new()), "{attributes}");
}

fn routing(actions: &Json, conditions: &Json) -> Json {
    let mut config = json!({"custom_routing": {"grpc-service": {"actions": actions, "conditions": conditions}}});
    config["rules"] =
        json!([{"host": "grpc.example.com", "paths": [{"service_name": "grpc-service", "service_port": 1}]}]);
    config
}

#[tokio::test]
async fn v66_a_canary_has_one_way_to_choose_requests() {
    for weight in [-1, 101] {
        assert_eq!(refused(&json!({"canary": {"weight": weight}})), ["canary.weight: Invalid Canary Weight"]);
    }
    for other in [json!({"weight": 20, "cookie": "c"}), json!({"weight": 20, "header": {"name": "h", "value": "v"}})] {
        assert_eq!(refused(&json!({"canary": other})), ["canary.weight: Canary by Weight and by Request"]);
    }
    assert_eq!(refused(&json!({"canary": {}})), ["canary: Canary Without Requests"]);
    assert_eq!(
        refused(&json!({"canary": {"header": {"name": " ", "value": ""}}})),
        ["canary.header.name: Empty Canary Header", "canary.header.value: Empty Canary Header"]
    );
    for right in [
        json!({"weight": 0}),
        json!({"weight": 100}),
        json!({"header": {"name": "h", "value": "v"}, "cookie": "c"}),
        json!({"weight": 20, "cookie": "(unknown)"}),
        json!({"weight": "(unknown)"}),
        json!("(unknown)"),
    ] {
        silent(&json!({ "canary": right }));
    }

    let mut conditions = routing(&Json::Null, &json!([{"methods": ["POST"]}]));
    silent(&conditions);
    conditions["canary"] = json!({"cookie": "c"});
    assert_eq!(refused(&conditions), ["custom_routing[\"grpc-service\"].conditions: Canary With Conditions"]);
    conditions["custom_routing"]["grpc-service"]["conditions"] = json!("(unknown)");
    silent(&conditions);

    let forward = json!({"forward_group": {"server_groups": [{"service_name": "a", "service_port": 1}]}});
    let mut forwards = routing(&json!([forward]), &Json::Null);
    forwards["rules"][0]["paths"][0]["service_port"] = Json::Null;
    forwards["canary"] = json!({"cookie": "c"});
    silent(&forwards);
    forwards["canary"] = json!({"weight": 1});
    assert_eq!(
        refused(&forwards),
        ["custom_routing[\"grpc-service\"].actions[0].forward_group: Canary by Weight With Forwarding"]
    );
}

#[tokio::test]
async fn v67_schedulers_and_what_they_need() {
    let of = |balancing: Json| refused(&json!({"load_balancing": balancing}));
    assert_eq!(of(json!({"scheduler": "WRR"})), ["load_balancing.scheduler: Invalid Scheduler"]);
    for value in [Json::Null, json!(" ")] {
        assert_eq!(
            of(json!({"scheduler": "uch", "uch_value": value})),
            ["load_balancing.uch_value: Scheduler Without Parameter"]
        );
    }
    for scheduler in ["wlc", "sch"] {
        assert_eq!(
            of(json!({"scheduler": scheduler, "slow_start": {"duration": 30}})),
            ["load_balancing.slow_start: Slow Start Needs Round Robin"]
        );
    }
    for duration in [29, 901] {
        assert_eq!(
            of(json!({"slow_start": {"duration": duration}})),
            ["load_balancing.slow_start.duration: Invalid Slow Start"]
        );
    }
    for right in [
        json!({"scheduler": "wrr", "slow_start": {"duration": 900}}),
        json!({"slow_start": {}}),
        json!({"scheduler": "wlc", "slow_start": {"enabled": false}}),
        json!({"scheduler": "wlc", "slow_start": {"enabled": "(unknown)"}}),
        json!({"scheduler": "(unknown)", "slow_start": {}}),
        json!({"scheduler": "uch", "uch_value": "user"}),
        json!({"scheduler": "uch", "uch_value": "(unknown)"}),
        json!("(unknown)"),
    ] {
        silent(&json!({ "load_balancing": right }));
    }
}

#[tokio::test]
async fn bounds_that_are_not_confirmed_are_advice() {
    let drain = |timeout: Json| told(&json!({"load_balancing": {"connection_drain": {"timeout": timeout}}}));
    let at = "load_balancing.connection_drain.timeout: Unusual Connection Drain".to_owned();
    for timeout in [-1, 901] {
        assert_eq!(drain(json!(timeout)), (Vec::new(), vec![at.clone()]), "{timeout}");
    }
    for timeout in [json!(0), json!(900), json!("(unknown)")] {
        assert_eq!(drain(timeout), (Vec::new(), Vec::new()));
    }
}

#[tokio::test]
async fn v68_sticky_sessions() {
    let of = |sticky: Json| refused(&json!({"load_balancing": {"sticky_session": sticky}}));
    let at = "load_balancing.sticky_session";
    assert_eq!(of(json!({"type": "server"})), [format!("{at}.type: Invalid Sticky Session")]);
    assert_eq!(of(json!({"type": "Server"})), [format!("{at}.cookie: Sticky Session Without Cookie")]);
    for timeout in [0, 86401] {
        assert_eq!(of(json!({"cookie_timeout": timeout})), [format!("{at}.cookie_timeout: Invalid Cookie Timeout")]);
    }
    for right in [
        json!({}),
        json!({"cookie_timeout": 1}),
        json!({"cookie_timeout": 86400}),
        json!({"type": "Server", "cookie": "sid"}),
        json!({"type": "Server", "cookie": "(unknown)"}),
        json!({"type": "(unknown)"}),
    ] {
        silent(&json!({"load_balancing": {"sticky_session": right}}));
    }
}

#[tokio::test]
async fn v69_health_checks_have_bounds_and_fit_their_protocol() {
    let of = |check: Json| refused(&json!({"health_check": check}));
    let tcp = |name: &str, value: Json| {
        let mut check = json!({"protocol": "TCP"});
        check[name] = value;
        check
    };
    for (name, low, high) in [
        ("timeout", 1, 300),
        ("interval", 1, 50),
        ("healthy_threshold", 2, 10),
        ("unhealthy_threshold", 2, 10),
        ("connect_port", 0, 65535),
    ] {
        for wrong in [low - 1, high + 1] {
            assert_eq!(of(tcp(name, json!(wrong))), [format!("health_check.{name}: Invalid Health Check")]);
        }
        for right in [json!(low), json!(high), json!("(unknown)")] {
            silent(&json!({"health_check": tcp(name, right)}));
        }
    }
    for (name, wrong) in [("protocol", "grpc"), ("method", "PUT"), ("http_version", "HTTP2")] {
        let found = of(tcp(name, json!(wrong)));
        assert_eq!(found, [format!("health_check.{name}: Invalid Health Check")]);
    }
    for path in ["x", "", &format!("/{}", "a".repeat(80))] {
        assert_eq!(of(tcp("path", json!(path))), ["health_check.path: Invalid Health Check"], "{path}");
    }
    let grpc = |method: &str, codes: Json| json!({"protocol": "GRPC", "method": method, "codes": codes});
    assert_eq!(of(json!({"protocol": "GRPC"})), ["health_check.method: Invalid Health Check"]);
    assert_eq!(of(grpc("HEAD", Json::Null)), ["health_check.method: Invalid Health Check"]);
    for codes in [json!(["100"]), json!(["http_2xx"]), json!(["5-1"]), json!(["-1"]), json!(["0-100"]), json!([""])] {
        assert_eq!(of(grpc("POST", codes.clone())), ["health_check.codes: Invalid Health Check"], "{codes}");
    }
    let many: Vec<String> = (0..21).map(|code| code.to_string()).collect();
    assert_eq!(of(grpc("GET", json!(many))), ["health_check.codes: Invalid Health Check"]);
    let mut perhaps: Vec<String> = (0..20).map(|code| code.to_string()).collect();
    silent(&json!({"health_check": grpc("GET", json!(perhaps))}));
    perhaps.push("(unknown)".to_owned());
    silent(&json!({"health_check": grpc("GET", json!(perhaps))}));
    // Characters are counted, not bytes.
    silent(&json!({"health_check": tcp("path", json!(format!("/{}", "ä".repeat(79))))}));
    assert_eq!(
        of(json!({"protocol": "HTTPS", "codes": ["0", "http_2xx", "200"]})).len(),
        2,
        "each code that does not fit"
    );
    assert_eq!(
        of(json!({"protocol": "TCP", "http_codes": ["2xx"]})),
        ["health_check.http_codes: Invalid Health Check"]
    );
    for right in [
        json!({"protocol": "GRPC", "method": "POST", "path": "/grpc.health.v1.Health/Check", "codes": ["0", "12", "90-99"]}),
        json!({"protocol": "GRPC", "method": "(unknown)", "codes": ["(unknown)"]}),
        json!({"protocol": "(unknown)", "codes": ["http_2xx", "0"]}),
        json!({"protocol": "TCP"}),
    ] {
        silent(&json!({ "health_check": right }));
    }
}

#[tokio::test]
async fn v70_a_check_over_http_is_a_warning() {
    let at = ["health_check.protocol: Health Check gRPC Servers Fail"];
    for check in [json!({}), json!({"protocol": "HTTP"}), json!({"protocol": "HTTPS", "enabled": true})] {
        assert_eq!(told(&json!({ "health_check": check })), (Vec::new(), at.map(str::to_owned).to_vec()), "{check}");
    }
    for check in [
        json!({"enabled": false}),
        json!({"protocol": "TCP"}),
        json!({"protocol": "(unknown)"}),
        json!({"enabled": "(unknown)"}),
    ] {
        silent(&json!({ "health_check": check }));
    }
}

#[tokio::test]
async fn v71_limits_are_consistent_and_said_once() {
    let of = |limit: Json| refused(&json!({"rate_limit": limit}));
    for wrong in [json!({"qps": 10, "qps_per_ip": 10}), json!({"qps": 10, "qps_per_ip": 11})] {
        assert_eq!(of(wrong), ["rate_limit.qps_per_ip: Invalid Rate Limit"]);
    }
    assert_eq!(of(json!({"qps": 0})), ["rate_limit.qps: Invalid Rate Limit"]);
    assert_eq!(of(json!({"qps": 1_000_001})), ["rate_limit.qps: Invalid Rate Limit"]);
    for right in [
        json!({"qps": 1_000_000, "qps_per_ip": 1}),
        json!({"qps": 1}),
        json!({"qps": 10, "qps_per_ip": 9}),
        json!({"qps": "(unknown)", "qps_per_ip": 9}),
        json!({"qps_per_ip": 1}),
    ] {
        silent(&json!({ "rate_limit": right }));
    }
    let limit = |per_ip: i64| routing(&json!([{"traffic_limit": {"qps": 10, "qps_per_ip": per_ip}}]), &Json::Null);
    let at = "custom_routing[\"grpc-service\"].actions[0].traffic_limit";
    silent(&limit(9));
    assert_eq!(refused(&limit(10)), [format!("{at}.qps_per_ip: Invalid Rate Limit")]);
    let mut both = limit(9);
    both["rate_limit"] = json!({"qps": 5});
    assert_eq!(refused(&both), [format!("{at}: Two Rate Limits")]);
    both["rate_limit"] = json!("(unknown)");
    silent(&both);
}

#[tokio::test]
async fn v72_cors_settings_have_bounds() {
    for age in [-2, 172_801] {
        assert_eq!(refused(&json!({"cors": {"max_age": age}})), ["cors.max_age: Invalid CORS Setting"]);
    }
    assert_eq!(
        refused(&json!({"cors": {"allow_methods": ["get"], "allow_origins": ["app.example.com"]}})),
        ["cors.allow_methods: Invalid CORS Setting", "cors.allow_origins: Invalid CORS Setting"]
    );
    for right in [
        json!({"max_age": -1}),
        json!({"max_age": 172_800}),
        json!({"max_age": "(unknown)", "allow_methods": ["(unknown)"], "allow_origins": "(unknown)"}),
        json!({"allow_origins": ["*"], "allow_methods": ["POST"]}),
        json!({"allow_origins": ["https://app.example.com"]}),
    ] {
        silent(&json!({ "cors": right }));
    }
}

#[tokio::test]
async fn v74_settings_nobody_reads_are_a_warning() {
    let key = "alb.ingress.kubernetes.io/backend-schedular";
    assert_eq!(
        told(&json!({"extra_annotations": {key: "wrr"}})),
        (Vec::new(), vec![format!("extra_annotations[{key:?}]: Annotation Nobody Reads")])
    );
    let weight = "alb.ingress.kubernetes.io/cluster-weight.c11111111111111111111111111111111";
    silent(&json!({"extra_annotations": {weight: "20"}}));
    silent(&json!({"extra_annotations": "(unknown)"}));
    assert_eq!(
        refused(&json!({"annotations": {key: "wrr"}})),
        [format!("annotations[{key:?}]: Setting Among Annotations")]
    );
    for (key, summary) in [
        ("alb.ingress.kubernetes.io/healthcheck-path", "Annotation Has an Attribute"),
        ("alb.ingress.kubernetes.io/conditions.grpc-service", "Annotation Has an Attribute"),
        ("alb.ingress.kubernetes.io/albconfig.order", "Annotation Has an Attribute"),
        ("alb.ingress.kubernetes.io/vswitch-ids", "Annotation Not Allowed"),
        ("alb.ingress.kubernetes.io/remote-clusters", "Annotation Not Allowed"),
    ] {
        assert_eq!(
            refused(&json!({"extra_annotations": {key: "x"}})),
            [format!("extra_annotations[{key:?}]: {summary}")]
        );
    }
    let canary = "nginx.ingress.kubernetes.io/canary-weight";
    assert_eq!(
        refused(&json!({"annotations": {canary: "1"}})),
        [format!("annotations[{canary:?}]: Annotation Has an Attribute")]
    );
}

#[tokio::test]
async fn v75_names_of_server_groups_have_a_length() {
    let of = |namespace: &str| {
        told(&json!({"namespace": namespace, "rules": [{"host": "grpc.example.com",
        "paths": [{"service_name": "s".repeat(63), "service_port": 50051}]}]}))
    };
    // The longest possible: 63, a hyphen, 63, a hyphen and 5 make 133.
    assert_eq!(of(&"n".repeat(63)).1, ["rules[0].paths[0].service_name: Server Group Name Too Long"]);
    assert_eq!(of(&"n".repeat(59)).1.len(), 1, "129");
    assert_eq!(of(&"n".repeat(58)), (Vec::new(), Vec::new()), "128");
    assert_eq!(of("(unknown)"), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn v79_a_path_behind_a_catch_all_is_a_warning() {
    let hosts = json!([{"hosts": ["grpc.example.com", "*.example.com"]}]);
    let path = |path: &str| json!({"path": path, "service_name": "grpc-service", "service_port": 1});
    let of = |rules: Json| told(&json!({"rules": rules, "tls": hosts})).1;
    let behind = |at: &str| vec![format!("{at}: Path Behind a Catch-All")];
    let one = |host: Json, paths: &[Json]| json!({"host": host, "paths": paths});
    let grpc = || json!("grpc.example.com");
    assert_eq!(of(json!([one(grpc(), &[path("/"), path("/a.B")])])), behind("rules[0].paths[1]"));
    assert_eq!(of(json!([one(grpc(), &[path("/a.B"), path("/a.B/C")])])), behind("rules[0].paths[1]"));
    assert_eq!(of(json!([one(Json::Null, &[path("/")]), one(grpc(), &[path("/a")])])), behind("rules[1].paths[0]"));
    assert_eq!(
        of(json!([one(json!("*.example.com"), &[path("/")]), one(grpc(), &[path("/")])])),
        behind("rules[1].paths[0]")
    );
    for right in [
        json!([one(grpc(), &[path("/a.B"), path("/a.Bc"), path("/")])]),
        json!([one(grpc(), &[path("/")]), one(json!("*.example.com"), &[path("/a")])]),
        json!([one(grpc(), &[path("/")]), one(Json::Null, &[path("/")])]),
        json!([one(json!("(unknown)"), &[path("/")]), one(grpc(), &[path("/a")])]),
        json!([one(grpc(), &[path("/"), json!("(unknown)")])]),
    ] {
        assert_eq!(of(right.clone()), Vec::<String>::new(), "{right}");
    }
    // A condition keeps some calls from the first one.
    let mut conditional = routing(&Json::Null, &json!([{"methods": ["POST"]}]));
    conditional["rules"][0]["paths"] = json!([path("/"), {"path": "/a", "service_name": "other", "service_port": 1}]);
    silent(&conditional);
}
