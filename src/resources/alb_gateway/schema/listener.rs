//! Attributes of the gateway's listeners. The room note of the folder above says where the facts are from.

use super::{extra_spec, tags};
use crate::framework::schema::{Attribute, Nesting};
use crate::framework::types::Type;
use crate::resources::alb_gateway::meaning;
use crate::resources::alb_gateway::rules::checks;
use crate::resources::kubernetes_attributes::one_of;

pub(super) fn listeners() -> Attribute {
    let mut attributes = settings();
    attributes.extend(certificates());
    attributes.extend([quic(), x_forwarded_for(), log(), acl()]);
    attributes.push(tags("the listener", "They replace all tags that the listener has."));
    attributes.push(extra_spec(
        "Fields of the listener that have no attribute, as a JSON object, best made with `jsonencode`. They are merged into \
         the listener and handed on unread. Fields that have an attribute or are reserved are refused. A default certificate \
         of another kind than a certificate identifier is written here: `defaultCertificate` with its `kind`.",
    ));
    Attribute::nested(
        "listeners",
        Nesting::Map,
        attributes,
        "Listeners by port and protocol: `\"443/HTTPS\" = {}`. Protocols: `HTTP`, `HTTPS`, `QUIC`. gRPC needs HTTPS. A port \
         carries one protocol, except that HTTPS and QUIC may share it. Listeners added by others stay and show in \
         `foreign_listeners`. Another key is another listener: what is added is written first, and what is removed goes once \
         the controller has published that.",
    )
    .required()
}

fn settings() -> Vec<Attribute> {
    vec![
        Attribute::string(
            "description",
            "Description. Default `ingress-auto-listener-<port>`. On a reused load balancer the controller knows its own \
             listeners by that beginning.",
        )
        .check(checks::listener_description),
        Attribute::number(
            "idle_timeout",
            "Seconds without traffic after which a client connection is closed, 1 to 600, more with a raised quota. Long idle \
             gRPC streams need keep-alive pings or a larger value. Default: the cloud's, 15 or 60 by product generation.",
        ),
        Attribute::number(
            "request_timeout",
            "Seconds to the first byte of an answer, 1 to 600, more with a raised quota; then clients see 504. Default 60.",
        ),
        Attribute::bool("gzip_enabled", "Whether answers are compressed. Default `true`."),
        Attribute::bool(
            "http2_enabled",
            "Whether clients may speak HTTP/2, which gRPC needs. HTTPS only. Default `true`; leave it out, because the \
             open-source controller takes any written value for `false`.",
        ),
        Attribute::string(
            "security_policy_id",
            "TLS versions and ciphers: `tls_cipher_policy_1_0`, `tls_cipher_policy_1_1`, `tls_cipher_policy_1_2`, \
             `tls_cipher_policy_1_2_strict`, `tls_cipher_policy_1_2_strict_with_1_3`, or the ID of a custom policy. HTTPS \
             only. Default `tls_cipher_policy_1_0`.",
        ),
    ]
}

fn certificates() -> Vec<Attribute> {
    let identifier = "Identifier in the certificate service, such as `1234567-cn-hangzhou`.";
    vec![
        Attribute::nested(
            "certificates",
            Nesting::List,
            vec![
                Attribute::string("certificate_id", identifier).required(),
                Attribute::bool(
                    "default",
                    "Whether it is served to clients whose server name fits no other. At most one; default: the first.",
                ),
            ],
            "Server certificates of an HTTPS or QUIC listener, from the certificate service. Leave them out when Ingresses \
             bring the certificate in a Secret: then `ready` is null, since the listener comes to life only with the first \
             such Ingress.",
        )
        .same_if(meaning::same_certificates),
        Attribute::nested(
            "default_certificate",
            Nesting::Single,
            vec![Attribute::string("certificate_id", identifier).required()],
            "The certificate for clients whose server name fits no other; it goes before the default of `certificates`. Needs \
             a controller of version 2.18 or later.",
        ),
        Attribute::bool(
            "ca_enabled",
            "Whether clients must show a certificate (mutual TLS). HTTPS only; needs `ca_certificates`. The open-source \
             controller ignores it. Default `false`.",
        ),
        Attribute::value(
            "ca_certificates",
            Type::set(Type::String),
            "Identifiers of the authorities, in the certificate service, that client certificates are checked against. HTTPS \
             only.",
        ),
    ]
}

