//! The table of known messages. The first row whose parts are all in a message counts, so what is special comes first.

use super::Known;

/// A row.
const fn known(parts: &'static [&'static str], heals: bool, cause: &'static str, remedy: &'static str) -> Known {
    Known { parts, heals, cause, remedy }
}

/// A row for what somebody has to mend.
const fn permanent(parts: &'static [&'static str], cause: &'static str, remedy: &'static str) -> Known {
    known(parts, false, cause, remedy)
}

/// A row for what passes by itself, once what it waits for is there.
const fn heals(parts: &'static [&'static str], cause: &'static str, remedy: &'static str) -> Known {
    known(parts, true, cause, remedy)
}

/// Every known message.
pub const TABLE: &[Known] = &[
    // What passes by itself.
    heals(
        &["empty https listener default certs"],
        "An HTTPS listener has no certificate yet.",
        "It heals with the first Ingress on that listener whose tls names a Secret; or give the listener certificates of its own.",
    ),
    heals(&["Operation cannot be fulfilled on"], "The controller raced itself.", "It tries again by itself."),
    heals(
        &["Secret \"", "not found"],
        "The Secret that tls names is not in the Ingress's namespace of the Fleet.",
        "Create it there, for instance with ackone_tls_secret, and take secret_name from that resource.",
    ),
    heals(
        &["secrets \"", "not found"],
        "The Secret that tls names is not in the Ingress's namespace of the Fleet.",
        "Create it there, for instance with ackone_tls_secret, and take secret_name from that resource.",
    ),
    heals(&["VipStatusNotSupport"], "The load balancer is busy with another change.", "It tries again by itself."),
    heals(&["user flow control"], "The cloud throttles the account's calls.", "It tries again by itself."),
    heals(
        &[".alibabacloud.com \"default\" not found"],
        "The controller did not know the IngressClass yet.",
        "It picks the Ingress up once it does.",
    ),
    heals(
        &["listener is not exist in"],
        "listen_ports names a listener that the gateway does not declare.",
        "Add it to the gateway's listeners, or name one of them.",
    ),
    heals(
        &["listener not found for"],
        "An Ingress names a listener that the gateway does not declare.",
        "Add it to the gateway's listeners, or change the Ingress.",
    ),
    heals(
        &["Failed remove finalizer due to"],
        "The controller could not write the AlbConfig's finalizer.",
        "It tries again; if it stays, look at the rights of the controller and at webhooks of the Fleet.",
    ),
    heals(
        &["Failed remove labels due to"],
        "The controller could not write the AlbConfig's labels.",
        "It tries again; if it stays, look at the rights of the controller and at webhooks of the Fleet.",
    ),
    // The gateway's object and its class.
    permanent(
        &["albconfig must be referenced in IngressClass"],
        "An IngressClass of the ALB controller names no AlbConfig, which stops every gateway.",
        "Delete that class, or point its parameters to an AlbConfig; ackone_alb_gateway writes its class so.",
    ),
    permanent(
        &[".alibabacloud.com \"", "not found"],
        "The IngressClass leads to an AlbConfig that does not exist.",
        "Create the gateway, or use the class of another one.",
    ),
    permanent(
        &["does not exist albconfig.spec.config"],
        "The AlbConfig has no spec.config.",
        "Somebody emptied it; apply again to write it back.",
    ),
    permanent(
        &["forwardConfig.serverGroups.servicePort"],
        "servicePort in an actions annotation is a text.",
        "Write it as a number, without quotes.",
    ),
    permanent(
        &["certificates.IsDefault"],
        "IsDefault of a certificate is a text.",
        "Write true or false without quotes; ackone_alb_gateway does.",
    ),
    permanent(
        &["failed to parse listen-ports"],
        "An Ingress has a listen-ports annotation that the controller cannot read.",
        "Mend that Ingress: until then no Ingress of the gateway is updated.",
    ),
    permanent(
        &["unmarshal"],
        "A value in the AlbConfig or an annotation has the wrong type.",
        "Mend the value that the message names; look at fields that others wrote.",
    ),
    permanent(
        &["invalid name of logProject"],
        "Names of the log project or store have a length that the cloud does not take.",
        "Use 4 to 63 characters for the project, 2 to 64 for the store, and set both or neither.",
    ),
    permanent(
        &["account is unauthorized"],
        "The log store's name does not begin with alb_, or the account may not use the log service.",
        "Name the store alb_…, and grant the controller's role the log service.",
    ),
    permanent(
        &["failed to create logstore"],
        "The log store could not be created, often for a quota of the log service.",
        "Create it by hand or raise the quota.",
    ),
    permanent(&["invalid load balancer paytype"], "The pay type is unknown.", "Use \"PostPay\"."),
    permanent(
        &["cannot set common bandwidth package"],
        "A shared bandwidth package is for Internet gateways only.",
        "Remove bandwidth_package_id, or use address_type \"Internet\".",
    ),
    permanent(
        &["downgrade not allowed for alb"],
        "The load balancer's edition cannot be lowered.",
        "Keep the edition that it has.",
    ),
    permanent(
        &["acl and securityGroupIds cannot use together"],
        "Security groups and access lists exclude each other.",
        "Remove securityGroupIds from extra_spec, or acl from the listeners.",
    ),
    permanent(
        &["Tag.", "TagKey"],
        "A tag's key is empty or reserved.",
        "Use keys that do not begin with aliyun or acs:.",
    ),
    permanent(
        &["invalid load balancer address type"],
        "The address type is unknown.",
        "Use \"Internet\" or \"Intranet\".",
    ),
    permanent(
        &["invalid load balancer address allocate mode"],
        "The address mode is unknown.",
        "Use \"Fixed\" or \"Dynamic\".",
    ),
    permanent(
        &["invalid load balancer address ip version"],
        "The IP version is unknown.",
        "Use \"IPv4\" or \"DualStack\".",
    ),
    permanent(
        &["invalid load balancer edition"],
        "The edition is unknown.",
        "Use \"Standard\" or \"StandardWithWaf\".",
    ),
    permanent(
        &["empty load balancer zone mapping"],
        "None of the vSwitches is in the Fleet's VPC.",
        "Name vSwitches of the Fleet's VPC in zone_mappings.",
    ),
    permanent(
        &["The specified resource vsw-"],
        "A vSwitch does not exist in the Fleet's VPC.",
        "Name vSwitches of the Fleet's VPC in zone_mappings.",
    ),
    permanent(
        &["ZoneMappings", "is illegal"],
        "The region wants at least two zones, or a vSwitch ID is malformed.",
        "Name two vSwitches in different zones.",
    ),
    permanent(&["ZoneId is duplicated"], "Two vSwitches are in one zone.", "Name vSwitches in different zones."),
    permanent(
        &["VSwitchNotSupportIpv6"],
        "DualStack needs IPv6 on every vSwitch.",
        "Enable IPv6 on the vSwitches, or use address_ip_version \"IPv4\".",
    ),
    // Listeners.
    permanent(&["invalid listener port"], "A listener's port is no port.", "Use 1 to 65535."),
    permanent(
        &["invalid listener protocol"],
        "A listener's protocol is unknown.",
        "Use HTTP, HTTPS or QUIC in upper case.",
    ),
    permanent(
        &["invalid listener IdleTimeout"],
        "A listener's idle timeout is out of range.",
        "Use 1 or more seconds.",
    ),
    permanent(
        &["SecurityPolicyId"],
        "A listener names a TLS policy that does not exist.",
        "Name a system policy, or the ID of a custom policy of this region.",
    ),
    permanent(
        &["ListenerID is mandatory"],
        "A listener has an empty list of certificates.",
        "Leave certificates out instead; ackone_alb_gateway does.",
    ),
    permanent(
        &["AccessLogTracingConfig.TracingSample"],
        "The tracing sample is out of range, or tracing was removed after it had been on.",
        "Use 0 to 10000, and switch tracing off instead of removing it.",
    ),
    permanent(
        &["aclEntry and aclIds cannot use together"],
        "An access list gives entries and IDs.",
        "Keep one of the two.",
    ),
    permanent(
        &["XForwardedForClientSourceIpsTrusted"],
        "The trusted addresses for the client source lookup are missing or are no aligned networks.",
        "List addresses or networks whose host bits are zero.",
    ),
    permanent(
        &["Listener is not fulfilled yet"],
        "Two listeners of different protocols want one port.",
        "Give each its own port; only HTTPS and QUIC share one.",
    ),
    permanent(
        &["conflict listener in albconfig"],
        "An Ingress wants a protocol on a port that the gateway uses for another one.",
        "Name a listener of the gateway.",
    ),
    permanent(
        &["listener already in use"],
        "The port belongs to a listener that the controller does not manage.",
        "Remove that listener, or use another port.",
    ),
    permanent(
        &["certificate IDs have expired"],
        "A certificate of a listener has expired or expires within a day.",
        "Renew it and name the new one in certificates.",
    ),
    // Order and reuse.
    permanent(
        &["Ingress group order must be within"],
        "An Ingress's order is out of range, which stops the whole gateway.",
        "Use 1 to 1000.",
    ),
    permanent(
        &["failed to load Ingress group order"],
        "An Ingress's order is no number, which stops the whole gateway.",
        "Write a whole number from 1 to 1000.",
    ),
    permanent(
        &["conflict Ingress group order"],
        "Two Ingresses have the same explicit order, which older controllers refuse.",
        "Give each Ingress of the gateway its own order.",
    ),
    permanent(
        &["of reused alb", "is not same with cluster vpc"],
        "The load balancer to be reused is in another VPC.",
        "Reuse one of the Fleet's VPC.",
    ),
    permanent(
        &["can't use for ingress controller"],
        "A load balancer of edition Basic takes no Ingresses.",
        "Reuse one of edition Standard.",
    ),
    permanent(
        &["cant reuse alb to another cluster"],
        "The load balancer to be reused belongs to another cluster.",
        "Reuse another one, or remove the other cluster's tags when it is no longer used there.",
    ),
    permanent(
        &["cant reuse alb to another albconfig"],
        "The load balancer to be reused belongs to another AlbConfig.",
        "Reuse another one; one AlbConfig has one load balancer.",
    ),
    permanent(
        &["The specified resource alb-"],
        "The load balancer to be reused does not exist.",
        "Check its ID and region.",
    ),
    permanent(
        &["has been deleted on the console"],
        "Somebody deleted the load balancer outside of Kubernetes.",
        "Replace the gateway: terraform apply -replace=ADDRESS.",
    ),
    permanent(
        &["ServiceManagedResource"],
        "The load balancer is in managed mode and refuses this change.",
        "Undo changes made in the console.",
    ),
    permanent(
        &["failed to delete serverGroup"],
        "A server group cannot be deleted because another load balancer uses it.",
        "Detach it there; until then the whole gateway stands still.",
    ),
    permanent(
        &["ServerGroup managed by other cluster"],
        "A Service names a server group of another cluster.",
        "Remove the Service's server-group annotation, or name a group of this cluster.",
    ),
    permanent(&["is in use"], "Another load balancer uses the same cloud resource.", "Detach it there."),
    // Ports, protocols and paths of Ingresses.
    permanent(
        &["Please set the value as one of: [true false]"],
        "A switch among an Ingress's annotations is neither true nor false.",
        "Write true or false.",
    ),
    permanent(
        &["empty listen-ports configuration"],
        "An Ingress has an empty listen-ports annotation.",
        "Name a listener in listen_ports.",
    ),
    permanent(&["listen port must be within"], "A port in listen-ports is no port.", "Use 1 to 65535."),
    permanent(
        &["listen protocol must be within"],
        "A protocol in listen-ports cannot be used here; gRPC excludes QUIC.",
        "Use HTTPS.",
    ),
    permanent(
        &["'grpc' backend protocol must be use"],
        "A gRPC Ingress has no tls, or names a listener that is not HTTPS.",
        "Give it tls and HTTPS listeners only.",
    ),
    permanent(
        &["prefix path shouldn't contain wildcards"],
        "A Prefix path holds * or ?.",
        "Remove the wildcard from that path.",
    ),
    permanent(
        &["exact path shouldn't contain wildcards"],
        "An Exact path holds * or ?.",
        "Remove the wildcard from that path.",
    ),
    permanent(
        &["PathConfig.Values"],
        "ALB does not take a path: a regular expression without use_regex, or illegal characters.",
        "Use path_type \"Prefix\" with use_regex, or a path with ALB wildcards only.",
    ),
    permanent(
        &["RewriteConfig"],
        "ALB does not take the rewrite target.",
        "Check its variables; a query must be in lower case.",
    ),
    permanent(
        &["mismatchTlsHostsIngress"],
        "Hosts of rules and of tls differ, so some hosts are served another host's certificate.",
        "List each rule's host literally in tls.",
    ),
    // Server groups and backends.
    permanent(&["backend scheduler"], "The load balancing algorithm is unknown.", "Use wrr, wlc, sch or uch."),
    permanent(
        &["server group UchConfigValue"],
        "Consistent hashing by a URL parameter needs the parameter's name.",
        "Name it, or use another algorithm.",
    ),
    permanent(
        &["server group StickySessionType"],
        "The kind of session stickiness is unknown.",
        "Use Insert or Server.",
    ),
    permanent(&["server group CookieTimeout"], "The cookie's lifetime is out of range.", "Use 1 to 86400 seconds."),
    permanent(
        &["server group Cookie"],
        "Stickiness by the server's cookie needs the cookie's name.",
        "Name the cookie.",
    ),
    permanent(
        &["and true are mismatched"],
        "Slow start works with the algorithm wrr only.",
        "Use wrr, or switch slow start off.",
    ),
    permanent(
        &["server group HealthCheck"],
        "A health check setting is out of range or unknown to this controller.",
        "Mend the setting that the message names; gRPC checks need a hosted controller of 2.14 or later.",
    ),
    permanent(&["server group HealthyThreshold"], "The healthy threshold is out of range.", "Use 2 to 10."),
    permanent(&["server group UnhealthyThreshold"], "The unhealthy threshold is out of range.", "Use 2 to 10."),
    permanent(
        &["cluster service type just support eni mode"],
        "A ClusterIP Service works only where Pods have addresses of their own in the VPC.",
        "Make the Service a NodePort.",
    ),
    permanent(
        &["ServerGroupName is illegal"],
        "The server group's name, made of namespace, Service and port, is too long or does not begin with a letter.",
        "Use shorter names that begin with a letter.",
    ),
    permanent(
        &["unable to find port 0 on service"],
        "A path names the Service's port by a name, which the controller does not resolve.",
        "Name the port by its number.",
    ),
    permanent(&["unable to find port"], "The Service has no such port.", "Name a port of the Service in service_port."),
    heals(
        &["backend not found"],
        "No member has the Service with this port, or it has no endpoints yet.",
        "Deploy the Service to the members, in the namespace of the same name, and check its port.",
    ),
    // Canary, limits, conditions and actions.
    permanent(
        &["can't exist Canary and customize condition"],
        "A canary Ingress has conditions of its own.",
        "Split it into two Ingresses.",
    ),
    permanent(
        &["can't exist CanaryWeight and annotation forwardAction"],
        "A weighted canary has a forward action of its own.",
        "Split it into two Ingresses.",
    ),
    permanent(
        &["can't exist action trafficlimit"],
        "Requests are limited both by an annotation and by an action.",
        "Keep one of the two.",
    ),
    permanent(
        &["traffic limit action qps out of range"],
        "The limit of requests is out of range.",
        "Use 1 to 1000000.",
    ),
    permanent(
        &["traffic limit action qps per ip"],
        "The limit for one address is not below the limit for all.",
        "Lower qps_per_ip.",
    ),
    permanent(
        &["PerIpTrafficLimitConfig"],
        "Limits for one address do not work on QUIC listeners.",
        "Remove the limit or the QUIC listener.",
    ),
    permanent(&["SourceIpConfig.Values"], "A condition has more than five source addresses.", "Use five at most."),
    permanent(&["unknown condition type"], "A condition's type is unknown.", "Mend the conditions annotation."),
    permanent(&["unknown action type"], "An action's type is unknown.", "Mend the actions annotation."),
    permanent(&["unknown direction type"], "A rule's direction is unknown.", "Use Request or Response."),
    permanent(
        &["multi finalType action find"],
        "A rule has two final actions.",
        "Keep one; a backend with a port number is one already.",
    ),
    permanent(
        &["RuleActions is mandatory"],
        "A backend says use-annotation, but no actions annotation names its Service.",
        "Add the annotation with the Service's name, or a port number.",
    ),
    // Certificates.
    permanent(
        &["none certificate found for host"],
        "No certificate of the account covers the host.",
        "Name a Secret in tls, or upload a certificate for the host.",
    ),
    permanent(
        &["HttpsCertCommonNameEmpty"],
        "The certificate has no common name, which the certificate service wants.",
        "Use a certificate with a common name.",
    ),
    permanent(
        &["NameRepeat"],
        "The certificate service holds another certificate of the same name.",
        "Delete the old one there.",
    ),
    permanent(
        &["Failed to create SSL Certificate"],
        "The certificate service refused the Secret's certificate.",
        "Check that it is valid, complete and matches its key.",
    ),
    permanent(
        &["Certificates is not valid"],
        "An older controller uploads at most fifteen certificates in one pass.",
        "Name fewer Secrets, or have the controller upgraded.",
    ),
    // Quotas.
    permanent(
        &["alb_quota_loadbalancer_rules_num"],
        "The gateway has as many rules as its quota allows.",
        "Remove rules, raise the quota, or use a second gateway.",
    ),
    permanent(
        &["alb_quota_server_added_num"],
        "One backend is in as many server groups as its quota allows.",
        "Let Ingresses share rules, or raise the quota.",
    ),
    permanent(
        &["alb_quota_servergroup_attached_num"],
        "One server group is in as many rules as its quota allows.",
        "Split the Service, or raise the quota.",
    ),
    permanent(
        &["alb_quota_rule_matchevaluations_num"],
        "A rule has as many conditions as its quota allows.",
        "Use fewer hosts, paths or values in the rule.",
    ),
    permanent(
        &["The quota of"],
        "A quota of the account is used up.",
        "Raise the quota that the message names, or remove what is not needed.",
    ),
    permanent(
        &["The quota is exceeded"],
        "A quota of the account is used up.",
        "Raise the quota, or remove what is not needed.",
    ),
    // What is general comes last.
    heals(
        &["timed out waiting for the condition"],
        "The cloud took longer than the controller waits in one pass.",
        "It tries again by itself.",
    ),
    permanent(
        &["The param of", "is illegal"],
        "The cloud does not take a value; the message says where it stands.",
        "Find the attribute that it comes from and mend it.",
    ),
    permanent(
        &["The specified resource", "is not found"],
        "A cloud resource that is named does not exist.",
        "Check the ID that the message names.",
    ),
];
