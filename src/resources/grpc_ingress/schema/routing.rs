//! Attributes for custom conditions and actions.
//!
//! Facts: ALB Ingress documentation, custom routing.

use super::settings::direction;
use crate::framework::schema::{Attribute, Nesting};
use crate::framework::types::Type;

fn texts(name: &'static str, what: &'static str) -> Attribute {
    Attribute::value(name, Type::set(Type::String), what)
}

fn object(name: &'static str, attributes: Vec<Attribute>, what: &'static str) -> Attribute {
    Attribute::nested(name, Nesting::Single, attributes, what)
}

pub(super) fn custom_routing() -> Attribute {
    Attribute::nested(
        "custom_routing",
        Nesting::Map,
        vec![direction(), conditions(), actions()],
        "Conditions and actions of the paths that lead to a Service, by the `service_name` of those paths.",
    )
}

fn conditions() -> Attribute {
    let pairs = |name: &'static str, what: &'static str| {
        Attribute::nested(
            name,
            Nesting::List,
            vec![Attribute::string("key", "Name.").required(), Attribute::string("value", "Value.").required()],
            what,
        )
    };
    let header = |name: &'static str, what: &'static str| {
        object(
            name,
            vec![
                Attribute::string("key", "Name of the header.").required(),
                texts("values", "Values; one of them must match.").required(),
            ],
            what,
        )
    };
    Attribute::nested(
        "conditions",
        Nesting::List,
        vec![
            texts("hosts", "Hosts. They are alternatives to the rule's own host."),
            texts(
                "paths",
                "Paths, with ALB's wildcards or as regular expressions after `~` or `~*`. They are alternatives to the rule's own \
                 path.",
            ),
            header("header", "A header of the request; gRPC metadata are headers."),
            pairs("query_strings", "Query parameters. gRPC calls have none."),
            texts("methods", "HTTP methods. gRPC calls are always `POST`."),
            pairs("cookies", "Cookies."),
            texts("source_ips", "Networks of clients, at most 5."),
            texts("response_status_codes", "HTTP status codes of the answer; only with direction `Response`."),
            header("response_header", "A header of the answer; only with direction `Response`."),
        ],
        "Conditions beside host and path: all of them must hold. Each sets exactly one of its attributes. At most 10 values in \
         all.",
    )
}

fn actions() -> Attribute {
    Attribute::nested(
        "actions",
        Nesting::List,
        vec![
            forward_group(),
            object(
                "redirect",
                vec![
                    Attribute::string("host", "Default `${host}`, the one asked for."),
                    Attribute::string("path", "Default `${path}`."),
                    Attribute::string("port", "Default `${port}`."),
                    Attribute::string("protocol", "`HTTP` or `HTTPS`. Default `${protocol}`."),
                    Attribute::string("query", "Default `${query}`."),
                    Attribute::string("http_code", "Status code, `301` (the default), `302`, `303`, `307` or `308`."),
                ],
                "Sends the client elsewhere; at least one part must differ from what was asked for. gRPC clients do not follow.",
            ),
            object(
                "fixed_response",
                vec![
                    Attribute::string("content_type", "Media type, such as `text/plain`.").required(),
                    Attribute::string("content", "Body."),
                    Attribute::string("http_code", "Status code. gRPC clients see 503 as `UNAVAILABLE`."),
                ],
                "Answers at once.",
            ),
            object(
                "rewrite",
                vec![
                    Attribute::string("host", "Host sent to the members."),
                    Attribute::string("path", "Path sent to the members: for gRPC the method that is called."),
                    Attribute::string("query", "Query string sent to the members, in lower case."),
                ],
                "Changes what the members are asked.",
            ),
            object(
                "insert_header",
                vec![
                    Attribute::string("key", "Name of the header.").required(),
                    Attribute::string("value", "Its value.").required(),
                    Attribute::string("value_type", "Kind of value, such as `UserDefined`."),
                    Attribute::bool("cover_enabled", "Whether a header that is there already is replaced."),
                ],
                "Adds a header; gRPC servers see it as metadata.",
            ),
            object(
                "remove_header",
                vec![Attribute::string("key", "Name of the header.").required()],
                "Drops a header.",
            ),
            object(
                "traffic_mirror",
                vec![texts("server_group_ids", "Server groups made elsewhere, `sgp-…`.").required()],
                "Sends a copy of each request elsewhere.",
            ),
            object(
                "traffic_limit",
                vec![
                    Attribute::number("qps", "Calls per second of all clients.").required(),
                    Attribute::number("qps_per_ip", "Calls per second of one client address, less than `qps`."),
                ],
                "Limits calls. Not together with `rate_limit`.",
            ),
        ],
        "What is done with matching requests, at most 5 actions. Each sets exactly one of its attributes. At most one answers: \
         `forward_group`, `redirect` or `fixed_response`; paths of the Service leave `service_port` out then.",
    )
}

fn forward_group() -> Attribute {
    object(
        "forward_group",
        vec![
            Attribute::nested(
                "server_groups",
                Nesting::List,
                vec![
                    Attribute::string("service_name", "Service in the Ingress's namespace."),
                    Attribute::number("service_port", "Port of that Service."),
                    Attribute::string("server_group_id", "Server group made elsewhere, `sgp-…`, instead of a Service."),
                    Attribute::number("weight", "Share of requests, 0 to 100."),
                ],
                "Where requests go, 1 to 5 groups.",
            )
            .required(),
            object(
                "sticky_session",
                vec![
                    Attribute::bool("enabled", "Whether a client stays with a group."),
                    Attribute::number("timeout", "Seconds."),
                ],
                "Keeps a client with a group. Hosted controllers of 2.14 and later.",
            ),
        ],
        "Forwards to several groups by weight.",
    )
}
