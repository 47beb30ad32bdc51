//! Rules about canaries, server groups, health checks, limits and CORS.

use super::{Bounds, Config, among, is_whole, or_default, texts, within};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;
use crate::resources::grpc_ingress::model::routing::Action;
use crate::resources::grpc_ingress::model::settings::HealthCheck;

/// V66: what a canary may be, as far as the Ingress itself tells. Protocol and TLS are those of any Ingress here.
pub(super) fn v66_canary(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(canary) = &config.canary else { return };
    let at = Path::attribute("canary");
    let bounds = Bounds { summary: "Invalid Canary Weight", low: 0, high: 100, what: "the percentage of requests" };
    within(&canary.weight, &at.attr("weight"), &bounds, diagnostics);
    let set = |known: bool, name: &'static str| known.then_some(name);
    let selectors = [set(canary.header.known().is_some(), "header"), set(canary.cookie.known().is_some(), "cookie")];
    let selectors: Vec<&str> = selectors.into_iter().flatten().collect();
    if canary.weight.known().is_some() && !selectors.is_empty() {
        diagnostics.error(
            at.attr("weight"),
            "Canary by Weight and by Request",
            format!(
                "weight stands beside {}; controllers want two Ingresses for that, or drop the canary without a word. Make a second \
                 Ingress, or keep one of them.",
                selectors.join(" and ")
            ),
        );
    }
    if canary.weight.is_null() && canary.header.is_null() && canary.cookie.is_null() {
        diagnostics.error(
            at.clone(),
            "Canary Without Requests",
            "The canary says neither weight nor header nor cookie, so no request would come to it. Set one of them.",
        );
    }
    if let Attr::Known(header) = &canary.header {
        for (name, value) in [("name", &header.name), ("value", &header.value)] {
            if value.known().is_some_and(|value| value.trim().is_empty()) {
                diagnostics.error(
                    at.attr("header").attr(name),
                    "Empty Canary Header",
                    format!("The {name} of the canary's header is empty, which matches no request. Write it."),
                );
            }
        }
    }
    for (service, routing) in config.custom_routing.known().into_iter().flatten() {
        let Attr::Known(routing) = routing else { continue };
        let at = Path::attribute("custom_routing").key(service.as_str());
        if routing.conditions.known().is_some_and(|conditions| !conditions.is_empty()) {
            diagnostics.error(
                at.attr("conditions"),
                "Canary With Conditions",
                "The controller refuses custom conditions on a canary, which stops changes of every Ingress of the gateway. Remove \
                 them, or canary.",
            );
        }
        if canary.weight.known().is_none() {
            continue;
        }
        for (index, action) in routing.actions.known().into_iter().flatten().enumerate() {
            if matches!(action, Attr::Known(Action { forward_group: Attr::Known(_), .. })) {
                diagnostics.error(
                    at.attr("actions").index(index).attr("forward_group"),
                    "Canary by Weight With Forwarding",
                    "The controller refuses a canary weight beside an action that forwards to groups, which stops changes of every \
                     Ingress of the gateway. Give the groups weights instead, or remove canary.weight.",
                );
            }
        }
    }
}

/// V67: how members are chosen.
pub(super) fn v67_scheduler(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(balancing) = &config.load_balancing else { return };
    let at = Path::attribute("load_balancing");
    among(&balancing.scheduler, &at.attr("scheduler"), "Invalid Scheduler", &["wrr", "wlc", "sch", "uch"], diagnostics);
    let empty = match &balancing.uch_value {
        Attr::Null => true,
        Attr::Known(value) => value.trim().is_empty(),
        Attr::Unknown => false,
    };
    if or_default(&balancing.scheduler, "wrr") == Some("uch") && empty {
        diagnostics.error(
            at.attr("uch_value"),
            "Scheduler Without Parameter",
            "Scheduler \"uch\" hashes a query parameter, and uch_value names none. Set it, or use another scheduler: gRPC calls have \
             no query string.",
        );
    }
    let Attr::Known(slow_start) = &balancing.slow_start else { return };
    let within_slow_start = Bounds { summary: "Invalid Slow Start", low: 30, high: 900, what: "the time in seconds" };
    within(&slow_start.duration, &at.attr("slow_start").attr("duration"), &within_slow_start, diagnostics);
    if let Some(scheduler @ ("wlc" | "sch" | "uch")) = or_default(&balancing.scheduler, "wrr")
        && matches!(slow_start.enabled, Attr::Null | Attr::Known(true))
    {
        diagnostics.error(
            at.attr("slow_start"),
            "Slow Start Needs Round Robin",
            format!(
                "slow_start works with scheduler \"wrr\" only, and this one is {scheduler:?}; the cloud refuses the server group. \
                 Use \"wrr\", or remove slow_start."
            ),
        );
    }
}

