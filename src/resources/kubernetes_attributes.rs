//! Attributes that every resource kept as a Kubernetes object has, and what a plan says about them.
//!
//! The schemas of the Kubernetes-backed resources call it, and their plan hooks. It knows no kind: what belongs to one
//! object type lives in that resource's own module. Label and annotation syntax is that of Kubernetes (labels guide,
//! annotations guide: apimachinery `validation.IsQualifiedName`, `IsValidLabelValue`).

use std::collections::BTreeMap;

use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::Attr;
use crate::framework::path::Path;
use crate::framework::schema::{Attribute, OnUpdate, Problem, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::object_metadata::PlannedMap;

/// Prefix of every key that the ALB controller reads or writes.
pub(crate) const ALB_PREFIX: &str = "alb.ingress.kubernetes.io/";
/// Annotation of an AlbConfig that names the member clusters it routes to, separated by commas.
pub(crate) const REMOTE_CLUSTERS: &str = "alb.ingress.kubernetes.io/remote-clusters";
/// Label that the controller stamps on AlbConfigs and Ingresses after a pass.
pub(crate) const HASH_LABEL: &str = "alb.ingress.kubernetes.io/hash";
/// Annotation that makes the controller look again at an object that it passed over (`look_again.rs`).
pub(crate) const LOOK_AGAIN: &str = "terraform-provider-ackone/look-again";
/// Annotation that named the class of an Ingress before the field did.
pub(crate) const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// Settings that the controller also reads under the prefix of the NGINX controller.
const NGINX_SETTINGS: [&str; 6] =
    ["canary", "canary-by-header", "canary-by-header-value", "canary-by-cookie", "canary-weight", "ssl-redirect"];
/// Annotation in which client-side `kubectl apply` keeps its last manifest.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `id`.
pub(crate) fn id(what: &'static str) -> Attribute {
    Attribute::string("id", what).computed()
}

/// `fleet_id`, as objects in a Fleet have it.
pub(crate) fn fleet_id() -> Attribute {
    Attribute::string(
        "fleet_id",
        "The Fleet that holds the object: the provider's `fleet_id`, else `uid:` and the UID of the Fleet's namespace \
         `kube-system`. It never changes; if the provider points to another Fleet, refresh and apply stop with an error \
         and touch nothing.",
    )
    .computed()
}

/// `adopt`.
pub(crate) fn adopt(what: &str) -> Attribute {
    Attribute::bool(
        "adopt",
        format!(
            "Whether a create takes over {what} that exists already and that no other state manages. Without it an \
             existing object stops the create with an `import` block to paste. Default `false`."
        ),
    )
    .default_value(Value::Bool(false))
    .local()
}

/// `cross_checks`.
pub(crate) fn cross_checks(compared: &str) -> Attribute {
    Attribute::bool(
        "cross_checks",
        format!(
            "Whether {compared}, where the Fleet can be read. A plan warns, since the same run may mend it; an apply \
             stops before it writes anything if it would break a rule that the guide *Plan-time checks* calls an error. \
             Default `true`."
        ),
    )
    .default_value(Value::Bool(true))
    .local()
}

/// `wait`.
pub(crate) fn wait(for_what: &str) -> Attribute {
    Attribute::bool(
        "wait",
        format!("Whether creates and updates wait until {for_what}. Default `true`. With `false`, `ready` is null."),
    )
    .default_value(Value::Bool(true))
    .local()
}

/// `on_wait_timeout`.
pub(crate) fn on_wait_timeout() -> Attribute {
    Attribute::string(
        "on_wait_timeout",
        "What it means when a wait runs out. `warn` (the default): the run succeeds with a warning, `ready` is `false`, \
         and the next apply waits again in place. `error`: the run fails; on a create Terraform then marks the object as \
         tainted and would replace it (`terraform untaint` prevents that). To fail a run without tainting, use a \
         `postcondition` with `self.ready != false` instead.",
    )
    .default_value(Value::string("warn"))
    .local()
    .check(one_of("Invalid Wait Setting", &["warn", "error"]))
}

/// `ready`.
pub(crate) fn ready(when: &str) -> Attribute {
    Attribute::bool(
        "ready",
        format!(
            "`true` when {when}; `false` when a wait ended earlier, which the next apply makes up for; null when nothing \
             was waited for. `reason` says why."
        ),
    )
    .computed()
    .on_update(OnUpdate::Recompute)
}

/// `reason`.
pub(crate) fn reason() -> Attribute {
    Attribute::string("reason", "Why `ready` is not `true`; null when it is.").computed().on_update(OnUpdate::Recompute)
}

/// `labels`.
pub(crate) fn labels(kind: &str) -> Attribute {
    Attribute::value(
        "labels",
        Type::map(Type::String),
        format!("Labels of the {kind}. Labels that others set stay untouched; see `effective_labels` for all of ours."),
    )
    .check_entries(label)
}

/// `annotations`.
pub(crate) fn annotations(kind: &str) -> Attribute {
    Attribute::value(
        "annotations",
        Type::map(Type::String),
        format!(
            "Further annotations of the {kind}. Keys that have an attribute of their own are refused; annotations that \
             others set stay untouched."
        ),
    )
    .check_entries(annotation)
}

/// `annotations` of a kind whose settings are annotations too, see [`extra_annotations`].
pub(crate) fn plain_annotations(kind: &str) -> Attribute {
    Attribute::value(
        "annotations",
        Type::map(Type::String),
        format!(
            "Annotations of the {kind} that are nobody's settings, such as an owner or a ticket. Keys under \
             `alb.ingress.kubernetes.io/` are refused: those are the controller's settings, which have attributes of their own, or \
             belong in `extra_annotations`. Annotations that others set stay untouched."
        ),
    )
    .check_entries(annotation)
}

/// `extra_annotations`.
pub(crate) fn extra_annotations(kind: &str) -> Attribute {
    Attribute::value(
        "extra_annotations",
        Type::map(Type::String),
        format!(
            "Settings of the controller on the {kind} that have no attribute here, by their whole key \
             (`alb.ingress.kubernetes.io/…`): newer ones than this release of the provider, and ones whose spelling is not \
             confirmed. They are handed on unread. A key that has an attribute, is obsolete, or is the controller's own is refused; \
             a key that no controller is known to read is a warning."
        ),
    )
    .check_entries(annotation)
}

/// What an annotation key is to the controller, on one kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// An attribute writes it: this one.
    Typed(&'static str),
    /// It must not be set, for this reason; a whole sentence.
    Refused(&'static str),
    /// It may be read, by some controllers.
    Unconfirmed,
    /// Nobody is known to read it.
    Unknown,
}

/// Refuses keys that stand in the wrong one of `annotations` and `extra_annotations`, all of them, each at its key.
/// `standing` is asked for every key, also for those of other prefixes.
pub(crate) fn check_annotation_keys(
    plain: &PlannedMap,
    extra: &PlannedMap,
    standing: &dyn Fn(&str) -> Standing,
    diagnostics: &mut Diagnostics,
) {
    for (attribute, map) in [("annotations", plain), ("extra_annotations", extra)] {
        for key in map.known().into_iter().flat_map(BTreeMap::keys) {
            let at = Path::attribute(attribute).key(key.as_str());
            let settings = key.starts_with(ALB_PREFIX);
            match standing(key) {
                Standing::Typed(attribute) => diagnostics.error(
                    at,
                    "Annotation Has an Attribute",
                    format!(
                        "{key:?} stands for what the attribute {attribute} says. Leave it to that attribute, and remove the key."
                    ),
                ),
                Standing::Refused(why) => {
                    diagnostics.error(at, "Annotation Not Allowed", format!("{key:?} cannot be set here. {why}"));
                }
                Standing::Unconfirmed | Standing::Unknown if settings && attribute == "annotations" => diagnostics
                    .error(
                        at,
                        "Setting Among Annotations",
                        format!(
                            "{key:?} has the prefix of the controller's settings and no attribute here. Move it to \
                         extra_annotations, which hands it on unread."
                        ),
                    ),
                Standing::Unconfirmed | Standing::Unknown if !settings && attribute == "extra_annotations" => {
                    diagnostics.error(
                        at,
                        "Annotation Among Settings",
                        format!("{key:?} does not start with {ALB_PREFIX:?}, so it is no setting of the controller. Move it to \
                         annotations."),
                    );
                }
                Standing::Unconfirmed | Standing::Unknown => {}
            }
        }
    }
}

/// V74: a key of `extra_annotations` that no controller is known to read. They ignore such keys without a word.
pub(crate) fn v74_unknown_annotation_key(
    extra: &PlannedMap,
    standing: &dyn Fn(&str) -> Standing,
    diagnostics: &mut Diagnostics,
) {
    for key in extra.known().into_iter().flat_map(BTreeMap::keys) {
        if key.starts_with(ALB_PREFIX) && standing(key) == Standing::Unknown {
            diagnostics.warn(
                Path::attribute("extra_annotations").key(key.as_str()),
                "Annotation Nobody Reads",
                format!(
                    "No controller is known to read {key:?}, and they ignore unknown keys without a word. Check the spelling; if \
                     your controller is newer than this provider, leave it as it is."
                ),
            );
        }
    }
}

/// `effective_labels`.
pub(crate) fn effective_labels() -> Attribute {
    Attribute::value(
        "effective_labels",
        Type::map(Type::String),
        "`labels` together with the provider's `default_labels`; `labels` win.",
    )
    .computed()
}

/// `effective_annotations`.
pub(crate) fn effective_annotations() -> Attribute {
    Attribute::value(
        "effective_annotations",
        Type::map(Type::String),
        "`annotations` together with the provider's `default_annotations`; `annotations` win.",
    )
    .computed()
}

/// A check for one of some spellings.
pub(crate) fn one_of(
    summary: &'static str,
    allowed: &'static [&'static str],
) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    move |value| {
        let text = value.as_str().unwrap_or_default();
        if allowed.contains(&text) {
            return Ok(());
        }
        let choices = allowed.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(", ");
        Err(Problem::new(summary, format!("{text:?} is none of {choices}. Case matters.")))
    }
}

