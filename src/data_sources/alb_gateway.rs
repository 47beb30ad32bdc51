//! `ackone_alb_gateway`: a gateway that exists, whoever made it: its AlbConfig, its classes, its published load balancer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cloud_reads::not_empty;
use crate::clients::Clients;
use crate::framework::data_source::DataSource;
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::model::{Field as _, Model as _, Planned, Stored};
use crate::framework::resource::{Context, Resource as _};
use crate::framework::schema::{Attribute, Schema};
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::resources::alb_gateway::{AccessLog, AlbGateway, Listener, ListenerStatus, Reuse, Seen, ZoneMapping, look};

crate::model! {
    /// The data source.
    pub(crate) struct AlbGatewayModel {
        pub(crate) name: String,
        pub(crate) fleet_id: String,
        pub(crate) published: bool,
        pub(crate) load_balancer_id: String,
        pub(crate) dns_name: String,
        pub(crate) listener_status: Vec<P::Of<ListenerStatus<P>>>,
        pub(crate) ingress_class_names: Vec<String>,
        pub(crate) default_ingress_class_name: String,
        pub(crate) remote_clusters: Vec<P::Of<String>>,
        pub(crate) load_balancer_name: String,
        pub(crate) address_type: String,
        pub(crate) address_allocated_mode: String,
        pub(crate) address_ip_version: String,
        pub(crate) ipv6_address_type: String,
        pub(crate) edition: String,
        pub(crate) resource_group_id: String,
        pub(crate) pay_type: String,
        pub(crate) bandwidth_package_id: String,
        pub(crate) access_log: AccessLog<P>,
        pub(crate) reuse: Reuse<P>,
        pub(crate) zone_mappings: Vec<P::Of<ZoneMapping<P>>>,
        pub(crate) listeners: BTreeMap<String, P::Of<Listener<P>>>,
        pub(crate) tags: BTreeMap<String, P::Of<String>>,
        pub(crate) labels: BTreeMap<String, String>,
        pub(crate) annotations: BTreeMap<String, String>,
    }
}

/// Attributes of the resource that are shown here under the same name, each with what it says of a gateway that is there.
const OF_THE_RESOURCE: [(&str, &str); 18] = [
    ("load_balancer_id", "ID of the load balancer, `alb-…`. Null until the controller publishes it."),
    ("dns_name", "DNS name of the load balancer. Null until the controller publishes it."),
    ("listener_status", "Listeners with certificates as the controller published them last."),
    ("remote_clusters", "Member clusters that receive traffic."),
    ("load_balancer_name", "Display name of the load balancer, if the AlbConfig sets one."),
    ("address_type", "`Internet` or `Intranet`; null is `Internet`."),
    ("address_allocated_mode", "`Fixed` or `Dynamic`; null is `Dynamic`."),
    ("address_ip_version", "`IPv4` or `DualStack`; null is `IPv4`."),
    ("ipv6_address_type", "`Intranet` or `Internet`, of a `DualStack` gateway; null is `Intranet`."),
    ("edition", "`Standard` or `StandardWithWaf`; null is `Standard`."),
    ("resource_group_id", "Resource group of the load balancer, if the AlbConfig sets one."),
    ("pay_type", "`PostPay`, if the AlbConfig says so."),
    ("bandwidth_package_id", "Common bandwidth package, if one is bound."),
    ("access_log", "Where requests are logged."),
    ("reuse", "The load balancer that existed before, if the gateway uses one."),
    ("zone_mappings", "vSwitches of the gateway."),
    ("listeners", "Listeners by `<port>/<PROTOCOL>`. What is null has the controller's default."),
    ("tags", "Tags that the AlbConfig gives to the load balancer."),
];

/// The data source.
#[derive(Debug)]
pub(super) struct AlbGatewayData(Arc<Clients>);

impl DataSource for AlbGatewayData {
    const TYPE: &'static str = "ackone_alb_gateway";
    type Config = AlbGatewayModel<Planned>;
    type State = AlbGatewayModel<Stored>;
    type Clients = Clients;

