//! State after a refresh: the user's own spelling as long as it means what is live, else what is live.
//!
//! Which attributes drifted is decided by the same comparison that judges writes (`kubernetes::differences`), so that a
//! value which a refresh calls unchanged is never a conflict in the update after it. Fields that state does not set are
//! foreign and stay unset, whatever is live; an import takes all of them. Who changed what is told as a warning: the plan
//! that Terraform makes of it shows values only.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::framework::private::Private;
use crate::kubernetes::{
    Difference, FieldPath, Foreign, ForeignValue, KnownDrift, Meaning, Object, ObjectRef, differences,
};
use crate::resources::diagnose::shown;
use crate::resources::kubernetes_attributes::{HASH_LABEL, LAST_APPLIED};
use crate::resources::kubernetes_object::{KNOWN_DRIFT_FACT, foreign_fact};

/// The attributes that drifted.
#[derive(Debug)]
pub(crate) struct Drift {
    found: Vec<Difference>,
    paths: Vec<Path>,
    foreign: Foreign,
    imported: bool,
}

impl Drift {
    /// Compares what state sets (`ours`, in the Kubernetes shape) with the live object.
    pub(crate) fn of(
        live: &Object,
        ours: &Json,
        meaning: &dyn Meaning,
        attribute: &dyn Fn(&FieldPath) -> Path,
        imported: bool,
    ) -> Self {
        let found = differences(live, ours, meaning);
        for difference in &found {
            log(live, difference);
        }
        let paths = found.iter().map(|difference| attribute(&difference.path)).collect();
        Self { found, paths, foreign: Foreign::of(live, ours, meaning, may_be_set), imported }
    }

    /// Keeps what drifted for the update that sets it back, since state may be unable to hold it, and what others set, for
    /// the plan that comes to set it. `uid_fact` tells objects of one resource apart.
    pub(crate) fn remember(&self, object: &ObjectRef, uid_fact: &str, private: &mut Private) {
        let foreign = if object.kind.is_secret() { self.foreign.clone().hidden() } else { self.foreign.clone() };
        match foreign.text() {
            Some(text) => private.set_fact(&foreign_fact(uid_fact), text),
            None => private.remove_fact(&foreign_fact(uid_fact)),
        }
        if object.kind.is_secret() {
            return;
        }
        let mut known = private.fact(KNOWN_DRIFT_FACT).map(KnownDrift::parse).unwrap_or_default();
        known.add(&self.found);
        if let Some(text) = known.text() {
            private.set_fact(KNOWN_DRIFT_FACT, text);
        }
    }

    /// Warns of what drifted: each attribute with its last writer and both values, but for values of a Secret.
    pub(crate) fn tell(&self, object: &ObjectRef, warnings: &mut Diagnostics) {
        if self.found.is_empty() || self.imported {
            return;
        }
        let fields: String = self.found.iter().zip(&self.paths).map(|(one, path)| field(object, one, path)).collect();
        // Terraform folds warnings of one summary into the first: each object's is told apart.
        let warning = Diagnostic::warning(
            format!("{object} Changed Outside of Terraform"),
            format!(
                "{object} is no longer as it was applied:{fields}\nApplying the plan sets back what is configured. To keep a live \
                 value, configure it; to leave a field to its other writer, remove it from the configuration."
            ),
        );
        warnings.push(match self.paths.as_slice() {
            [only] if !only.is_root() => warning.at(only.clone()),
            _ => warning,
        });
    }

    /// Whether an attribute, something in it, or something around it drifted.
    pub(crate) fn touches(&self, path: &Path) -> bool {
        self.paths.iter().any(|drifted| drifted.contains(path) || path.contains(drifted))
    }

    /// Whether everything that state sets is live with the same meaning.
    pub(crate) const fn is_none(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether it is this attribute itself that drifted.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }

    /// Whether this is the refresh of an import, which fills in what was never configured.
    pub(crate) const fn is_import(&self) -> bool {
        self.imported
    }