/// A check that a value is a DNS subdomain name that the ALB controller can tag with (rule V02).
pub(crate) fn subdomain_name(what: &'static str) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    move |value| v02_name(what, value.as_str().unwrap_or_default(), 253, true)
}

/// A check that a value is a DNS label that the ALB controller can tag with (rule V02).
pub(crate) fn label_name(what: &'static str) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    move |value| v02_name(what, value.as_str().unwrap_or_default(), 63, false)
}

/// A check that a value is a DNS subdomain name, of an object whose name goes into no tag: Secrets and IngressClasses.
pub(crate) fn untagged_name(what: &'static str) -> impl Fn(&Value) -> Result<(), Problem> + Send + Sync + 'static {
    move |value| check_name(what, value.as_str().unwrap_or_default(), 253, true)
}

/// V02: a name that Kubernetes takes, and that the controller can tag cloud resources with. It tags them with the names of
/// AlbConfig, Ingress, Namespace and Service.
fn v02_name(what: &str, name: &str, max_len: usize, dots: bool) -> Result<(), Problem> {
    check_name(what, name, max_len, dots)?;
    if name.starts_with("aliyun") {
        return Err(Problem::new(
            format!("Reserved {what} Name"),
            format!(
                "{name:?} starts with \"aliyun\", which Alibaba Cloud reserves: the controller cannot tag its cloud \
                 resources with such a name. Choose another one."
            ),
        ));
    }
    Ok(())
}

fn check_name(what: &str, name: &str, max_len: usize, dots: bool) -> Result<(), Problem> {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !label.is_empty()
            && label.starts_with(inner)
            && label.ends_with(inner)
            && label.chars().all(|c| inner(c) || c == '-')
    };
    let valid = name.len() <= max_len && if dots { name.split('.').all(label) } else { label(name) };
    if valid {
        return Ok(());
    }
    let dots = if dots { ", '-' and '.'" } else { " and '-'" };
    Err(Problem::new(
        format!("Invalid {what} Name"),
        format!(
            "{name:?} is no name that Kubernetes accepts. Use up to {max_len} lower-case letters, digits{dots}, with a \
             letter or digit at both ends."
        ),
    ))
}

