//! What a gateway configuration may say. Each rule of the provider's rule table (V02 to V80) is one function, named after
//! it, that looks at the whole configuration, tells every problem at the deepest attribute, and is silent about what is
//! unknown.
//!
//! `validate` runs them on a configuration, `advise` on a plan: what only a plan knows (whether the gateway is new, what it
//! was before) and advice, which would be told twice otherwise. Pure. Facts: ALB product limits and the controller's own
//! refusals, which users would otherwise meet minutes later as an Event.

use std::collections::BTreeSet;

use crate::framework::diagnostic::Diagnostics;
use crate::framework::path::Path;
use crate::framework::schema::Problem;
use crate::framework::value::Value;
use crate::resources::kubernetes_attributes::subdomain_name;

pub(super) mod checks;
pub(super) mod clusters;
pub(super) mod extra;
pub(super) mod listeners;
pub(super) mod load_balancer;
pub(super) mod network;
pub(super) mod written;

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    /// The configuration, or the plan.
    pub(super) value: &'a Value,
    /// The state before, in a plan that changes an object.
    pub(super) prior: Option<&'a Value>,
    /// Whether this is the plan of a new gateway.
    pub(super) creating: bool,
}

/// A rule.
pub(super) type Rule = fn(&Scene<'_>, &mut Diagnostics);

/// All rules about what users write, in the order of the rule table.
pub(super) const RULES: &[Rule] = &[
    load_balancer::v03_zone_mappings,
    load_balancer::v04_vswitch_id,
    load_balancer::v05_zone_id,
    load_balancer::v06_address_type,
    load_balancer::v07_address_allocated_mode,
    load_balancer::v08_address_ip_version,
    load_balancer::v09_edition,
    load_balancer::v10_reused_edition,
    load_balancer::v11_pay_type,
    load_balancer::v12_bandwidth_package,
    load_balancer::v13_access_log,
    load_balancer::v14_log_store,
    load_balancer::v15_tags,
    load_balancer::v16_overridden_listeners,
    load_balancer::v17_override_needs_id,
    load_balancer::v18_reused_id,
    network::v19_security_groups,
    listeners::v21_listener_port,
    listeners::v22_listener_protocol,
    listeners::v23_one_protocol_each_port,
    listeners::v24_timers,
    listeners::v25_tls_settings,
    listeners::v27_certificate_id,
    listeners::v28_one_default_certificate,
    listeners::v29_ca_certificates,
    listeners::v30_explicit_http2,
    listeners::v32_security_policy,
    network::v33_acl,
    network::v34_trusted_proxies,
    network::v35_tracing,
    network::v36_logging_needs_a_log,
    clusters::v37_cluster_ids,
    clusters::v38_several_clusters,
    listeners::v80_old_tls,
    listeners::no_certificate_twice,
    extra::annotations_have_their_places,
    extra::v74_extra_annotations,
    extra::extra_specs,
];

fn all(scene: &Scene<'_>) -> Diagnostics {
    let mut told = Diagnostics::new();
    RULES.iter().for_each(|rule| rule(scene, &mut told));
    told
}

/// What is wrong with a configuration. Advice is left to the plan, unless there will be none.
pub(super) fn validate(config: &Value, diagnostics: &mut Diagnostics) {
    let told = all(&Scene { value: config, prior: None, creating: false });
    if told.has_errors() || diagnostics.has_errors() {
        diagnostics.extend(told);
    }
}

/// Advice, and what is wrong with a change.
pub(super) fn advise(planned: &Value, prior: Option<&Value>, diagnostics: &mut Diagnostics) {
    diagnostics.extend(all(&Scene { value: planned, prior, creating: prior.is_none() }));
}

/// V02: names that Kubernetes takes and that the controller can tag cloud resources with.
pub(crate) fn v02_names(what: &'static str) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    subdomain_name(what)
}

impl<'a> Scene<'a> {
    fn attr(&self, name: &str) -> Value {
        self.value.attr(name)
    }

    /// Known listeners: key, path, settings.
    fn listeners(&self) -> Vec<(String, Path, Value)> {
        let listeners = self.attr("listeners");
        let entries = listeners.as_map().into_iter().flatten();
        entries
            .filter(|(_, listener)| listener.as_map().is_some())
            .map(|(key, listener)| (key.clone(), Path::attribute("listeners").key(key.as_str()), listener.clone()))
            .collect()
    }

    /// The same, of one protocol.
    fn listeners_of(&self, protocol: &str) -> Vec<(String, Path, Value)> {
        let mut listeners = self.listeners();
        listeners.retain(|(key, ..)| protocol_of(key) == Some(protocol));
        listeners
    }

    /// Whether a new load balancer is made; `None` while that is unknown.
    fn makes_one(&self) -> Option<bool> {
        let id = self.attr("reuse").attr("load_balancer_id");
        (!id.is_unknown()).then(|| id.is_null())
    }
}

fn protocol_of(key: &str) -> Option<&str> {
    super::object::split_key(key).map(|(_, protocol)| protocol)
}

/// Known elements of a list of objects, with their paths.
fn elements(list: &Value, at: &Path) -> Vec<(Path, Value)> {
    let elements = list.as_list().into_iter().flatten().enumerate();
    elements.filter(|(_, one)| one.as_map().is_some()).map(|(index, one)| (at.index(index), one.clone())).collect()
}

/// Known texts of a list or set.
fn texts(list: &Value) -> Vec<String> {
    list.as_list().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Tells if a known text is none of some spellings.
fn choice(value: &Value, at: Path, summary: &str, allowed: &[&str], told: &mut Diagnostics) {
    let Some(text) = value.as_str().filter(|text| !allowed.contains(text)) else { return };
    let choices = allowed.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(", ");
    let detail = match allowed {
        [only] => format!("{text:?} is not accepted; only \"{only}\" is. Case matters."),
        _ => format!("{text:?} is none of {choices}. Case matters."),
    };
    told.error(at, summary, detail);
}

/// How many different elements a set has at least: unknown ones may turn out to be one and the same, or one of the known.
fn fewest(set: &Value) -> usize {
    let elements = set.as_list().unwrap_or_default();
    let known = texts(set).into_iter().collect::<BTreeSet<_>>().len();
    if known == 0 { usize::from(!elements.is_empty()) } else { known }
}

/// Whether a text is a prefix and then lower-case letters and digits, as the cloud makes IDs.
fn is_id(id: &str, prefix: &str) -> bool {
    let tail = id.strip_prefix(prefix).unwrap_or_default();
    !tail.is_empty() && tail.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

/// Whether a diagnostic is an error; for tests of single rules.
#[cfg(test)]
pub(super) fn shown(told: &Diagnostics) -> Vec<String> {
    told.iter()
        .map(|one| {
            let mark = if one.severity == crate::framework::diagnostic::Severity::Error { "E" } else { "W" };
            format!("{mark} {}: {}", one.path.clone().unwrap_or_default(), one.summary)
        })
        .collect()
}
