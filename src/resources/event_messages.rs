//! What the controller's Warning Events mean, and what to do about each.
//!
//! `reconcile.rs` asks it while it waits and when it explains why a wait ended. Events carry no codes, so the text is all
//! there is; the texts are those of the controller's source and of Alibaba Cloud's troubleshooting guide for ALB Ingress.
//! A message that is not in the table counts as permanent.

/// What a known message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whether it passes without anybody changing the object it is about.
    pub(crate) heals: bool,
    /// What it means.
    pub(crate) cause: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
}

/// Parts that a message must hold, all of them, and what it means then. The first match counts.
const TABLE: &[(&[&str], Known)] = &[
    (
        &["empty https listener default certs"],
        Known {
            heals: true,
            cause: "An HTTPS listener has no certificate yet.",
            remedy: "It heals with the first Ingress on that listener whose tls names a Secret; or give the listener \
                     certificates of its own.",
        },
    ),
    (
        &["Operation cannot be fulfilled on"],
        Known { heals: true, cause: "The controller raced itself.", remedy: "It tries again by itself." },
    ),
    (
        &["Secret \"", "not found"],
        Known {
            heals: true,
            cause: "The Secret that tls names is not in the Ingress's namespace of the Fleet.",
            remedy: "Create it there, for instance with ackone_tls_secret, and take secret_name from that resource.",
        },
    ),
    (
        &["secrets \"", "not found"],
        Known {
            heals: true,
            cause: "The Secret that tls names is not in the Ingress's namespace of the Fleet.",
            remedy: "Create it there, for instance with ackone_tls_secret, and take secret_name from that resource.",
        },
    ),
    (
        &["VipStatusNotSupport"],
        Known {
            heals: true,
            cause: "The load balancer is busy with another change.",
            remedy: "It tries again by itself.",
        },
    ),
    (
        &["user flow control"],
        Known { heals: true, cause: "The cloud throttles the account's calls.", remedy: "It tries again by itself." },
    ),
    (
        &["AlbConfig", "\"default\" not found"],
        Known {
            heals: true,
            cause: "The controller did not know the IngressClass yet.",
            remedy: "It picks the Ingress up once it does.",
        },
    ),
    (
        &["listener is not exist in"],
        Known {
            heals: true,
            cause: "listen_ports names a listener that the gateway does not declare.",
            remedy: "Add it to the gateway's listeners, or name one of them.",
        },
    ),
    (
        &["listener not found for"],
        Known {
            heals: true,
            cause: "An Ingress names a listener that the gateway does not declare.",
            remedy: "Add it to the gateway's listeners, or change the Ingress.",
        },
    ),
    (
        &["lbconfig", "not found"],
        Known {
            heals: false,
            cause: "The IngressClass leads to an AlbConfig that does not exist.",
            remedy: "Create the gateway, or use the class of another one.",
        },
    ),
    (
        &["AlbConfig.alibabacloud.com", "not found"],
        Known {
            heals: false,
            cause: "The IngressClass leads to an AlbConfig that does not exist.",
            remedy: "Create the gateway, or use the class of another one.",
        },
    ),
    (
        &["failed to parse listen-ports"],
        Known {
            heals: false,
            cause: "An Ingress has a listen-ports annotation that the controller cannot read.",
            remedy: "Mend that Ingress: until then no Ingress of the gateway is updated.",
        },
    ),
    (
        &["'grpc' backend protocol must be use"],
        Known {
            heals: false,
            cause: "A gRPC Ingress has no tls, or names a listener that is not HTTPS.",
            remedy: "Give it tls and HTTPS listeners only.",
        },
    ),
    (
        &["conflict listener in albconfig"],
        Known {
            heals: false,
            cause: "An Ingress wants a protocol on a port that the gateway uses for another one.",
            remedy: "Name a listener of the gateway.",
        },
    ),
    (
        &["listener already in use"],
        Known {
            heals: false,
            cause: "The port belongs to a listener that the controller does not manage.",
            remedy: "Remove that listener, or use another port.",
        },
    ),
    (
        &["unable to find port"],
        Known {
            heals: false,
            cause: "The Service has no such port.",
            remedy: "Name a port of the Service in service_port.",
        },
    ),
    (
        &["backend not found"],
        Known {
            heals: true,
            cause: "The Service is not there, or has no endpoints yet.",
            remedy: "Deploy the Service to the members, in the namespace of the same name.",
        },
    ),
    (
        &["prefix path shouldn't contain wildcards"],
        Known { heals: false, cause: "A Prefix path holds * or ?.", remedy: "Remove the wildcard from that path." },
    ),
    (
        &["exact path shouldn't contain wildcards"],
        Known { heals: false, cause: "An Exact path holds * or ?.", remedy: "Remove the wildcard from that path." },
    ),
    (
        &["none certificate found for host"],
        Known {
            heals: false,
            cause: "No certificate of the account covers the host.",
            remedy: "Name a Secret in tls, or upload a certificate for the host.",
        },
    ),
    (
        &["HttpsCertCommonNameEmpty"],
        Known {
            heals: false,
            cause: "The certificate has no common name, which the certificate service wants.",
            remedy: "Use a certificate with a common name.",
        },
    ),
    (
        &["certificate IDs have expired"],
        Known {
            heals: false,
            cause: "A certificate of a listener has expired or expires within a day.",
            remedy: "Renew it and name the new one in certificates.",
        },
    ),
    (
        &["Failed to create SSL Certificate"],
        Known {
            heals: false,
            cause: "The certificate service refused the Secret's certificate.",
            remedy: "Check that it is valid, complete and matches its key.",
        },
    ),
    (
        &["empty load balancer zone mapping"],
        Known {
            heals: false,
            cause: "None of the vSwitches is in the Fleet's VPC.",
            remedy: "Name vSwitches of the Fleet's VPC in zone_mappings.",
        },
    ),
    (
        &["The specified resource vsw-"],
        Known {
            heals: false,
            cause: "A vSwitch does not exist in the Fleet's VPC.",
            remedy: "Name vSwitches of the Fleet's VPC in zone_mappings.",
        },
    ),
    (
        &["ZoneMappings", "is illegal"],
        Known {
            heals: false,
            cause: "The region wants at least two zones, or a vSwitch ID is malformed.",
            remedy: "Name two vSwitches in different zones.",
        },
    ),
    (
        &["ZoneId is duplicated"],
        Known { heals: false, cause: "Two vSwitches are in one zone.", remedy: "Name vSwitches in different zones." },
    ),
    (
        &["VSwitchNotSupportIpv6"],
        Known {
            heals: false,
            cause: "DualStack needs IPv6 on every vSwitch.",
            remedy: "Enable IPv6 on the vSwitches, or use address_ip_version \"IPv4\".",
        },
    ),
    (
        &["The quota of"],
        Known {
            heals: false,
            cause: "A quota of the account is used up.",
            remedy: "Raise the quota that the message names, or remove what is not needed.",
        },
    ),
    (
        &["The quota is exceeded"],
        Known {
            heals: false,
            cause: "A quota of the account is used up.",
            remedy: "Raise the quota, or remove what is not needed.",
        },
    ),
    (
        &["invalid load balancer address allocate mode"],
        Known { heals: false, cause: "The address mode is unknown.", remedy: "Use \"Fixed\" or \"Dynamic\"." },
    ),
    (
        &["has been deleted on the console"],
        Known {
            heals: false,
            cause: "Somebody deleted the load balancer outside of Kubernetes.",
            remedy: "Replace the gateway: terraform apply -replace=ADDRESS.",
        },
    ),
    (
        &["ServiceManagedResource"],
        Known {
            heals: false,
            cause: "The load balancer is in managed mode and refuses this change.",
            remedy: "Undo changes made in the console.",
        },
    ),
    (
        &["is in use"],
        Known {
            heals: false,
            cause: "Another load balancer uses the same cloud resource.",
            remedy: "Detach it there.",
        },
    ),
    (
        &["canary", "at the same time"],
        Known {
            heals: false,
            cause: "A canary Ingress has settings that exclude each other.",
            remedy: "Split it into two Ingresses.",
        },
    ),
    (
        &["unmarshal"],
        Known {
            heals: false,
            cause: "A value in the AlbConfig or an annotation has the wrong type.",
            remedy: "Mend the value that the message names; look at fields that others wrote.",
        },
    ),
];

