//! A gateway as it is now, for those who only look: whoever made it, and whether or not it is managed by Terraform.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::Gateway;
use super::object::{self, is_default_class};
use super::observe::leads_to;
use crate::clients::Clients;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Field, Stored};
use crate::framework::path::Path;
use crate::framework::resource::Context;
use crate::framework::value::Value;
use crate::kubernetes::{Kind, ObjectRef};
use crate::resources::diagnose;
use crate::resources::kubernetes_attributes::metadata_map;
use crate::resources::kubernetes_object::Fleet;

/// What there is to see of a gateway.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// The Fleet that holds it.
    pub(crate) fleet_id: String,
    /// Labels of the AlbConfig.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations of the AlbConfig.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The IngressClasses that lead to it, and whether each is the Fleet's default.
    pub(crate) classes: BTreeMap<String, bool>,
    gateway: Gateway<Stored>,
}

impl Seen {
    /// The attributes of the resource, as far as the live object alone decides them.
    pub(crate) fn attributes(&self) -> Value {
        self.gateway.to_value()
    }
}

/// Looks at the gateway of a name.
///
/// # Errors
/// If there is none, or it cannot be read.
pub(crate) async fn look(clients: &Arc<Clients>, cx: &Context, name: &str) -> Result<Seen, Diagnostics> {
    let fleet = Fleet::of(clients, cx)?;
    let object = ObjectRef::cluster(Kind::ALB_CONFIG, name);
    let live = match fleet.look(&object).await {
        Ok(live) => live,
        Err(error) if error.is_not_found() => return Err(not_found(name).into()),
        Err(error) => {
            return Err(diagnose::kubernetes_error(&format!("reading {object}"), &error, &|_| Path::root()));
        }
    };
    let mut classes = BTreeMap::new();
    fleet
        .visit(Kind::INGRESS_CLASS, &mut |class| {
            if leads_to(&class, name) {
                classes.insert(class.name().to_owned(), is_default_class(&class) == Some(true));
            }
        })
        .await
        .map_err(|error| {
            diagnose::kubernetes_error("looking for the IngressClasses of the gateway", &error, &|_| Path::root())
        })?;
    Ok(Seen {
        fleet_id: fleet.id().await?,
        labels: metadata_map(live.value(), "labels"),
        annotations: metadata_map(live.value(), "annotations"),
        classes,
        gateway: object::observe(&live),
    })
}

fn not_found(name: &str) -> Diagnostic {
    Diagnostic::error(
        "Gateway Not Found",
        format!(
            "There is no AlbConfig {name:?} in the Fleet. Check the name (kubectl get albconfig lists all), and that the provider \
             points to the right Fleet. If the same run makes the gateway, take its name from that resource, so that it is read \
             afterwards."
        ),
    )
    .at(Path::attribute("name"))
}
