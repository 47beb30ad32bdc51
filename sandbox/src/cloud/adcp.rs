//! `adcp` 2022-01-01: Fleets and their members. The API says *hub cluster* where users say *Fleet*.
//!
//! Parameters and response fields are those of the public metadata and SDK, odd spellings included. The only error code
//! known for certain is `Cluster.NotFound`; the others are placeholders of the right class.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::kubeconfig::{EndpointKind, IssueError, KubeconfigRequest};
use super::parameters::Parameters;
use super::products::{Context, Operation};
use crate::world::{
    AttachError, DetachError, EmptyLists, Fleet, FleetError, MemberCluster, Membership, NewFleet, State, fresh_id,
};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::rpc("DescribeHubClusters", "", &["Profile", "ResourceGroupId", "Tag"], describe_hub_clusters),
    Operation::rpc("DescribeHubClusterDetails", "ClusterId", &["ClusterId"], describe_hub_cluster_details),
    Operation::rpc(
        "DescribeHubClusterKubeconfig",
        "ClusterId",
        &["ClusterId", "PrivateIpAddress"],
        describe_hub_cluster_kubeconfig,
    ),
    Operation::rpc("DescribeHubClusterLogs", "ClusterId", &["ClusterId"], describe_hub_cluster_logs),
    Operation::rpc(
        "AttachClusterToHub",
        "ClusterId",
        &["ClusterId", "ClusterIds", "AttachToMesh"],
        attach_cluster_to_hub,
    ),
    Operation::rpc(
        "DetachClusterFromHub",
        "ClusterId",
        &["ClusterId", "ClusterIds", "DetachFromMesh"],
        detach_cluster_from_hub,
    ),
    Operation::rpc("DescribeManagedClusters", "ClusterId", &["ClusterId"], describe_managed_clusters),
    Operation { get_only: true, ..Operation::rpc("DescribeRegions", "", &["Language"], describe_regions) },
    Operation::rpc(
        "CreateHubCluster",
        "",
        &[
            "Name",
            "RegionId",
            "VpcId",
            "VSwitches",
            "Profile",
            "ApiServerPublicEip",
            "AuditLogEnabled",
            "IsEnterpriseSecurityGroup",
            "ResourceGroupID",
            "ArgoServerEnabled",
            "PriceLimit",
            "WorkflowScheduleMode",
            "Tag",
        ],
        create_hub_cluster,
    ),
    Operation::rpc("DeleteHubCluster", "ClusterId", &["ClusterId", "Force", "RetainResources"], delete_hub_cluster),
    Operation::rpc(
        "UpdateHubClusterFeature",
        "ClusterId",
        &[
            "ClusterId",
            "GatewayEnabled",
            "Name",
            "DeletionProtection",
            "AuditLogEnabled",
            "EnableMesh",
            "PublicApiServerEnabled",
            "ApiServerEipId",
            "ArgoCDEnabled",
            "ArgoCDHAEnabled",
            "ArgoEventsEnabled",
            "PublicAccessEnabled",
            "AccessControlList",
            "ArgoServerEnabled",
            "MonitorEnabled",
            "PriceLimit",
            "WorkflowScheduleMode",
            "VSwitches",
        ],
        update_hub_cluster_feature,
    ),
];

/// A task id in the documented shape; no operation of the product can query it.
fn task_id() -> String {
    fresh_id("T-", 24)
}

fn not_found(id: &str) -> ApiError {
    ApiError::new(404, "Cluster.NotFound", format!("The specified cluster {id} does not exist."))
}

fn fleet<'a>(state: &'a State, id: &str) -> Result<&'a Fleet, ApiError> {
    state.fleets.get(id).ok_or_else(|| not_found(id))
}