/// A check of a label.
pub(crate) fn label(key: &str, value: &Value) -> Result<(), Problem> {
    check_key(key)?;
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() || is_name_part(text) {
        return Ok(());
    }
    Err(Problem::new(
        "Invalid Label Value",
        format!(
            "The value {text:?} of label {key:?} is not accepted by Kubernetes. Use up to 63 letters, digits, '-', '_' \
             and '.', with a letter or digit at both ends, or nothing."
        ),
    ))
}

/// A check of an annotation.
pub(crate) fn annotation(key: &str, _value: &Value) -> Result<(), Problem> {
    check_key(key)
}

/// A check of an annotation that every object gets. The controller's settings belong to one object.
pub(crate) fn default_annotation(key: &str, value: &Value) -> Result<(), Problem> {
    annotation(key, value)?;
    let nginx = key.strip_prefix("nginx.ingress.kubernetes.io/").is_some_and(|name| NGINX_SETTINGS.contains(&name));
    if key.starts_with(ALB_PREFIX) || key == CLASS_ANNOTATION || nginx {
        return Err(Problem::new(
            "Setting Among Annotations",
            format!(
                "{key:?} is a setting of the controller, and every object of the Fleet would get it. Set it with the attributes \
                 of the resource that it is meant for."
            ),
        ));
    }
    Ok(())
}

