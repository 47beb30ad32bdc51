//! The IngressClass of a gateway: making it, leading it back, letting a renamed one go.
//!
//! Called by create, update and delete. It must never delete a class that Ingresses use.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::model::Gateway;
use super::object::{self, ingress_class};
use super::{AlbGateway, CLASS_UID_FACT, OLD_CLASSES_FACT, Objects, UNUSED_CLASSES_FACT};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::model::Stored;
use crate::framework::path::Path;
use crate::framework::private::Private;
use crate::framework::resource::Applying;
use crate::kubernetes::{Object, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_object::{Fleet, Home, Origin};

impl AlbGateway {
    #[expect(clippy::too_many_arguments, reason = "create and update call it with what they know")]
    pub(super) async fn create_class(
        &self,
        fleet: &Fleet,
        objects: &Objects,
        intent: &Json,
        class: &ObjectRef,
        deadline: Instant,
        cx: &mut Applying<Self>,
        adopt: bool,
    ) -> Result<(Object, Origin), Diagnostics> {
        let described = objects.class(class);
        fleet.create(&described, intent, adopt, deadline, &mut cx.warnings).await.map_err(explain_class)
    }

    /// Brings the IngressClass to where the plan wants it.
    pub(super) async fn update_class(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        state: &Gateway<Stored>,
        objects: &Objects,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let old = super::managed_class(prior).map(|name| object::ingress_class_ref(&name));
        let intent = ingress_class(state);
        let private = cx.private.clone();
        let home = Home::with_uid(prior.fleet_id.as_ref(), &private, CLASS_UID_FACT);
        match (&objects.class, old) {
            (Some(class), Some(old)) if *class == old => {
                let described = objects.class(class);
                let updated = fleet.update(&described, home, &ingress_class(prior), &intent, &[], deadline).await?;
                cx.private.set_fact(CLASS_UID_FACT, updated.object.uid());
            }
            // Refreshed as leading elsewhere: it is ours all the same, so it is led back.
            (Some(class), None) if home.uid.is_some() => {
                let live = fleet.api().get(class).await.map_err(|error| {
                    diagnose::kubernetes_error(&format!("reading {class}"), &error, &|_| Path::root())
                })?;
                let seen = seen_class(&live);
                let updated = fleet.update(&objects.class(class), home, &seen, &intent, &[], deadline).await?;
                cx.private.set_fact(CLASS_UID_FACT, updated.object.uid());
            }
            (Some(class), old) => {
                let adopt = state.adopt == Some(true);
                let (made, _) = self.create_class(fleet, objects, &intent, class, deadline, cx, adopt).await?;
                fleet.claim(&made, &mut cx.private, CLASS_UID_FACT);
                if let (Some(old), Some(uid)) = (old, home.uid) {
                    let mut left = old_classes(&cx.private);
                    left.insert(old.name, uid.to_owned());
                    keep_old_classes(&mut cx.private, &left);
                }
            }
            (None, Some(old)) => {
                cx.private.remove_fact(CLASS_UID_FACT);
                cx.warnings.warn(
                    Path::attribute("manage_ingress_class"),
                    "IngressClass Kept",
                    format!(
                        "{old} is no longer managed by this resource. It was left in place, since Ingresses may use it."
                    ),
                );
            }
            (None, None) => {}
        }
        self.remove_old_classes(fleet, cx, prior, objects, deadline).await
    }

    /// Deletes classes that a rename left behind, once no Ingress uses them. Those that Ingresses of the same configuration
    /// use cannot go yet: core changes the Ingresses only after the gateway.
    async fn remove_old_classes(
        &self,
        fleet: &Fleet,
        cx: &mut Applying<Self>,
        prior: &Gateway<Stored>,
        objects: &Objects,
        deadline: Instant,
    ) -> Result<(), Diagnostics> {
        let mut left = old_classes(&cx.private);
        if let Some(current) = &objects.class {
            left.remove(&current.name);
        }
        for (name, uid) in left.clone() {
            let users = self.users(fleet, std::slice::from_ref(&name)).await?;
            if users.is_empty() {
                let class = object::ingress_class_ref(&name);
                let home = Home { fleet_id: prior.fleet_id.as_deref(), uid: Some(&uid), ..Home::default() };
                fleet.delete(&objects.class(&class), home, deadline, "", &mut cx.warnings).await?;
                left.remove(&name);
            } else {
                cx.warnings.warn(
                    Path::attribute("ingress_class_name"),
                    "Old Ingress Class Kept",
                    format!(
                        "IngressClass {name:?} is still used by {}, and without it the controller ignores every change of \
                         those Ingresses. It is kept; once they use another class, the next apply deletes it.",
                        users.join(", ")
                    ),
                );
            }
        }
        keep_old_classes(&mut cx.private, &left);
        Ok(())
    }
}

impl AlbGateway {
    /// Looks whether a class that a rename left behind can go. Only then is an update planned for it: a class that others
    /// go on using would be a difference in every plan.
    pub(super) async fn find_unused_classes(&self, fleet: &Fleet, private: &mut Private) -> Result<(), Diagnostics> {
        let mut unused = false;
        for name in old_classes(private).into_keys() {
            unused = unused || self.users(fleet, &[name]).await?.is_empty();
        }
        if unused {
            private.set_fact(UNUSED_CLASSES_FACT, "true");
        } else {
            private.remove_fact(UNUSED_CLASSES_FACT);
        }
        Ok(())
    }
}

/// Classes that a rename left behind: UIDs by name.
pub(super) fn old_classes(private: &Private) -> BTreeMap<String, String> {
    private.fact(OLD_CLASSES_FACT).and_then(|fact| serde_json::from_str(fact).ok()).unwrap_or_default()
}

fn keep_old_classes(private: &mut Private, left: &BTreeMap<String, String>) {
    // The next refresh looks for users again.
    private.remove_fact(UNUSED_CLASSES_FACT);
    if left.is_empty() {
        private.remove_fact(OLD_CLASSES_FACT);
    } else {
        private.set_fact(OLD_CLASSES_FACT, json!(left).to_string());
    }
}

/// What the class says now, of the fields that we set.
fn seen_class(live: &Object) -> Json {
    let at = |pointer: &str| live.value().pointer(pointer).cloned().unwrap_or_default();
    json!({"spec": {"controller": at("/spec/controller"), "parameters": {
        "apiGroup": at("/spec/parameters/apiGroup"),
        "kind": at("/spec/parameters/kind"),
        "name": at("/spec/parameters/name"),
    }}})
}

/// An IngressClass that stands in the way has a further way out.
pub(super) fn explain_class(errors: Diagnostics) -> Diagnostics {
    let mut explained = Diagnostics::new();
    for mut diagnostic in errors {
        diagnostic.detail.push_str(
            "\nThe IngressClass is a part of the gateway. If something else keeps it, set manage_ingress_class = false.",
        );
        explained.push(if diagnostic.path.is_some() {
            diagnostic
        } else {
            diagnostic.at(Path::attribute("ingress_class_name"))
        });
    }
    explained
}
