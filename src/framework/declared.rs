//! Which resource instance of this run stands for which remote object, as far as plans have told: two instances that stand
//! for one object would destroy it for each other.
//!
//! The protocol gives no resource address. What tells instances apart is their private data: an instance that has an object
//! brings facts of it, the create half of a replacement brings those of the object before it, and a create brings none.
//! Terraform plans each create once in a process, so a second create of the same object is another instance's. Reads do not
//! count: a tainted object is read and then planned as a create without facts. Pure but for its lock; the framework calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::diagnostic::Diagnostic;
use super::path::Path;

/// What a plan makes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes into being.
    Create,
    /// It stays, perhaps changed.
    Keep {
        /// Whether it changes.
        changes: bool,
    },
    /// It is replaced: the plan of its creation follows.
    Replace,
    /// It goes.
    Delete,
}

/// What was told of one object.
#[derive(Debug, Default)]
struct Entry {
    /// Planned creates, by the instance that replaces, if it is one.
    created: Vec<Option<String>>,
    /// Instances that keep it, and whether they change it.
    kept: BTreeMap<String, bool>,
    /// Instances that delete it.
    going: BTreeSet<String>,
}

/// The book of one configured provider.
#[derive(Debug, Default)]
pub struct Declared(Mutex<BTreeMap<String, Entry>>);