    fn schema() -> Schema {
        let mut resource = AlbGateway::schema().attributes;
        let mut attributes: BTreeMap<&str, Attribute> = own().into_iter().map(|own| (own.name, own)).collect();
        for (name, description) in OF_THE_RESOURCE {
            if let Some(index) = resource.iter().position(|attribute| attribute.name == name) {
                let shown = resource.swap_remove(index).observed();
                attributes.insert(name, Attribute { description: description.into(), ..shown });
            }
        }
        Schema::new(
            "An ALB multi-cluster gateway that exists in the Fleet, whoever made it: what its AlbConfig says, which IngressClasses \
             lead to it, and the load balancer that the controller has published. Needs get and list on `albconfigs` and \
             `ingressclasses` in the Fleet.",
            AlbGatewayModel::<Stored>::FIELDS.iter().filter_map(|name| attributes.remove(name)).collect(),
        )
    }

    fn new(clients: Option<Arc<Clients>>) -> Option<Self> {
        clients.map(Self)
    }

    async fn read(&self, cx: &Context, config: Self::Config, _: &mut Diagnostics) -> Result<Self::State, Diagnostics> {
        let name = config.name.into_known().unwrap_or_default();
        state(name.clone(), &look(&self.0, cx, &name).await?)
    }
}

fn own() -> Vec<Attribute> {
    let text = |name, description: &'static str| Attribute::string(name, description).computed();
    let map = |name, description: &'static str| Attribute::value(name, Type::map(Type::String), description).computed();
    vec![
        Attribute::string("name", "Name of the AlbConfig.").required().check(not_empty),
        text(
            "fleet_id",
            "The Fleet that holds it: the provider's `fleet_id`, else `uid:` and the UID of its `kube-system` namespace.",
        ),
        Attribute::bool("published", "Whether the controller has published a load balancer with a DNS name.")
            .computed(),
        Attribute::value(
            "ingress_class_names",
            Type::list(Type::String),
            "IngressClasses that lead to this gateway, sorted: for `ingress_class_name` of an `ackone_grpc_ingress`.",
        )
        .computed(),
        text(
            "default_ingress_class_name",
            "The one of them that the Fleet gives to Ingresses without a class; null if none is.",
        ),
        map("labels", "Labels of the AlbConfig, whoever set them."),
        map("annotations", "Annotations of the AlbConfig, whoever set them."),
    ]
}

fn state(name: String, seen: &Seen) -> Result<AlbGatewayModel<Stored>, Diagnostics> {
    let shown = seen.attributes();
    let shared = Value::map(OF_THE_RESOURCE.iter().map(|(name, _)| (*name, shown.attr(name))));
    let shared = AlbGatewayModel::<Stored>::from_value(&shared)
        .map_err(|error| Diagnostic::error("Unsuitable Value", error.to_string()).at(error.path))?;
    Ok(AlbGatewayModel {
        name: Some(name),
        fleet_id: Some(seen.fleet_id.clone()),
        published: Some(shared.dns_name.is_some()),
        ingress_class_names: Some(seen.classes.keys().cloned().collect()),
        default_ingress_class_name: seen.classes.iter().find(|(_, default)| **default).map(|(name, _)| name.clone()),
        labels: Some(seen.labels.clone()),
        annotations: Some(seen.annotations.clone()),
        ..shared
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::schema::{Kind, Mode, Nesting};

    #[test]
    fn what_is_shown_of_the_resource_has_its_types_and_is_only_read() {
        fn read_only(attribute: &Attribute) -> bool {
            let inside = match &attribute.kind {
                Kind::Nested(Nesting::Single | Nesting::List | Nesting::Map, inner) => inner.iter().all(read_only),
                Kind::Value(_) => true,
            };
            inside && attribute.mode == Mode::Computed && attribute.default.is_none()
        }
        let (schema, resource) = (AlbGatewayData::schema(), AlbGateway::schema());
        for (name, _) in OF_THE_RESOURCE {
            let shown = schema.attribute(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(Some(shown.ty()), resource.attribute(name).map(Attribute::ty), "{name}");
            assert!(read_only(shown), "{name}");
        }
    }
}
