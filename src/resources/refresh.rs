//! State after a refresh: the user's own spelling as long as it means what is live, else what is live.
//!
//! Which attributes drifted is decided by the same comparison that judges writes (`kubernetes::differences`), so that a
//! value which a refresh calls unchanged is never a conflict in the update after it. Fields that state does not set are
//! foreign and stay unset, whatever is live; an import takes all of them.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::framework::path::Path;
use crate::kubernetes::{Difference, FieldPath, Meaning, Object, differences};

/// The attributes that drifted.
#[derive(Debug)]
pub(crate) struct Drift {
    paths: Vec<Path>,
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
        Self { paths: found.iter().map(|difference| attribute(&difference.path)).collect(), imported }
    }

    /// Whether an attribute, something in it, or something around it drifted.
    pub(crate) fn touches(&self, path: &Path) -> bool {
        self.paths.iter().any(|drifted| drifted.contains(path) || path.contains(drifted))
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

/// Who changed what, for the log. Values of Secrets are never named.
fn log(live: &Object, difference: &Difference) {
    tracing::debug!(
        k8s_name = live.name(),
        field = %difference.path,
        writer = difference.writer.as_ref().map(ToString::to_string),
        "a field of ours has another meaning than in state"
    );
}