/// Puts a list into an answer, or leaves an empty one out if the world is set so.
fn put_list(answer: &mut Map<String, Value>, key: &str, list: Vec<Value>, state: &State) {
    if !list.is_empty() || state.behaviour.empty_lists == EmptyLists::Present {
        answer.insert(key.to_owned(), Value::Array(list));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

fn describe_hub_clusters(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let profile = parameters.optional("Profile").unwrap_or("Default");
    let tags: Vec<Tag> = parameters.json("Tag")?.unwrap_or_default();
    let group = parameters.optional("ResourceGroupId");
    Ok(cx.world.read(|state, _| {
        let fits = |fleet: &&Fleet| {
            fleet.profile == profile
                && group.is_none_or(|group| group == fleet.resource_group_id)
                && tags.iter().all(|tag| fleet.tags.get(&tag.key) == Some(&tag.value))
        };
        let list = state.fleets.values().filter(fits).map(|fleet| describe(fleet, &state.region, false)).collect();
        let mut answer = Map::new();
        put_list(&mut answer, "Clusters", list, state);
        Value::Object(answer)
    }))
}

fn describe_hub_cluster_details(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    cx.world.read(|state, _| Ok(json!({"Cluster": describe(fleet(state, id)?, &state.region, true)})))
}

fn describe(fleet: &Fleet, region: &str, details: bool) -> Value {
    let features = &fleet.features;
    let tags: Vec<Value> = fleet.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let mut info = json!({
        "ClusterId": fleet.cluster_id, "Name": fleet.name, "Profile": fleet.profile, "RegionId": region,
        "State": fleet.state, "ClusterSpec": "ack.pro.small", "Version": "1.33.3-aliyun.1",
        "CreationTime": fleet.created.to_string(), "UpdateTime": fleet.updated.to_string(),
        "ErrorMessage": fleet.error_message, "ResourceGroupID": fleet.resource_group_id, "Tags": tags,
    });
    let mut network = json!({
        "VpcId": fleet.vpc_id, "VSwitches": fleet.vswitches, "SecurityGroupIDs": fleet.security_group_ids,
        "ClusterDomain": "cluster.local",
    });
    let mut cluster = Map::new();
    if details {
        let gitops = features.argocd.map(|enabled| {
            json!({"GitOps": {"Enabled": enabled, "HAEnabled": features.argocd_ha,
                   "PublicAccessEnabled": features.argocd_public, "AccessControlList": features.access_control_list}})
        });
        if let Some(object) = info.as_object_mut() {
            object.insert("MetaData".to_owned(), json!({"ACKOne": gitops.unwrap_or_else(|| json!({}))}));
        }
        if let Some(object) = network.as_object_mut() {
            object.insert("IPStack".to_owned(), Value::from("ipv4"));
        }
    }
    let protection = if features.deletion_protection { "True" } else { "False" };
    let mut endpoints = json!({"IntranetApiServerEndpoint": "https://10.0.1.10:6443"});
    if let (true, Some(object)) = (features.public_api_server, endpoints.as_object_mut()) {
        // Addresses of the documentation range: a client reaches the Fleet by its kubeconfig, never by these.
        object.insert("PublicApiServerEndpoint".to_owned(), Value::from("https://203.0.113.5:6443"));
    }
    cluster.insert("ClusterInfo".to_owned(), info);
    cluster.insert("Network".to_owned(), network);
    cluster.insert(
        "ApiServer".to_owned(),
        json!({"EnabledPublic": features.public_api_server, "LoadBalancerId": "lb-sandbox", "ApiServerEipId": ""}),
    );
    cluster.insert("Endpoints".to_owned(), endpoints);
    cluster.insert(
        "LogConfig".to_owned(),
        json!({"EnableLog": features.audit_log, "LogProject": "", "LogStoreTTL": "30"}),
    );
    cluster.insert("MeshConfig".to_owned(), json!({"EnableMesh": features.mesh, "MeshId": ""}));
    let condition = json!({"Type": "DeletionProtection", "Status": protection, "Reason": "", "Message": ""});
    cluster.insert("Conditions".to_owned(), json!([condition]));
    if details {
        cluster.insert("WorkflowConfig".to_owned(), json!({}));
    }
    Value::Object(cluster)
}

fn describe_hub_cluster_kubeconfig(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    let private = parameters.flag("PrivateIpAddress")?.unwrap_or(false);
    let has_public = cx.world.read(|state, _| Ok::<_, ApiError>(fleet(state, id)?.features.public_api_server))?;
    if !private && !has_public {
        // What the service answers is not public; that it answers no usable kubeconfig is.
        let message = format!("The hub cluster {id} has no public API server endpoint.");
        return Err(ApiError::new(400, "PublicEndpointNotFound", message));
    }
    let request = KubeconfigRequest {
        fleet_id: id.to_owned(),
        user: cx.caller.principal_id.clone(),
        groups: cx.caller.kubernetes_groups.clone(),
        endpoint: if private { EndpointKind::Private } else { EndpointKind::Public },
    };
    let issued = match cx.issuer {
        Some(issuer) => issuer.issue(&request),
        None => Err(IssueError::NotServed(id.to_owned())),
    };
    let kubeconfig = issued.map_err(|error| ApiError::new(500, "InternalError", error.to_string()))?;
    Ok(json!({"Kubeconfig": kubeconfig}))
}

fn describe_hub_cluster_logs(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    cx.world.read(|state, _| {
        let fleet = fleet(state, id)?;
        let line = |level: &str, text: &str| {
            json!({"ClusterId": id, "ClusterLog": text, "CreationTime": fleet.updated.to_string(), "LogLevel": level})
        };
        let mut logs = vec![line("info", "hub cluster accepted")];
        if !fleet.error_message.is_empty() {
            logs.push(line("error", &fleet.error_message));
        }
        Ok(json!({"Logs": logs}))
    })
}

fn member_ids(parameters: &Parameters) -> Result<Vec<String>, ApiError> {
    parameters.required("ClusterIds")?;
    let ids: Vec<String> = parameters.json("ClusterIds")?.unwrap_or_default();
    if ids.is_empty() {
        return Err(ApiError::invalid("ClusterIds", "the list is empty."));
    }
    Ok(ids)
}

fn accepted(fleet_id: &str, members: &[String]) -> Value {
    json!({"ClusterId": fleet_id, "ManagedClusterIds": members, "TaskId": task_id()})
}

fn attach_cluster_to_hub(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    let members = member_ids(parameters)?;
    let mesh = parameters.flag("AttachToMesh")?.unwrap_or(false);
    cx.world.write(|state, now| state.attach(id, &members, mesh, now)).map_err(attach_refused)?;
    Ok(accepted(id, &members))
}

fn attach_refused(error: AttachError) -> ApiError {
    let (status, code) = match &error {
        AttachError::FleetNotFound(id) => return not_found(id),
        AttachError::ClusterNotFound(_) => (404, "ErrorClusterNotFound"),
        AttachError::FleetNotRunning(_) | AttachError::ClusterNotRunning { .. } => (400, "ErrorClusterState"),
        AttachError::AlreadyAssociated { .. } => (400, "ClusterAlreadyAssociated"),
        AttachError::OtherVpc { .. } => (400, "ClusterVpcMismatch"),
    };
    ApiError::new(status, code, error.to_string())
}

fn detach_cluster_from_hub(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    let members = member_ids(parameters)?;
    let mesh_only = parameters.flag("DetachFromMesh")?.unwrap_or(false);
    cx.world.write(|state, now| state.detach(id, &members, mesh_only, now)).map_err(|error| match &error {
        DetachError::FleetNotFound(id) => not_found(id),
        DetachError::NotAssociated { .. } => ApiError::new(400, "ClusterNotAssociated", error.to_string()),
    })?;
    Ok(accepted(id, &members))
}

fn describe_managed_clusters(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    cx.world.read(|state, _| {
        let list = fleet(state, id)?
            .memberships
            .values()
            .filter(|membership| membership.is_listed())
            .filter_map(|membership| Some(describe_member(membership, state.clusters.get(&membership.cluster_id)?)))
            .collect();
        let mut answer = Map::new();
        put_list(&mut answer, "Clusters", list, state);
        Ok(Value::Object(answer))
    })
}

fn describe_member(membership: &Membership, cluster: &MemberCluster) -> Value {
    json!({
        "Cluster": {
            "Name": cluster.name, "ClusterID": cluster.cluster_id, "Region": cluster.region, "State": cluster.state,
            "ClusterType": "ManagedKubernetes", "Created": cluster.created.to_string(),
            "Updated": cluster.created.to_string(), "InitVersion": "1.33.3-aliyun.1",
            "CurrentVersion": "1.33.3-aliyun.1", "ResourceGroupId": "", "VpcID": cluster.vpc_id,
            "VSwitchID": cluster.vswitch_ids.first().cloned().unwrap_or_default(), "Profile": "Default",
            "ClusterSpec": "ack.pro.small",
        },
        "Status": {"State": membership.state, "Message": membership.message},
        "MeshStatus": {"InMesh": membership.in_mesh},
    })
}

fn describe_regions(cx: &Context<'_>, _: &Parameters) -> Result<Value, ApiError> {
    Ok(cx.world.read(|state, _| {
        let regions: Vec<Value> =
            state.regions.iter().map(|(id, name)| json!({"RegionId": id, "LocalName": name})).collect();
        json!({"Regions": regions})
    }))
}

fn create_hub_cluster(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let region = parameters.required("RegionId")?;
    let vpc_id = parameters.required("VpcId")?.to_owned();
    parameters.required("VSwitches")?;
    let vswitches: Vec<String> = parameters.json("VSwitches")?.unwrap_or_default();
    let profile = parameters.optional("Profile").unwrap_or("Default").to_owned();
    if !matches!(profile.as_str(), "Default" | "XFlow") {
        return Err(ApiError::invalid("Profile", "it is neither Default nor XFlow."));
    }
    let name = parameters.optional("Name").unwrap_or_default().to_owned();
    check_name(&name)?;
    let tags: Vec<Tag> = parameters.json("Tag")?.unwrap_or_default();
    if tags.len() > 20 {
        return Err(ApiError::invalid("Tag", "there are more than 20."));
    }
    let new = NewFleet {
        name,
        profile,
        vpc_id,
        vswitches,
        resource_group_id: parameters.optional("ResourceGroupID").unwrap_or_default().to_owned(),
        tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect::<BTreeMap<_, _>>(),
        public_api_server: parameters.flag("ApiServerPublicEip")?.unwrap_or(false),
        audit_log: parameters.flag("AuditLogEnabled")?.unwrap_or(false),
    };
    if cx.world.read(|state, _| state.region != region) {
        return Err(ApiError::invalid("RegionId", "it is not the region of this endpoint."));
    }
    let id = cx.world.write(|state, now| state.create_fleet(new, now)).map_err(fleet_refused)?;
    Ok(json!({"ClusterId": id, "TaskId": task_id()}))
}

/// 1 to 63 characters, a letter first, then letters, digits, `_` and `-` (documented for the update).
fn check_name(name: &str) -> Result<(), ApiError> {
    let first = name.chars().next();
    let fits = name.len() <= 63 && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match first {
        None => Ok(()),
        Some(first) if first.is_alphabetic() && fits => Ok(()),
        Some(_) => Err(ApiError::invalid("Name", "1 to 63 letters, digits, '_' and '-', a letter first.")),
    }
}

fn fleet_refused(error: FleetError) -> ApiError {
    let (status, code) = match &error {
        FleetError::NotFound(id) => return not_found(id),
        FleetError::VpcNotFound(_) => (404, "InvalidVpcID.NotFound"),
        FleetError::VSwitchNotFound(_) => (404, "InvalidVSwitchId.NotFound"),
        FleetError::Protected(_) => (400, "DeletionProtected"),
        FleetError::ArgoCdEnabled(_) | FleetError::HasMembers(_) => (400, "OperationDenied"),
    };
    ApiError::new(status, code, error.to_string())
}

fn delete_hub_cluster(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    let force = parameters.flag("Force")?.unwrap_or(false);
    parameters.json::<Vec<String>>("RetainResources")?;
    cx.world.write(|state, now| state.delete_fleet(id, force, now)).map_err(fleet_refused)?;
    Ok(json!({"ClusterId": id, "TaskId": task_id()}))
}

fn update_hub_cluster_feature(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    let name = parameters.optional("Name").unwrap_or_default();
    check_name(name)?;
    let flag = |name| parameters.flag(name);
    let (gateway, protection, audit) = (flag("GatewayEnabled")?, flag("DeletionProtection")?, flag("AuditLogEnabled")?);
    let (mesh, public_api) = (flag("EnableMesh")?, flag("PublicApiServerEnabled")?);
    let (argocd, argocd_ha, argocd_public) =
        (flag("ArgoCDEnabled")?, flag("ArgoCDHAEnabled")?, flag("PublicAccessEnabled")?);
    let acl: Option<Vec<String>> = parameters.json("AccessControlList")?;
    let vswitches: Option<Vec<String>> = parameters.json("VSwitches")?;
    cx.world.write(|state, now| {
        if let Some(stray) = vswitches.iter().flatten().find(|id| !state.vswitches.contains_key(*id)) {
            return Err(fleet_refused(FleetError::VSwitchNotFound(stray.clone())));
        }
        let fleet = state.fleets.get_mut(id).ok_or_else(|| not_found(id))?;
        let features = &mut fleet.features;
        for (asked, stored) in [
            (gateway, &mut features.gateway),
            (protection, &mut features.deletion_protection),
            (audit, &mut features.audit_log),
            (mesh, &mut features.mesh),
            (public_api, &mut features.public_api_server),
            (argocd_ha, &mut features.argocd_ha),
            (argocd_public, &mut features.argocd_public),
        ] {
            *stored = asked.unwrap_or(*stored);
        }
        features.argocd = argocd.or(features.argocd);
        if let Some(acl) = acl {
            features.access_control_list = acl;
        }
        if !name.is_empty() {
            name.clone_into(&mut fleet.name);
        }
        if let Some(vswitches) = vswitches {
            fleet.vswitches = vswitches;
        }
        fleet.updated = now;
        Ok(json!({}))
    })
}
