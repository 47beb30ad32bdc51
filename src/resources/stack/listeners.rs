//! Rules between the listeners of a gateway and the Ingresses that use them.

use std::collections::BTreeMap;

use super::view::{Gateway, Ingress, Listener};
use super::{Stack, named};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;

/// V31, seen from the Ingress: gRPC needs HTTP/2 on every listener that carries it.
pub(super) fn v31_listeners_speak_http2(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(gateway), Some(ports), true) = (&stack.gateway, &own.ports, own.grpc) else { return };
    let without: Vec<&str> = ports
        .iter()
        .filter(|port| gateway.listener(port).is_some_and(|listener| listener.without_http2))
        .map(String::as_str)
        .collect();
    if !without.is_empty() {
        found.error(
            Path::attribute("listen_ports"),
            "Listener Without HTTP/2",
            format!(
                "Gateway {:?} has HTTP/2 switched off on {}, and gRPC is HTTP/2: clients could not connect. Remove \
                 http2_enabled from that listener of the gateway; unset it is on.",
                gateway.name,
                without.join(", ")
            ),
        );
    }
}

/// V31, seen from the gateway: HTTP/2 is not switched off under a gRPC Ingress.
pub(super) fn v31_gateway_keeps_http2(stack: &Stack, own: &Gateway, found: &mut Diagnostics) {
    for (port, _) in own.listeners.iter().flatten().filter(|(_, listener)| listener.without_http2) {
        let users = users_of(stack.others().filter(|ingress| ingress.grpc), port);
        if !users.is_empty() {
            found.push(http2_needed(port, &users));
        }
    }
}

/// The message of [`v31_gateway_keeps_http2`], which an apply words from what it finds itself.
pub(super) fn http2_needed(port: &str, users: &[String]) -> Diagnostic {
    let users = named(users.iter().map(String::as_str));
    Diagnostic::error(
        "HTTP/2 Needed by gRPC",
        format!(
            "Listener {port} carries gRPC Ingresses ({users}), and gRPC is HTTP/2: without it clients cannot connect. Remove \
             http2_enabled; unset it is on."
        ),
    )
    .at(Path::attribute("listeners").key(port).attr("http2_enabled"))
}

/// V43: every listener that an Ingress names is one of its gateway.
pub(super) fn v43_listeners_are_declared(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(gateway), Some(ports)) = (&stack.gateway, &own.ports) else { return };
    let Some(listeners) = &gateway.listeners else { return };
    let implied = |port: &str| own.ssl_redirect && port == "80/HTTP";
    let missing: Vec<&str> =
        ports.iter().map(String::as_str).filter(|port| !listeners.contains_key(*port) && !implied(port)).collect();
    if !missing.is_empty() {
        found.error(
            Path::attribute("listen_ports"),
            "Listener Not Declared",
            format!(
                "Gateway {:?} has no listener {}; it has {}. The hosted controller of a Fleet (2.11 and later) refuses the \
                 Ingress then (\"listener is not exist in …\"), which stops changes of every Ingress of the gateway; the \
                 open-source one adds the listener by itself. Declare it in the gateway's listeners, or, where the \
                 open-source controller runs, set cross_checks = false.",
                gateway.name,
                missing.join(", "),
                gateway.declared(),
            ),
        );
    }
}

/// V51: a redirect to TLS needs the listener it redirects from and the one it redirects to.
pub(super) fn v51_redirect_has_its_listeners(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(gateway), true) = (&stack.gateway, own.ssl_redirect) else { return };
    let Some(listeners) = &gateway.listeners else { return };
    let missing: Vec<&str> =
        ["80/HTTP", "443/HTTPS"].into_iter().filter(|port| !listeners.contains_key(*port)).collect();
    if !missing.is_empty() {
        found.error(
            Path::attribute("ssl_redirect"),
            "Redirect Without Listener",
            format!(
                "ssl_redirect answers on port 80 and always sends clients to port 443, but gateway {:?} has no listener {}; it \
                 has {}. The controller refuses the Ingress then (\"listener not found for …\"), which stops changes of every \
                 Ingress of the gateway. Declare both 80/HTTP and 443/HTTPS in the gateway's listeners.",
                gateway.name,
                missing.join(", "),
                gateway.declared(),
            ),
        );
    }
}

/// V44: a listener goes only when no Ingress uses it any more. `stack.gateway` is the gateway as it is now.
pub(super) fn v44_removed_listeners_are_unused(stack: &Stack, own: &Gateway, found: &mut Diagnostics) {
    let Some(before) = &stack.gateway else { return };
    for port in removed(before, own) {
        let users = users_of(stack.others(), &port);
        if !users.is_empty() {
            found.push(still_used(&port, &users));
        }
    }
}

/// Listeners that `after` lacks; none while it is not known.
pub(super) fn removed(before: &Gateway, after: &Gateway) -> Vec<String> {
    let (Some(before), Some(after)) = (&before.listeners, &after.listeners) else { return Vec::new() };
    before.keys().filter(|port| !after.contains_key(*port)).cloned().collect()
}

/// The message of [`v44_removed_listeners_are_unused`].
pub(super) fn still_used(port: &str, users: &[String]) -> Diagnostic {
    Diagnostic::error(
        "Listener Still Used",
        format!(
            "Listener {port} goes, but Ingresses still use it: {}. The hosted controller then stops changes of every Ingress of \
             the gateway (\"listener not found for ({port})\"); the open-source one drops the listener and its traffic without \
             a word. It takes two applies, because Terraform changes the gateway before the Ingresses: first take {port} out \
             of the Ingresses or remove them, then remove the listener here.",
            named(users.iter().map(String::as_str))
        ),
    )
    .at(Path::attribute("listeners"))
}