impl Declared {
    fn book(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters what a plan makes of an object, and says if another instance stands for it too. `instance` tells the
    /// instance from others; `path` is the attribute that names the object.
    pub fn enter(&self, object: &str, path: &Path, fate: Fate, instance: Option<&str>) -> Option<Diagnostic> {
        let mut book = self.book();
        let entry = book.entry(object.to_owned()).or_default();
        let others_keep = |entry: &Entry| entry.kept.keys().any(|known| Some(known.as_str()) != instance);
        match (fate, instance) {
            (Fate::Create, _) => {
                let again = |earlier: &Option<String>| earlier.is_some() && earlier.as_deref() == instance;
                let twice = entry.created.iter().any(|earlier| !again(earlier)) || others_keep(entry);
                let going = entry.going.iter().any(|known| Some(known.as_str()) != instance);
                if !entry.created.iter().any(again) {
                    entry.created.push(instance.map(str::to_owned));
                }
                match (twice, going) {
                    (true, _) => Some(declared_twice(object).at(path.clone())),
                    (false, true) => Some(deleted_and_created(object).at(path.clone())),
                    (false, false) => None,
                }
            }
            (Fate::Keep { changes }, Some(instance)) => {
                let created = entry.created.iter().any(|earlier| earlier.as_deref() != Some(instance));
                let twice = others_keep(entry);
                entry.kept.insert(instance.to_owned(), changes);
                match (created, twice) {
                    (true, _) => Some(declared_twice(object).at(path.clone())),
                    // Both have it already: a plan that changes neither goes on as before.
                    (false, true) => Some(declared_twice(object).into_warning().at(path.clone())),
                    (false, false) => None,
                }
            }
            (Fate::Replace, Some(instance)) => {
                entry.kept.remove(instance);
                None
            }
            (Fate::Delete, instance) => {
                let instance = instance.unwrap_or_default();
                entry.kept.remove(instance);
                entry.going.insert(instance.to_owned());
                let created = entry.created.iter().any(|earlier| earlier.as_deref() != Some(instance));
                created.then(|| deleted_and_created(object))
            }
            // Without facts it cannot be told from the instance that is going to replace it.
            (Fate::Keep { .. } | Fate::Replace, None) => None,
        }
    }

    /// Forgets an instance's plan for an object: it was carried out.
    pub fn carried_out(&self, object: &str, instance: Option<&str>) {
        let mut book = self.book();
        let Some(entry) = book.get_mut(object) else { return };
        let own = |known: Option<&str>| known.is_none() || known == instance;
        if let Some(position) = entry.created.iter().position(|earlier| own(earlier.as_deref())) {
            entry.created.remove(position);
        }
        let instance = instance.unwrap_or_default();
        entry.kept.remove(instance);
        entry.going.remove(instance);
    }

    /// Whether this run makes or changes an object, as far as it was planned.
    #[must_use]
    pub fn is_changing(&self, object: &str) -> bool {
        self.book()
            .get(object)
            .is_some_and(|entry| !entry.created.is_empty() || entry.kept.values().any(|changes| *changes))
    }

    /// Whether this run deletes an object, and nothing else of it keeps or makes it.
    #[must_use]
    pub fn is_going(&self, object: &str) -> bool {
        let book = self.book();
        book.get(object)
            .is_some_and(|entry| !entry.going.is_empty() && entry.kept.is_empty() && entry.created.is_empty())
    }
}

fn declared_twice(object: &str) -> Diagnostic {
    Diagnostic::error(
        "Object Declared Twice",
        format!(
            "Another resource block, or another instance of this one, stands for {object} in the same run. Each would undo what \
             the other writes, and dropping one deletes the object for both. Keep one of them. If the block was renamed, say \
             so with a `moved` block; if one is left over in state, remove it with a `removed` block or `terraform state rm`; \
             if two objects are meant, give them different names."
        ),
    )
}

fn deleted_and_created(object: &str) -> Diagnostic {
    Diagnostic::warning(
        "Object Deleted and Created",
        format!(
            "One resource block deletes {object} and another creates it in the same run, in no certain order: the create may \
             find the object still there, or the delete may take the new one. If the block was only renamed, say so with a \
             `moved` block; nothing is deleted then."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::diagnostic::Severity;

    const OBJECT: &str = "Ingress \"n/i\"";

    fn enter(book: &Declared, fate: Fate, instance: Option<&str>) -> Option<(Severity, String)> {
        let said = book.enter(OBJECT, &Path::attribute("name"), fate, instance);
        said.map(|diagnostic| (diagnostic.severity, diagnostic.summary))
    }

    const KEEP: Fate = Fate::Keep { changes: false };

    #[test]
    fn two_blocks_for_one_object_are_told_in_whichever_order_they_are_planned() {
        let twice = Some((Severity::Error, "Object Declared Twice".to_owned()));
        let book = Declared::default();
        assert_eq!(enter(&book, Fate::Create, None), None);
        assert_eq!(enter(&book, Fate::Create, None), twice, "two creates");
        for order in [[KEEP, Fate::Create], [Fate::Create, KEEP]] {
            let book = Declared::default();
            let instance = |fate| if fate == Fate::Create { None } else { Some("a") };
            assert_eq!(enter(&book, order[0], instance(order[0])), None);
            assert_eq!(enter(&book, order[1], instance(order[1])), twice, "{order:?}");
        }
        let book = Declared::default();
        assert_eq!(enter(&book, KEEP, Some("a")), None);
        assert_eq!(enter(&book, KEEP, Some("b")), Some((Severity::Warning, "Object Declared Twice".to_owned())));
    }

    #[test]
    fn replacement_taint_and_repeated_plans_are_one_instance() {
        // Replaced: the plan of the object, then that of its successor with the facts of the first.
        let book = Declared::default();
        assert_eq!(enter(&book, Fate::Replace, Some("a")), None);
        assert_eq!(enter(&book, Fate::Create, Some("a")), None);
        assert_eq!(enter(&book, Fate::Create, Some("a")), None);
        // Replaced by order of the user: nothing of the first plan says so.
        let book = Declared::default();
        assert_eq!(enter(&book, KEEP, Some("a")), None);
        assert_eq!(enter(&book, Fate::Create, Some("a")), None);
        // Imported without facts.
        let book = Declared::default();
        assert_eq!(enter(&book, KEEP, None), None);
        assert_eq!(enter(&book, Fate::Create, None), None);
        // Kept and planned again, as in an apply.
        let book = Declared::default();
        assert_eq!(enter(&book, KEEP, Some("a")), None);
        assert_eq!(enter(&book, KEEP, Some("a")), None);
        // A create that was carried out, and a later one in the same process.
        let book = Declared::default();
        assert_eq!(enter(&book, Fate::Create, None), None);
        book.carried_out(OBJECT, Some("a"));
        assert_eq!(enter(&book, KEEP, Some("a")), None);
        assert_eq!(enter(&book, Fate::Delete, Some("a")), None);
        book.carried_out(OBJECT, Some("a"));
        assert_eq!(enter(&book, Fate::Create, None), None);
    }

    #[test]
    fn a_renamed_block_without_moved_is_a_warning() {
        let told = Some((Severity::Warning, "Object Deleted and Created".to_owned()));
        let book = Declared::default();
        assert_eq!(enter(&book, Fate::Delete, Some("a")), None);
        assert!(book.is_going(OBJECT));
        assert_eq!(enter(&book, Fate::Create, None), told);
        assert!(!book.is_going(OBJECT));
        let book = Declared::default();
        assert_eq!(enter(&book, Fate::Create, None), None);
        assert_eq!(enter(&book, Fate::Delete, Some("a")), told);
    }

    #[test]
    fn what_changes_is_known_to_later_plans() {
        let book = Declared::default();
        assert!(!book.is_changing(OBJECT));
        enter(&book, KEEP, Some("a"));
        assert!(!book.is_changing(OBJECT));
        enter(&book, Fate::Keep { changes: true }, Some("a"));
        assert!(book.is_changing(OBJECT));
        let book = Declared::default();
        enter(&book, Fate::Create, None);
        assert!(book.is_changing(OBJECT));
    }
}