/// What a message means, if it is known.
pub(crate) fn explain(message: &str) -> Option<&'static Known> {
    TABLE.iter().find(|(parts, _)| parts.iter().all(|part| message.contains(part))).map(|(_, known)| known)
}

/// Whether a message passes by itself.
pub(crate) fn heals(message: &str) -> bool {
    explain(message).is_some_and(|known| known.heals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_seen_from_the_controller_are_told_apart() {
        for message in [
            "apply  failed listenerPort 443 errMsgs empty https listener default certs",
            "Operation cannot be fulfilled on albconfigs.alibabacloud.com \"x\": the object has been modified",
            "Secret \"sb-tls\" not found",
            "AlbConfig.alibabacloud.com \"default\" not found",
            "Message: Request was denied due to user flow control.",
        ] {
            assert!(heals(message), "{message}");
        }
        for message in [
            "AlbConfig.alibabacloud.com \"sg\" not found",
            "failed to parse listen-ports configuration: `[{\"HTTPS\": \"443\"}]`: json: cannot unmarshal string",
            "backend not found: unable to find port 50052 on service gateway-demo/sc-svc",
            "Message: The quota is exceeded.",
            "conflict listener in albconfig, please remove it manual",
            "empty load balancer zone mapping",
            "something nobody has seen before",
        ] {
            assert!(!heals(message), "{message}");
        }
        assert_eq!(explain("something nobody has seen before"), None);
        let parse = explain("failed to parse listen-ports configuration: json: cannot unmarshal string").unwrap();
        assert!(parse.remedy.contains("no Ingress of the gateway is updated"), "the specific entry comes first");
    }
}
