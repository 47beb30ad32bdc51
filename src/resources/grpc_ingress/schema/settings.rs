//! Attributes for server groups, health checks, canaries, CORS and limits. Defaults named are the controller's.
//!
//! Facts: ALB Ingress configuration dictionary; gRPC health checking protocol.

use crate::framework::schema::{Attribute, Nesting};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::one_of;

fn enabled(what: &str) -> Attribute {
    Attribute::bool("enabled", format!("Whether {what}. Default `true`, as the object is there at all."))
        .default_value(Value::Bool(true))
}

fn texts(name: &'static str, what: &'static str) -> Attribute {
    Attribute::value(name, Type::set(Type::String), what)
}

pub(super) fn load_balancing() -> Attribute {
    Attribute::nested(
        "load_balancing",
        Nesting::Single,
        vec![
            Attribute::string(
                "scheduler",
                "How a member is chosen for a call: `wrr` (weighted round robin, the default), `wlc` (fewest connections, \
                 weighted), `sch` (hash of the client's address) or `uch` (hash of a query parameter, which gRPC calls do not \
                 have). Calls of one connection are spread one by one.",
            ),
            Attribute::string("uch_value", "Query parameter that `uch` hashes."),
            sticky_session(),
            Attribute::bool(
                "backend_keepalive",
                "Whether connections to members are reused. Hosted controllers of 2.16 and later turn it on for new server groups.",
            ),
            Attribute::nested(
                "slow_start",
                Nesting::Single,
                vec![
                    enabled("new members get a growing share at first"),
                    Attribute::number(
                        "duration",
                        "Seconds until a new member has its full share, 30 to 900. Default 30, which is not confirmed.",
                    ),
                ],
                "Lets new members warm up. Only with scheduler `wrr`; hosted controllers of 2.14 and later.",
            ),
            Attribute::nested(
                "connection_drain",
                Nesting::Single,
                vec![
                    enabled("leaving members finish their calls"),
                    Attribute::number(
                        "timeout",
                        "Seconds that open streams of a leaving member may take; longer ones are cut. Bounds and default are \
                         not confirmed: 0 to 900, and 300.",
                    ),
                ],
                "Lets members that leave finish their calls. Hosted controllers of 2.14 and later.",
            ),
        ],
        "How calls are spread over the Pods of all members.",
    )
}

fn sticky_session() -> Attribute {
    Attribute::nested(
        "sticky_session",
        Nesting::Single,
        vec![
            enabled("a client stays with a member"),
            Attribute::string(
                "type",
                "`Insert` (the default): ALB sets the cookie; `Server`: the application sets the cookie named in `cookie`.",
            ),
            Attribute::number("cookie_timeout", "Seconds that an inserted cookie lives, 1 to 86400. Default 1000."),
            Attribute::string("cookie", "Name of the application's cookie. Hosted controllers of 2.15 and later."),
        ],
        "Keeps a client with a member by a cookie. Most gRPC clients ignore cookies; it helps gRPC-Web in browsers.",
    )
}