fn quic() -> Attribute {
    Attribute::nested(
        "quic",
        Nesting::Single,
        vec![
            Attribute::bool(
                "upgrade_enabled",
                "Whether the HTTPS listener tells clients of a QUIC listener. Default `false`.",
            ),
            Attribute::string("listener_id", "Cloud ID of that QUIC listener, `lsn-…`."),
        ],
        "How clients of an HTTPS listener find a QUIC one.",
    )
}

fn x_forwarded_for() -> Attribute {
    let switch = |name: &'static str, header: &str| {
        Attribute::bool(name, format!("Whether requests carry {header}. Default `false`."))
    };
    let alias = |name: &'static str, of: &str| {
        Attribute::string(name, format!("Name of that header; it counts only with `{of}`. Default: the cloud's."))
    };
    Attribute::nested(
        "x_forwarded_for",
        Nesting::Single,
        vec![
            switch("enabled", "`X-Forwarded-For`; current load balancers send it in any case"),
            switch("proto_enabled", "`X-Forwarded-Proto`"),
            switch("slb_id_enabled", "the ID of the load balancer"),
            switch("slb_port_enabled", "the port of the listener"),
            switch("client_src_port_enabled", "the client's port"),
            switch("client_cert_subject_dn_enabled", "the subject of the client certificate"),
            alias("client_cert_subject_dn_alias", "client_cert_subject_dn_enabled"),
            switch("client_cert_issuer_dn_enabled", "the issuer of the client certificate"),
            alias("client_cert_issuer_dn_alias", "client_cert_issuer_dn_enabled"),
            switch("client_cert_fingerprint_enabled", "the fingerprint of the client certificate"),
            alias("client_cert_fingerprint_alias", "client_cert_fingerprint_enabled"),
            switch("client_cert_client_verify_enabled", "the result of the check of the client certificate"),
            alias("client_cert_client_verify_alias", "client_cert_client_verify_enabled"),
            switch("host_enabled", "`X-Forwarded-Host`"),
            Attribute::string(
                "processing_mode",
                "What is done with an `X-Forwarded-For` that clients send: `append` or `remove`. Default `append`.",
            )
            .check(one_of("Invalid Processing Mode", &["append", "remove"])),
            Attribute::bool(
                "client_source_ips_enabled",
                "Whether the client's address is looked up in `X-Forwarded-For`, behind trusted proxies. Needs \
                 `client_source_ips_trusted` and a controller of version 2.12 or later. Default `false`.",
            ),
            Attribute::value(
                "client_source_ips_trusted",
                Type::set(Type::String),
                "Addresses and networks of the trusted proxies, such as `192.168.0.0/16`.",
            )
            .same_if(meaning::same_networks),
        ],
        "Headers about the client that Pods see.",
    )
}

fn log() -> Attribute {
    Attribute::nested(
        "log",
        Nesting::Single,
        vec![
            Attribute::bool(
                "custom_headers_enabled",
                "Whether the access log holds custom headers. Needs `access_log`. Default `false`. Controllers before version \
                 2.20 cannot switch it off again.",
            ),
            Attribute::bool(
                "custom_headers_allow_disable",
                "Whether `custom_headers_enabled = false` switches it off; needs a controller of version 2.20 or later.",
            ),
            Attribute::nested(
                "tracing",
                Nesting::Single,
                vec![
                    Attribute::bool("enabled", "Whether requests are traced. Needs `access_log`. Default `false`."),
                    Attribute::string("type", "Format of the traces, such as `Zipkin`."),
                    Attribute::number("sample", "How many of 10000 requests are traced, 0 to 10000."),
                ],
                "Tracing. Set `enabled = false` to end it: a listener that had this block may be refused without it.",
            ),
        ],
        "What the access log holds of this listener's requests.",
    )
}

fn acl() -> Attribute {
    Attribute::nested(
        "acl",
        Nesting::Single,
        vec![
            Attribute::string("type", "`White` (only these may connect) or `Black` (these may not).").required(),
            Attribute::value(
                "entries",
                Type::set(Type::String),
                "Networks, such as `10.0.0.0/8`; up to 500. The controller makes an access control list of them. Not with \
                 `ids`.",
            )
            .same_if(meaning::same_networks),
            Attribute::value(
                "ids",
                Type::set(Type::String),
                "Access control lists (`acl-…`) that exist already; up to 3. Not with `entries`.",
            ),
            Attribute::string(
                "name",
                "Name of the list made of `entries`. Default `acl-<load balancer name>-<port>`.",
            ),
        ],
        "Who may connect to the listener. Default: everybody.",
    )
}