    /// The attribute after the refresh.
    pub(crate) fn pick<T: Clone>(&self, path: &Path, prior: &Option<T>, live: Option<T>) -> Option<T> {
        match prior {
            None if self.imported => live,
            None => None,
            Some(_) if self.touches(path) => live,
            Some(prior) => Some(prior.clone()),
        }
    }

    /// Labels or annotations after the refresh: our keys with their live values; on import `imported`.
    pub(crate) fn pick_map(
        &self,
        prior: Option<&BTreeMap<String, Option<String>>>,
        live: &BTreeMap<String, String>,
        imported: impl FnOnce() -> Option<BTreeMap<String, Option<String>>>,
    ) -> Option<BTreeMap<String, Option<String>>> {
        match prior {
            None if self.imported => imported(),
            None => None,
            Some(prior) => Some(
                prior.keys().filter_map(|key| live.get(key).map(|value| (key.clone(), Some(value.clone())))).collect(),
            ),
        }
    }
}

/// Whether an attribute can come to set a field: not what other programs write for themselves.
fn may_be_set(path: &FieldPath) -> bool {
    !matches!(path.fields().as_slice(), ["metadata", _, HASH_LABEL | LAST_APPLIED])
}

/// Warns of values of others that a plan overwrites, because the configuration now sets what it left to them before.
pub(crate) fn tell_of_overwrites(
    described: &Overwriting<'_>,
    private: &Private,
    prior: &Json,
    planned: &Json,
    diagnostics: &mut Diagnostics,
) {
    let Overwriting { object, uid_fact, meaning, attribute } = *described;
    let Some(foreign) = private.fact(&foreign_fact(uid_fact)).map(Foreign::parse) else { return };
    let line = |(path, value): (FieldPath, &ForeignValue)| {
        let at = attribute(&path);
        let name = if at.is_root() { path.to_string() } else { at.to_string() };
        let writer = value.writer.as_deref().unwrap_or("nothing tells by whom");
        let shown = value.shown.as_ref().map_or_else(String::new, |shown| format!("; it is {shown}"));
        format!("\n  - {name}: {writer}{shown}")
    };
    let lines: String = foreign.overwritten(prior, planned, meaning).into_iter().map(line).collect();
    if lines.is_empty() {
        return;
    }
    diagnostics.push(Diagnostic::warning(
        format!("{object}: Values of Others Overwritten"),
        format!(
            "The configuration now sets what it left to others, and they have set:{lines}\nApplying the plan writes what is \
             configured instead. To leave a field to its other writer, remove it from the configuration."
        ),
    ));
}

/// An object whose plan may overwrite values of others.
pub(crate) struct Overwriting<'a> {
    /// The object.
    pub(crate) object: &'a ObjectRef,
    /// Name of the private fact that holds its UID.
    pub(crate) uid_fact: &'a str,
    /// When two values of it mean the same.
    pub(crate) meaning: &'a dyn Meaning,
    /// The attribute that a field comes from.
    pub(crate) attribute: &'a dyn Fn(&FieldPath) -> Path,
}

/// A line about one field.
fn field(object: &ObjectRef, difference: &Difference, path: &Path) -> String {
    let name = if path.is_root() { difference.path.to_string() } else { path.to_string() };
    let writer = difference.writer.as_ref().map_or_else(|| "nothing tells by whom".to_owned(), ToString::to_string);
    if object.kind.is_secret() {
        return format!("\n  - {name}: {writer}");
    }
    let (ours, live) = (shown(difference.ours.as_ref()), shown(difference.live.as_ref()));
    format!("\n  - {name}: {writer}; it was {ours} and is {live}")
}

/// Who changed what, for the log. Values of Secrets are never named.
fn log(live: &Object, difference: &Difference) {
    tracing::debug!(
        k8s_name = live.name(),
        field = %difference.path,
        writer = difference.writer.as_ref().map(ToString::to_string),
        "a field of ours has another meaning than in state"
    );
}
