//! Messages about several objects of one gateway together: gateway, Ingresses and Secrets. What another object of the same
//! run may still mend is a warning at plan, and what it is in the end before the first write of an apply.

use super::{Message, either, error, warning};

pub(super) const MESSAGES: &[Message] = &[
    either(
        "Listener Not Declared",
        "listen_ports",
        "The gateway has no such listener; the hosted controller then refuses the Ingress and freezes its neighbours.",
        "Declare it in the gateway's listeners.",
    ),
    either(
        "Redirect Without Listener",
        "ssl_redirect",
        "A redirect needs the listeners 80/HTTP and 443/HTTPS, and the gateway lacks one of them.",
        "Declare both in the gateway's listeners, or remove the redirect.",
    ),
    either(
        "Listener Still Used",
        "listeners",
        "An Ingress still uses a listener that is to be removed.",
        "Change or delete the Ingress first; in one configuration that takes two applies.",
    ),
    either(
        "Listener Without HTTP/2",
        "listen_ports",
        "The gateway's listener has HTTP/2 switched off, which gRPC needs.",
        "Remove http2_enabled from the listener, or name another one.",
    ),
    either(
        "HTTP/2 Needed by gRPC",
        "listeners[\"<listener>\"].http2_enabled",
        "HTTP/2 is to be switched off on a listener that gRPC Ingresses use.",
        "Leave http2_enabled out, or move the Ingresses to another listener first.",
    ),
    warning(
        "Listener Without Certificate",
        "listeners[\"<listener>\"]",
        "No certificate, default certificate or Ingress gives the listener one, so the controller publishes nothing.",
        "Add an Ingress with a TLS Secret on the listener, or give it certificates of its own.",
    ),
    warning(
        "Certificate Discovery Switched Off",
        "listeners[\"<listener>\"].certificates; tls of the Ingress",
        "Certificates of the listener switch off the look-up of others, which a host relies on.",
        "Name a Secret for the host in tls, or remove the listener's certificates.",
    ),
    warning(
        "TLS Secret Missing",
        "tls[*].secret_name",
        "The Secret is not in the Ingress's namespace of the Fleet; without it the controller refuses the Ingress.",
        "Create it with ackone_tls_secret and take secret_name from that resource.",
    ),
    warning(
        "TLS Secret of Another Type",
        "tls[*].secret_name",
        "The Secret is of a type that holds no certificate for the controller.",
        "Name a Secret of type kubernetes.io/tls.",
    ),
    either(
        "TLS Secret Not Usable",
        "tls[*].secret_name",
        "The Secret lacks a part, or its parts do not parse or fit together, so the controller's upload fails.",
        "Mend the Secret as the message says.",
    ),
    either(
        "Host Not in Certificate",
        "tls[*].hosts",
        "The Secret's certificate does not cover a host, and clients would refuse it.",
        "Use a certificate for the host; a wildcard stands for one label.",
    ),
    warning(
        "Order Taken",
        "order",
        "Two Ingresses of the gateway have the same explicit order, which older controllers refuse.",
        "Give each its own number.",
    ),
    warning(
        "Canary Without Twin",
        "rules[*].paths[*]",
        "No other Ingress of the gateway has the canary's host and path, so the canary does nothing.",
        "Create the Ingress that it is the canary of.",
    ),
    warning(
        "Canary After Its Twin",
        "order",
        "A canary by header or cookie sorts behind its twin, which then takes every request first.",
        "Give the canary a smaller order.",
    ),
    either(
        "Canary of Another Protocol",
        "canary",
        "Canary and twin have different backend protocols.",
        "Give both the same protocol.",
    ),
    either(
        "Canary on Another Listener",
        "listen_ports",
        "The canary names other listeners than its twin.",
        "Name the same listeners in both.",
    ),
    warning(
        "Too Many Forwarding Rules",
        "rules",
        "The Ingresses of the gateway together make more rules than its quota.",
        "Have the quota raised, or use a second gateway.",
    ),
    warning(
        "Route Declared Twice",
        "rules[*].paths[*]",
        "Another Ingress of the gateway has the same host and path; the later one never matches.",
        "Keep one of the two.",
    ),
    warning(
        "Route Shadowed",
        "rules[*].paths[*]",
        "A more general route is sorted before a more specific one, which then never matches.",
        "Give the more specific one a smaller order, or put it first.",
    ),
    warning(
        "Rules Not Checked",
        "the resource",
        "The credentials may not read what rules about other objects need, or the API answers too slowly.",
        "Grant the right that the message names, or plan again; cross_checks = false switches these rules off.",
    ),
    error(
        "Object Declared Twice",
        "name",
        "Two resource blocks stand for one object; each would undo what the other writes.",
        "Keep one; use moved or removed blocks for what is left over.",
    ),
    warning(
        "Object Deleted and Created",
        "name",
        "One block deletes the object and another creates it in the same run, in no certain order.",
        "Say with a moved block that it was renamed.",
    ),
    warning(
        "Member Alone Serves Hosts",
        "remote_clusters",
        "A member leaves the gateway, and Argo CD deploys what some hosts lead to to none of the members that stay.",
        "Deploy the Services to another member first, and wait until its Application is healthy.",
    ),
    warning(
        "Endpoints Elsewhere Unknown",
        "remote_clusters",
        "A member leaves the gateway, and nothing in the Fleet says whether the other members run the Services of its hosts.",
        "Look in each remaining member with kubectl get endpointslices before the apply.",
    ),
];