/// A key of labels or annotations.
fn check_key(key: &str) -> Result<(), Problem> {
    if !is_qualified_name(key) {
        return Err(Problem::new(
            "Invalid Metadata Key",
            format!(
                "{key:?} is no key that Kubernetes accepts. Use up to 63 letters, digits, '-', '_' and '.' with a letter or \
                 digit at both ends, optionally after a DNS name and '/'."
            ),
        ));
    }
    if key == HASH_LABEL || key == LAST_APPLIED {
        return Err(Problem::new(
            "Reserved Metadata Key",
            format!("{key:?} is written by another program. Remove it."),
        ));
    }
    Ok(())
}

fn is_name_part(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => check_name("", prefix, 253, true).is_ok() && is_name_part(name),
        None => is_name_part(key),
    }
}

/// Refuses null elements of lists, sets and maps: none of our collections gives them a meaning.
pub(crate) fn refuse_null_elements(schema: &Schema, config: &Value, diagnostics: &mut Diagnostics) {
    schema.visit(config, &mut |path, attribute, value| {
        let is_set = matches!(attribute.ty(), Type::Set(_));
        let mut refuse = |path: Path| {
            let which = if is_set { format!("An element of {path}") } else { path.to_string() };
            diagnostics.error(
                path.clone(),
                "Null Element",
                format!("{which} is null. Leave the element out, for instance with a `for` expression with `if`."),
            );
        };
        match value {
            Value::List(elements) => {
                for (index, _) in elements.iter().enumerate().filter(|(_, element)| element.is_null()) {
                    refuse(if is_set { path.clone() } else { path.index(index) });
                }
            }
            Value::Map(entries) if matches!(attribute.ty(), Type::Map(_)) => {
                entries.iter().filter(|(_, element)| element.is_null()).for_each(|(key, _)| refuse(path.key(key)));
            }
            _ => {}
        }
    });
}

/// The provider's defaults with the resource's own entries over them, as far as a plan can know it.
pub(crate) fn effective(
    defaults: Option<&BTreeMap<String, String>>,
    own: &Attr<BTreeMap<String, Attr<String>>>,
) -> Attr<BTreeMap<String, Attr<String>>> {
    let (Some(defaults), false) = (defaults, own.is_unknown()) else { return Attr::Unknown };
    let mut merged: BTreeMap<String, Attr<String>> =
        defaults.iter().map(|(key, value)| (key.clone(), Attr::Known(value.clone()))).collect();
    merged.extend(own.known().cloned().unwrap_or_default());
    if merged.values().any(Attr::is_unknown) {
        return Attr::Unknown;
    }
    Attr::Known(merged)
}

/// Entries of a stored map.
pub(crate) fn entries(map: Option<&BTreeMap<String, Option<String>>>) -> BTreeMap<String, String> {
    map.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
}

/// What an import says of labels or annotations: all of them except those of other programs and those that an attribute
/// or a provider default stands for.
pub(crate) fn imported_map(
    live: &BTreeMap<String, String>,
    defaults: &BTreeMap<String, String>,
    has_attribute: impl Fn(&str) -> bool,
) -> Option<BTreeMap<String, Option<String>>> {
    let own: BTreeMap<String, Option<String>> = live
        .iter()
        .filter(|(key, value)| {
            let nobodys = [HASH_LABEL, LOOK_AGAIN, LAST_APPLIED, "app.kubernetes.io/managed-by"];
            !nobodys.contains(&key.as_str()) && !has_attribute(key) && defaults.get(*key) != Some(*value)
        })
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect();
    (!own.is_empty()).then_some(own)
}