pub(super) fn health_check() -> Attribute {
    Attribute::nested(
        "health_check",
        Nesting::Single,
        vec![
            enabled("members are checked"),
            Attribute::string(
                "protocol",
                "`GRPC` (hosted controllers of 2.14 and later), `TCP` (any controller), `HTTP` (the default) or `HTTPS`. A gRPC \
                 server answers no plain HTTP check.",
            ),
            Attribute::string(
                "path",
                "Path that is asked, 1 to 80 characters. With `GRPC` the method: `/grpc.health.v1.Health/Check`. Default `/`.",
            ),
            Attribute::string(
                "method",
                "`HEAD` (the default), `GET` or `POST`. With `GRPC` it must be `POST` or `GET`.",
            ),
            Attribute::string("http_version", "`HTTP1.1` (the default) or `HTTP1.0`. Not for `GRPC` and `TCP`."),
            texts(
                "codes",
                "Answers of a healthy member. With `GRPC` status codes or ranges from 0 to 99, such as `[\"0\"]` (the default) or \
                 `[\"0\", \"12\"]`: a server without the health service answers 12. With `HTTP` and `HTTPS` some of `http_2xx`, \
                 `http_3xx`, `http_4xx` and `http_5xx`.",
            ),
            texts(
                "http_codes",
                "The same for `HTTP` and `HTTPS` with controllers that do not read `codes`, which wins where both are read. \
                 Default `[\"http_2xx\"]`.",
            ),
            Attribute::number("timeout", "Seconds until an unanswered check has failed, 1 to 300. Default 5."),
            Attribute::number("interval", "Seconds between checks, 1 to 50. Default 2."),
            Attribute::number("healthy_threshold", "Good checks until a member gets calls, 2 to 10. Default 3."),
            Attribute::number("unhealthy_threshold", "Failed checks until a member gets none, 2 to 10. Default 3."),
            Attribute::number("connect_port", "Port that is checked, 0 to 65535. Default 0, the member's own port."),
        ],
        "Checks of the members, off by default: then every Pod gets calls. For a server with the gRPC health service use \
         `{ protocol = \"GRPC\", path = \"/grpc.health.v1.Health/Check\", method = \"POST\", codes = [\"0\"] }`; for one without it \
         add code `12`, or use `{ protocol = \"TCP\" }`.",
    )
}

pub(super) fn canary() -> Attribute {
    Attribute::nested(
        "canary",
        Nesting::Single,
        vec![
            Attribute::number(
                "weight",
                "Percentage of requests that go to this Ingress's backend, 0 to 100. The rest goes to the Ingress with the same host \
                 and path that is no canary. Not together with `header` or `cookie`: make two Ingresses.",
            ),
            Attribute::nested(
                "header",
                Nesting::Single,
                vec![
                    Attribute::string("name", "Name of the header; gRPC clients send it as metadata.").required(),
                    Attribute::string("value", "The whole value.").required(),
                ],
                "Takes the requests with this header.",
            ),
            Attribute::string("cookie", "Takes the requests with this cookie of the value `always`."),
        ],
        "Makes this Ingress the canary of another one with the same hosts and paths. One with `header` or `cookie` must be tried \
         before the other: give it a smaller `order`.",
    )
}

pub(super) fn cors() -> Attribute {
    Attribute::nested(
        "cors",
        Nesting::Single,
        vec![
            enabled("cross-origin requests are answered"),
            texts("allow_origins", "Origins with scheme, or `*` (the default)."),
            texts("allow_methods", "Methods. Default `GET`, `PUT`, `POST`, `DELETE`, `PATCH` and `OPTIONS`."),
            texts(
                "allow_headers",
                "Headers that requests may have. gRPC-Web needs `x-grpc-web`, `grpc-timeout` and `content-type`. Default: `DNT`, \
                 `X-CustomHeader`, `Keep-Alive`, `User-Agent`, `X-Requested-With`, `If-Modified-Since`, `Cache-Control`, \
                 `Content-Type` and `Authorization`.",
            ),
            texts(
                "expose_headers",
                "Headers of the answer that scripts see. gRPC-Web needs `grpc-status` and `grpc-message`.",
            ),
            Attribute::bool("allow_credentials", "Whether cookies and credentials may be sent. Default `true`."),
            Attribute::number("max_age", "Seconds that a browser keeps the answer, -1 to 172800. Default 172800."),
        ],
        "Cross-origin requests of browsers, for gRPC-Web. Plain gRPC clients need none of it.",
    )
}

pub(super) fn rate_limit() -> Attribute {
    Attribute::nested(
        "rate_limit",
        Nesting::Single,
        vec![
            Attribute::number("qps", "Calls per second of all clients, 1 to 1000000."),
            Attribute::number(
                "qps_per_ip",
                "Calls per second of one client address, less than `qps`. Behind proxies the listener must be told whom to trust \
                 for the client's address.",
            ),
        ],
        "Limits on new calls; those over them are refused.",
    )
}

/// Kept beside the attributes that it serves.
pub(super) fn direction() -> Attribute {
    Attribute::string("direction", "Whether the rules work on the `Request` (the default) or the `Response`.")
        .check(one_of("Invalid Rule Direction", &["Request", "Response"]))
}