/// V68: stickiness.
pub(super) fn v68_sticky_session(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(balancing) = &config.load_balancing else { return };
    let at = Path::attribute("load_balancing");
    let Attr::Known(sticky) = &balancing.sticky_session else { return };
    let at = at.attr("sticky_session");
    among(&sticky.r#type, &at.attr("type"), "Invalid Sticky Session", &["Insert", "Server"], diagnostics);
    let bounds =
        Bounds { summary: "Invalid Cookie Timeout", low: 1, high: 86400, what: "the life of the cookie in seconds" };
    within(&sticky.cookie_timeout, &at.attr("cookie_timeout"), &bounds, diagnostics);
    let empty = match &sticky.cookie {
        Attr::Null => true,
        Attr::Known(cookie) => cookie.trim().is_empty(),
        Attr::Unknown => false,
    };
    if or_default(&sticky.r#type, "Insert") == Some("Server") && empty {
        diagnostics.error(
            at.attr("cookie"),
            "Sticky Session Without Cookie",
            "With type \"Server\" the application's own cookie keeps the client with a member, and cookie names none; the cloud refuses \
             the server group. Set cookie, or use type \"Insert\".",
        );
    }
}

/// The time that leaving members get. Its bounds are not confirmed, so what is beyond them is only advised against.
pub(super) fn connection_drain_advice(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(balancing) = &config.load_balancing else { return };
    let Attr::Known(drain) = &balancing.connection_drain else { return };
    if let Attr::Known(timeout) = &drain.timeout
        && !(0..=900).contains(timeout)
    {
        diagnostics.warn(
            Path::attribute("load_balancing").attr("connection_drain").attr("timeout"),
            "Unusual Connection Drain",
            format!(
                "timeout is {timeout}, and controllers are believed to take 0 to 900 seconds. Another value may be ignored or refused; \
                 watch the Events of the Ingress after the apply."
            ),
        );
    }
}

/// V69: bounds of the health check, and what its protocol takes.
pub(super) fn v69_health_check(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(check) = &config.health_check else { return };
    let at = Path::attribute("health_check");
    for (name, attr, low, high, what) in [
        ("timeout", &check.timeout, 1, 300, "the time in seconds"),
        ("interval", &check.interval, 1, 50, "the time in seconds"),
        ("healthy_threshold", &check.healthy_threshold, 2, 10, "the number of checks"),
        ("unhealthy_threshold", &check.unhealthy_threshold, 2, 10, "the number of checks"),
        ("connect_port", &check.connect_port, 0, 65535, "the port"),
    ] {
        within(attr, &at.attr(name), &Bounds { summary: "Invalid Health Check", low, high, what }, diagnostics);
    }
    let word = |name: &str, attr: &Attr<String>, allowed: &[&str], diagnostics: &mut Diagnostics| {
        among(attr, &at.attr(name), "Invalid Health Check", allowed, diagnostics);
    };
    word("protocol", &check.protocol, &["HTTP", "HTTPS", "TCP", "GRPC"], diagnostics);
    word("method", &check.method, &["HEAD", "GET", "POST"], diagnostics);
    word("http_version", &check.http_version, &["HTTP1.0", "HTTP1.1"], diagnostics);
    if let Attr::Known(path) = &check.path
        && (!path.starts_with('/') || path.chars().count() > 80)
    {
        diagnostics.error(
            at.attr("path"),
            "Invalid Health Check",
            format!("{path:?} is no path that is checked. Write 1 to 80 characters that begin with '/'."),
        );
    }
    match or_default(&check.protocol, "HTTP") {
        Some("GRPC") => grpc_check(check, &at, diagnostics),
        Some("HTTP" | "HTTPS") => {
            codes(
                check,
                &at,
                "codes",
                &check.codes,
                is_class,
                "some of http_2xx, http_3xx, http_4xx, http_5xx",
                diagnostics,
            );
        }
        _ => {}
    }
    codes(
        check,
        &at,
        "http_codes",
        &check.http_codes,
        is_class,
        "some of http_2xx, http_3xx, http_4xx, http_5xx",
        diagnostics,
    );
}

fn grpc_check(check: &HealthCheck<Planned>, at: &Path, diagnostics: &mut Diagnostics) {
    codes(
        check,
        at,
        "codes",
        &check.codes,
        is_grpc_code,
        "codes or ranges from 0 to 99, such as \"0\" or \"0-99\"",
        diagnostics,
    );
    // Unknown elements of a set may turn out to be equal to others.
    if texts(&check.codes).len() > 20 {
        diagnostics.error(
            at.attr("codes"),
            "Invalid Health Check",
            "codes has more than 20 entries, which the cloud refuses. Use ranges such as \"0-99\".",
        );
    }
    if or_default(&check.method, "HEAD") == Some("HEAD") {
        diagnostics.error(
            at.attr("method"),
            "Invalid Health Check",
            "A check of protocol \"GRPC\" needs method \"POST\" or \"GET\"; left out it is \"HEAD\". Set method = \"POST\".",
        );
    }
}

fn codes(
    check: &HealthCheck<Planned>,
    at: &Path,
    name: &str,
    attr: &Attr<Vec<Attr<String>>>,
    fits: fn(&str) -> bool,
    allowed: &str,
    diagnostics: &mut Diagnostics,
) {
    let protocol = or_default(&check.protocol, "HTTP").unwrap_or_default();
    for code in texts(attr).into_iter().filter(|code| !fits(code)) {
        diagnostics.error(
            at.attr(name),
            "Invalid Health Check",
            format!("{code:?} is no code for a check of protocol {protocol:?}. Write {allowed}."),
        );
    }
}

fn is_class(code: &str) -> bool {
    matches!(code, "http_2xx" | "http_3xx" | "http_4xx" | "http_5xx")
}

fn is_grpc_code(code: &str) -> bool {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u8>().ok()).flatten().filter(|code| *code <= 99)
    };
    match code.split_once('-') {
        Some((low, high)) => matches!((number(low), number(high)), (Some(low), Some(high)) if low <= high),
        None => number(code).is_some(),
    }
}