/// Ingresses that surely use a listener.
pub(super) fn users_of<'a>(ingresses: impl Iterator<Item = &'a Ingress>, port: &str) -> Vec<String> {
    let uses = |ingress: &&Ingress| ingress.ports.as_ref().is_some_and(|ports| ports.contains(port));
    ingresses.filter(uses).map(Ingress::key).collect()
}

/// V56: an HTTPS listener has a certificate from somewhere. Told of listeners that an earlier run left without one: when a
/// listener is new, the Ingress that brings its certificate is planned after the gateway, and nobody can know of it yet.
pub(super) fn v56_https_listeners_get_a_certificate(stack: &Stack, own: &Gateway, found: &mut Diagnostics) {
    let (Some(before), Some(ingresses)) = (&stack.gateway, &stack.ingresses) else { return };
    let bare = |listener: &Listener| {
        listener.certificates.as_ref().is_some_and(Vec::is_empty) && !listener.default_certificate
    };
    let tls = |port: &str| port.ends_with("/HTTPS") || port.ends_with("/QUIC");
    for (port, _) in own.listeners.iter().flatten().filter(|(port, listener)| tls(port) && bare(listener)) {
        let was_bare = before.listener(port).is_some_and(bare);
        if was_bare && !ingresses.iter().any(|ingress| ingress.brings_certificate_to(port)) {
            found.warn(
                Path::attribute("listeners").key(port.as_str()),
                "Listener Without Certificate",
                format!(
                    "Listener {port} names no certificate, and no Ingress of the gateway brings one: the controller cannot \
                     build it (\"empty https listener default certs\") and leaves the gateway's status empty. Add an Ingress \
                     with tls for it, name a certificate here, or remove the listener."
                ),
            );
        }
    }
}

/// V57, seen from the gateway: certificates by ID switch discovery off for the whole listener.
pub(super) fn v57_gateway_leaves_discovery_on(stack: &Stack, own: &Gateway, found: &mut Diagnostics) {
    let mut relying: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (port, _) in own.listeners.iter().flatten().filter(|(_, listener)| has_certificates(listener)) {
        let users = stack.others().filter(|ingress| relies_on_discovery(ingress, port)).map(Ingress::key);
        relying.entry(port).or_default().extend(users);
    }
    for (port, users) in relying.into_iter().filter(|(_, users)| !users.is_empty()) {
        found.warn(
            Path::attribute("listeners").key(port).attr("certificates"),
            "Certificate Discovery Switched Off",
            format!(
                "Certificates by ID switch the controller's search for certificates off on all of {port}, but Ingresses rely \
                 on it, because they name hosts without a Secret: {}. Clients of those hosts may be served another \
                 certificate. Name a Secret there, or the certificates of those hosts here.",
                named(users.iter().map(String::as_str))
            ),
        );
    }
}

/// V57, seen from the Ingress.
pub(super) fn v57_ingress_relies_on_discovery(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    let (Some(gateway), Some(ports)) = (&stack.gateway, &own.ports) else { return };
    for port in ports.iter().filter(|port| gateway.listener(port).is_some_and(has_certificates)) {
        for (index, hosts) in discovered_hosts(own, port) {
            found.warn(
                Path::attribute("tls").index(index).attr("hosts"),
                "Certificate Discovery Switched Off",
                format!(
                    "{hosts} has no Secret, so the controller would look for a certificate of the account; but listener {port} \
                     of gateway {:?} names certificates by ID, which switches that search off. Clients may be served another \
                     certificate. Set secret_name, or name the certificate in the gateway's listener.",
                    gateway.name
                ),
            );
        }
    }
}

fn has_certificates(listener: &Listener) -> bool {
    listener.certificates.as_ref().is_some_and(|certificates| !certificates.is_empty())
}

/// Whether the controller would look certificates up for an Ingress, on a listener. For one without any `tls` it takes the
/// hosts of its rules.
fn relies_on_discovery(ingress: &Ingress, port: &str) -> bool {
    let bare = ingress.tls.as_ref().is_some_and(Vec::is_empty)
        && ingress.ports.as_ref().is_some_and(|ports| ports.contains(port))
        && ingress.routes.iter().flatten().any(|route| route.host.is_some());
    bare || !discovered_hosts(ingress, port).is_empty()
}

/// Entries of `tls` whose hosts the controller would look certificates up for, on a listener: those without a Secret,
/// less the hosts that another entry has one for.
fn discovered_hosts(ingress: &Ingress, port: &str) -> Vec<(usize, String)> {
    let (Some(ports), Some(tls)) = (&ingress.ports, &ingress.tls) else { return Vec::new() };
    if !ports.contains(port) {
        return Vec::new();
    }
    let covered = |host: &String| tls.iter().any(|entry| entry.secret_name.is_some() && entry.hosts.contains(host));
    let entries = tls.iter().enumerate().filter(|(_, entry)| entry.secret_name.is_none());
    entries
        .filter_map(|(index, entry)| {
            let hosts: Vec<&str> = entry.hosts.iter().filter(|host| !covered(host)).map(String::as_str).collect();
            (!hosts.is_empty()).then(|| (index, hosts.join(", ")))
        })
        .collect()
}
