//! Rules about class, listeners, hosts and certificates, and the place among other Ingresses.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bounds, Config, is_whole, not_empty, texts, within};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::Attr;
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::resources::grpc_ingress::object::split_port;
use crate::resources::kubernetes_attributes::CLASS_ANNOTATION;

/// V41: the class is named by `ingress_class_name`, which is required; the annotation from before that field is refused.
pub(super) fn v41_class(config: &Config, diagnostics: &mut Diagnostics) {
    for (name, map) in [("annotations", &config.annotations), ("extra_annotations", &config.extra_annotations)] {
        for key in map.known().into_iter().flat_map(BTreeMap::keys).filter(|key| *key == CLASS_ANNOTATION) {
            diagnostics.error(
                Path::attribute(name).key(key.as_str()),
                "Obsolete Class Annotation",
                format!("The API refuses {key:?} beside a class name. Remove it; ingress_class_name says it already."),
            );
        }
    }
}

/// V42: listeners are named as pairs of port and protocol, at least one; the provider writes the JSON.
pub(super) fn v42_listen_ports(config: &Config, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("listen_ports");
    if config.listen_ports.known().is_some_and(Vec::is_empty) {
        diagnostics.error(
            at.clone(),
            "No Listen Ports",
            "listen_ports is empty. Name a listener of the gateway, such as \"443/HTTPS\".",
        );
    }
    for port in texts(&config.listen_ports) {
        if !matches!(split_port(port), Some((_, "HTTPS" | "HTTP" | "QUIC"))) {
            diagnostics.error(
                at.clone(),
                "Invalid Listen Port",
                format!(
                    "{port:?} is no listener. Write the port (1 to 65535), a slash and the protocol in capitals, such as \
                     \"443/HTTPS\"."
                ),
            );
        }
    }
}

/// V47: gRPC needs an entry in `tls`.
pub(crate) fn v47_tls(value: &Value) -> Result<(), Problem> {
    not_empty(
        value,
        "No TLS Entry",
        "tls is empty; the controller refuses gRPC without it, and that stops changes of every Ingress of the gateway. Add an \
         entry with the hosts and the Secret of their certificate.",
    )
}

/// V48: gRPC is served on HTTPS listeners; 80/HTTP may stand beside them for the redirect.
pub(super) fn v48_https_only(config: &Config, diagnostics: &mut Diagnostics) {
    let may_redirect = matches!(config.ssl_redirect, Attr::Known(true) | Attr::Unknown);
    for port in texts(&config.listen_ports) {
        match split_port(port) {
            Some((80, "HTTP")) if may_redirect => {}
            Some((_, "HTTP")) => diagnostics.error(
                Path::attribute("listen_ports"),
                "Listener Cannot Carry gRPC",
                format!(
                    "{port:?} is a listener for plain HTTP; ALB serves gRPC on HTTPS listeners only, and the controller refuses \
                     the Ingress, which stops changes of every Ingress of the gateway. Name an HTTPS listener, such as \
                     \"443/HTTPS\". Only \"80/HTTP\" may stand beside it, with ssl_redirect = true."
                ),
            ),
            _ => {}
        }
    }
}

/// V49: gRPC is not served over QUIC.
pub(super) fn v49_no_quic(config: &Config, diagnostics: &mut Diagnostics) {
    for port in texts(&config.listen_ports) {
        if let Some((_, "QUIC")) = split_port(port) {
            diagnostics.error(
                Path::attribute("listen_ports"),
                "Listener Cannot Carry gRPC",
                format!(
                    "{port:?} is a listener for QUIC; the controller refuses gRPC there. Name an HTTPS listener of the gateway, \
                     such as \"443/HTTPS\"."
                ),
            );
        }
    }
}

/// V51 (the Ingress's own part): the redirect leads to port 443, whatever other ports serve HTTPS.
pub(super) fn v51_redirect_listeners(config: &Config, diagnostics: &mut Diagnostics) {
    if config.ssl_redirect != Attr::Known(true) || !is_whole(&config.listen_ports) || config.listen_ports.is_null() {
        return;
    }
    let ports = texts(&config.listen_ports);
    if !ports.contains(&"443/HTTPS") {
        diagnostics.error(
            Path::attribute("ssl_redirect"),
            "Redirect to a Missing Listener",
            format!(
                "ssl_redirect sends clients from port 80 to port 443, and listen_ports has {} but not \"443/HTTPS\". Add it, or \
                 set ssl_redirect to false.",
                ports.join(", ")
            ),
        );
    }
}

/// V55: each host of the rules is literally in a `tls` entry.
pub(super) fn v55_hosts_in_tls(config: &Config, diagnostics: &mut Diagnostics) {
    let Some(listed) = tls_hosts(config) else { return };
    let rules = config.rules.known().into_iter().flatten().enumerate();
    for (index, rule) in rules.filter_map(|(index, rule)| Some((index, rule.known()?))) {
        let Attr::Known(host) = &rule.host else { continue };
        if listed.contains(&host.to_ascii_lowercase()) {
            continue;
        }
        let all = listed.iter().cloned().collect::<Vec<_>>().join(", ");
        let all = if all.is_empty() { "no host".to_owned() } else { all };
        diagnostics.error(
            Path::attribute("rules").index(index).attr("host"),
            "Host Without TLS Entry",
            format!(
                "Host {host:?} is in no tls entry (they list {all}), so clients would be served a certificate of another host. Add \
                 it literally to tls[*].hosts; a wildcard there does not count."
            ),
        );
    }
}

/// V55, the part that is advice: hosts on an HTTPS listener and no `tls` entry at all. Told beside the error of V47, for it
/// says which certificate those hosts would get.
pub(super) fn v55_https_without_tls(config: &Config, diagnostics: &mut Diagnostics) {
    let https = texts(&config.listen_ports).into_iter().any(|port| matches!(split_port(port), Some((_, "HTTPS"))));
    if !https || !config.tls.known().is_some_and(Vec::is_empty) {
        return;
    }
    let rules = config.rules.known().into_iter().flatten().filter_map(Attr::known);
    let hosts: BTreeSet<&str> = rules.filter_map(|rule| rule.host.known()).map(String::as_str).collect();
    if !hosts.is_empty() {
        diagnostics.warn(
            Path::attribute("tls"),
            "Hosts Rely on Certificate Discovery",
            format!(
                "Without a tls entry the controller looks for certificates of the account that cover {}, and stops changes of every \
                 Ingress of the gateway if there is none (\"none certificate found for host\"). List the hosts in tls, with the \
                 Secret of their certificate.",
                hosts.into_iter().collect::<Vec<_>>().join(", ")
            ),
        );
    }
}

/// The hosts of all `tls` entries in lower case, if all are known.
fn tls_hosts(config: &Config) -> Option<BTreeSet<String>> {
    let mut listed = BTreeSet::new();
    for entry in config.tls.known()? {
        let entry = match entry {
            Attr::Known(entry) => entry,
            Attr::Null => continue,
            Attr::Unknown => return None,
        };
        if !is_whole(&entry.hosts) {
            return None;
        }
        listed.extend(texts(&entry.hosts).into_iter().map(str::to_ascii_lowercase));
    }
    Some(listed)
}

/// V58: the place among other Ingresses.
pub(super) fn v58_order(config: &Config, diagnostics: &mut Diagnostics) {
    let bounds = Bounds { summary: "Invalid Order", low: 1, high: 1000, what: "the place of an Ingress" };
    within(&config.order, &Path::attribute("order"), &bounds, diagnostics);
}