/// V70: a check over plain HTTP, which no gRPC server answers.
pub(super) fn v70_http_health_check(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(check) = &config.health_check else { return };
    let on = matches!(check.enabled, Attr::Null | Attr::Known(true));
    if let Some(protocol @ ("HTTP" | "HTTPS")) = or_default(&check.protocol, "HTTP")
        && on
    {
        diagnostics.warn(
            Path::attribute("health_check").attr("protocol"),
            "Health Check gRPC Servers Fail",
            format!(
                "Members are checked with protocol {protocol:?}, which a gRPC server does not answer: all become unhealthy and calls \
                 get 503. Use protocol \"GRPC\", or \"TCP\" with controllers older than 2.14. If the port answers plain HTTP/1.1 too, \
                 leave it as it is."
            ),
        );
    }
}

/// V71: limits on calls. That a limit for one address does not work on QUIC is told by V49: gRPC does not either.
pub(super) fn v71_rate_limit(config: &Config, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("rate_limit");
    if let Attr::Known(limit) = &config.rate_limit {
        limits(&limit.qps, &limit.qps_per_ip, &at, diagnostics);
    }
    for (service, routing) in config.custom_routing.known().into_iter().flatten() {
        let actions = routing.known().and_then(|routing| routing.actions.known());
        for (index, action) in actions.into_iter().flatten().enumerate() {
            let Attr::Known(Action { traffic_limit: Attr::Known(limit), .. }) = action else { continue };
            let at = Path::attribute("custom_routing").key(service.as_str()).attr("actions").index(index);
            let at = at.attr("traffic_limit");
            limits(&limit.qps, &limit.qps_per_ip, &at, diagnostics);
            if config.rate_limit.known().is_some() {
                diagnostics.error(
                    at,
                    "Two Rate Limits",
                    "The controller refuses a limiting action beside rate_limit, which stops changes of every Ingress of the gateway. \
                     Keep one of them.",
                );
            }
        }
    }
}

fn limits(qps: &Attr<i64>, per_ip: &Attr<i64>, at: &Path, diagnostics: &mut Diagnostics) {
    for (name, attr) in [("qps", qps), ("qps_per_ip", per_ip)] {
        let bounds = Bounds { summary: "Invalid Rate Limit", low: 1, high: 1_000_000, what: "the calls per second" };
        within(attr, &at.attr(name), &bounds, diagnostics);
    }
    if let (Attr::Known(all), Attr::Known(one)) = (qps, per_ip)
        && one >= all
    {
        diagnostics.error(
            at.attr("qps_per_ip"),
            "Invalid Rate Limit",
            format!("qps_per_ip is {one} and must be less than qps, which is {all}: the controller refuses the Ingress otherwise."),
        );
    }
}

/// V72: how long browsers keep an answer, and what else CORS takes.
pub(super) fn v72_cors(config: &Config, diagnostics: &mut Diagnostics) {
    let Attr::Known(cors) = &config.cors else { return };
    let at = Path::attribute("cors");
    let bounds = Bounds { summary: "Invalid CORS Setting", low: -1, high: 172_800, what: "the time in seconds" };
    within(&cors.max_age, &at.attr("max_age"), &bounds, diagnostics);
    let methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    for method in texts(&cors.allow_methods).into_iter().filter(|method| !methods.contains(method)) {
        diagnostics.error(
            at.attr("allow_methods"),
            "Invalid CORS Setting",
            format!("{method:?} is none of {}. Case matters.", methods.join(", ")),
        );
    }
    if !is_whole(&cors.allow_origins) {
        return;
    }
    for origin in texts(&cors.allow_origins).into_iter().filter(|origin| *origin != "*" && !origin.contains("://")) {
        diagnostics.error(
            at.attr("allow_origins"),
            "Invalid CORS Setting",
            format!(
                "{origin:?} is no origin. Write it with its scheme, such as \"https://app.example.com\", or \"*\"."
            ),
        );
    }
}