/// `metadata.labels` or `metadata.annotations` of an object.
pub(crate) fn metadata_map(object: &serde_json::Value, which: &str) -> BTreeMap<String, String> {
    let entries =
        object.get("metadata").and_then(|metadata| metadata.get(which)).and_then(serde_json::Value::as_object);
    entries.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kubernetes_and_leave_out_the_reserved_prefix() {
        let subdomain = subdomain_name("Gateway");
        for name in ["ackone-gateway-demo", "a", "a.b-c.d0", &"a".repeat(253)] {
            assert!(subdomain(&Value::string(name)).is_ok(), "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", "a_b", "aliyun-x", &"a".repeat(254)] {
            assert!(subdomain(&Value::string(name)).is_err(), "{name}");
        }
        let label = label_name("Service");
        assert!(label(&Value::string("a".repeat(63))).is_ok() && label(&Value::string("a".repeat(64))).is_err());
        assert!(label(&Value::string("a.b")).is_err());
    }

    #[test]
    fn v02_only_names_that_go_into_tags_may_not_have_the_reserved_beginning() {
        let told = |found: Result<(), Problem>| found.err().map(|problem| problem.summary);
        let reserved = |what: &str| Some(format!("Reserved {what} Name"));
        assert_eq!(told(subdomain_name("Ingress")(&Value::string("aliyun-a"))), reserved("Ingress"));
        assert_eq!(told(label_name("Service")(&Value::string("aliyun"))), reserved("Service"));
        assert_eq!(told(untagged_name("Secret")(&Value::string("aliyun-a"))), None);
        assert_eq!(told(untagged_name("Secret")(&Value::string("-a"))), Some("Invalid Secret Name".to_owned()));
        assert_eq!(told(subdomain_name("Ingress")(&Value::string("my-aliyun"))), None);
    }

    #[test]
    fn metadata_keys_and_label_values_are_checked() {
        let check = |key: &str, value: &str| label(key, &Value::string(value));
        assert!(check("team", "edge").is_ok());
        assert!(label("team", &Value::unknown()).is_ok() && label("bad key", &Value::unknown()).is_err());
        assert!(annotation("team", &Value::string("not ok for a label")).is_ok());
        assert!(default_annotation("example.com/team", &Value::string("edge")).is_ok());
        for key in ["alb.ingress.kubernetes.io/order", "kubernetes.io/ingress.class", "bad key"] {
            assert!(default_annotation(key, &Value::string("x")).is_err(), "{key}");
        }
        assert!(check("example.com/team", "").is_ok());
        for (key, value) in [("bad key", "x"), ("a/b/c", "x"), ("team", "not ok"), (HASH_LABEL, "x"), ("", "x")] {
            assert!(check(key, value).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn every_bad_key_is_told_at_its_own_place() {
        let schema = Schema::new("An object.", vec![labels("AlbConfig"), annotations("AlbConfig")]);
        let of = |entries: &[(&str, Value)]| Value::map(entries.iter().cloned());
        let told = schema.check(&of(&[
            ("labels", of(&[("a b", Value::unknown()), ("c d", Value::string("e")), ("team", Value::string("f g"))])),
            ("annotations", of(&[(LAST_APPLIED, Value::string("h")), ("owner", Value::string("i j"))])),
        ]));
        let told: Vec<String> =
            told.iter().map(|one| format!("{}: {}", one.path.as_ref().unwrap(), one.summary)).collect();
        assert_eq!(
            told,
            [
                "labels[\"a b\"]: Invalid Metadata Key",
                "labels[\"c d\"]: Invalid Metadata Key",
                "labels[\"team\"]: Invalid Label Value",
                &format!("annotations[{LAST_APPLIED:?}]: Reserved Metadata Key"),
            ]
        );
    }

    fn keys_of(keys: &[&str]) -> PlannedMap {
        Attr::Known(keys.iter().map(|key| ((*key).to_owned(), Attr::Known("x".to_owned()))).collect())
    }

    fn standing(key: &str) -> Standing {
        match key.strip_prefix(ALB_PREFIX) {
            Some("typed") => Standing::Typed("its_attribute"),
            Some("old") => Standing::Refused("It has no effect."),
            Some("maybe") => Standing::Unconfirmed,
            _ => Standing::Unknown,
        }
    }

    #[test]
    fn settings_and_plain_annotations_keep_to_their_own_attribute() {
        let found = |plain: &PlannedMap, extra: &PlannedMap| {
            let mut diagnostics = Diagnostics::new();
            check_annotation_keys(plain, extra, &standing, &mut diagnostics);
            diagnostics.iter().map(|one| format!("{}: {}", one.path.as_ref().unwrap(), one.summary)).collect::<Vec<_>>()
        };
        let keys = [
            "alb.ingress.kubernetes.io/maybe",
            "alb.ingress.kubernetes.io/old",
            "alb.ingress.kubernetes.io/other",
            "alb.ingress.kubernetes.io/typed",
            "example.com/owner",
        ];
        assert_eq!(
            found(&keys_of(&keys), &Attr::Null),
            [
                "annotations[\"alb.ingress.kubernetes.io/maybe\"]: Setting Among Annotations",
                "annotations[\"alb.ingress.kubernetes.io/old\"]: Annotation Not Allowed",
                "annotations[\"alb.ingress.kubernetes.io/other\"]: Setting Among Annotations",
                "annotations[\"alb.ingress.kubernetes.io/typed\"]: Annotation Has an Attribute",
            ]
        );
        assert_eq!(
            found(&Attr::Null, &keys_of(&keys)),
            [
                "extra_annotations[\"alb.ingress.kubernetes.io/old\"]: Annotation Not Allowed",
                "extra_annotations[\"alb.ingress.kubernetes.io/typed\"]: Annotation Has an Attribute",
                "extra_annotations[\"example.com/owner\"]: Annotation Among Settings",
            ]
        );
        assert_eq!(found(&Attr::Unknown, &Attr::Unknown), Vec::<String>::new());
    }

    #[test]
    fn v74_warns_of_keys_that_nobody_reads() {
        let found = |extra: &PlannedMap| {
            let mut diagnostics = Diagnostics::new();
            v74_unknown_annotation_key(extra, &standing, &mut diagnostics);
            assert!(!diagnostics.has_errors());
            diagnostics.iter().map(|one| one.path.as_ref().unwrap().to_string()).collect::<Vec<_>>()
        };
        let keys =
            ["alb.ingress.kubernetes.io/maybe", "alb.ingress.kubernetes.io/other", "alb.ingress.kubernetes.io/oter"];
        assert_eq!(
            found(&keys_of(&keys)),
            [
                "extra_annotations[\"alb.ingress.kubernetes.io/oter\"]",
                "extra_annotations[\"alb.ingress.kubernetes.io/other\"]"
            ]
        );
        assert_eq!(found(&keys_of(&["alb.ingress.kubernetes.io/maybe"])), Vec::<String>::new());
        assert_eq!(found(&Attr::Unknown), Vec::<String>::new());
    }

    #[test]
    fn effective_maps_are_known_as_soon_as_all_parts_are() {
        let defaults = BTreeMap::from([("team".to_owned(), "edge".to_owned()), ("env".to_owned(), "dev".to_owned())]);
        let own = BTreeMap::from([("env".to_owned(), Attr::Known("prod".to_owned()))]);
        let merged = effective(Some(&defaults), &Attr::Known(own.clone()));
        let expected = BTreeMap::from([
            ("env".to_owned(), Attr::Known("prod".to_owned())),
            ("team".to_owned(), Attr::Known("edge".to_owned())),
        ]);
        assert_eq!(merged, Attr::Known(expected));
        assert_eq!(effective(None, &Attr::Known(own)), Attr::Unknown, "the provider's configuration is unknown");
        assert_eq!(effective(Some(&defaults), &Attr::Unknown), Attr::Unknown);
        let half = BTreeMap::from([("env".to_owned(), Attr::Unknown)]);
        assert_eq!(effective(Some(&defaults), &Attr::Known(half)), Attr::Unknown);
    }

    #[test]
    fn an_import_takes_only_what_a_user_would_write() {
        let live = BTreeMap::from([
            (HASH_LABEL.to_owned(), "1".to_owned()),
            (LAST_APPLIED.to_owned(), "{}".to_owned()),
            ("team".to_owned(), "edge".to_owned()),
            ("mine".to_owned(), "1".to_owned()),
            ("typed".to_owned(), "1".to_owned()),
        ]);
        let defaults = BTreeMap::from([("team".to_owned(), "edge".to_owned())]);
        let taken = imported_map(&live, &defaults, |key| key == "typed");
        assert_eq!(taken, Some(BTreeMap::from([("mine".to_owned(), Some("1".to_owned()))])));
    }
}
