//! `cs` 2015-12-15: the member clusters themselves. A ROA product: snake case, no request id in the body.

use serde_json::{Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};
use crate::world::{MemberCluster, State};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::roa(
        "DescribeClusterDetail",
        ("GET", "/clusters/{ClusterId}"),
        "ClusterId",
        &["ClusterId"],
        describe_cluster_detail,
    ),
    Operation::roa(
        "DescribeClustersV1",
        ("GET", "/api/v1/clusters"),
        "cluster_id",
        &["cluster_id", "cluster_spec", "cluster_type", "name", "page_number", "page_size", "profile", "region_id"],
        describe_clusters_v1,
    ),
];

fn describe_cluster_detail(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("ClusterId")?;
    cx.world.read(|state, _| {
        if let Some(cluster) = state.clusters.get(id) {
            return Ok(describe(cluster, true));
        }
        describe_fleet(state, id).ok_or_else(|| {
            ApiError::new(404, "ErrorClusterNotFound", format!("The specified cluster {id} does not exist."))
        })
    })
}

/// A Fleet is an ACK cluster of its own and answers here too, with as much as the sandbox knows of it.
fn describe_fleet(state: &State, id: &str) -> Option<Value> {
    let fleet = state.fleets.get(id)?;
    Some(json!({
        "cluster_id": fleet.cluster_id, "name": fleet.name, "state": fleet.state, "region_id": state.region,
        "cluster_type": "ManagedKubernetes", "profile": "Default", "vpc_id": fleet.vpc_id,
        "vswitch_ids": fleet.vswitches, "security_group_id": fleet.security_group_ids.first(),
    }))
}

fn describe(cluster: &MemberCluster, detail: bool) -> Value {
    let created = cluster.created.to_string();
    let mut answer = json!({
        "cluster_id": cluster.cluster_id, "name": cluster.name, "state": cluster.state, "region_id": cluster.region,
        "zone_id": cluster.zone_id, "cluster_type": "ManagedKubernetes", "cluster_spec": "ack.pro.small",
        "profile": "Default", "current_version": "1.33.3-aliyun.1", "init_version": "1.33.3-aliyun.1",
        "next_version": "", "created": created, "updated": created, "vpc_id": cluster.vpc_id,
        "vswitch_id": cluster.vswitch_ids.join(","), "vswitch_ids": cluster.vswitch_ids,
        "security_group_id": cluster.security_group_id, "service_cidr": "192.168.0.0/16", "container_cidr": "",
        "subnet_cidr": "", "ip_stack": "ipv4", "network_mode": "vpc", "proxy_mode": "ipvs",
        "cluster_domain": "cluster.local", "private_zone": false, "deletion_protection": false,
        "external_loadbalancer_id": "", "resource_group_id": "", "size": 3, "timezone": "Asia/Shanghai",
        "worker_ram_role_name": "KubernetesWorkerRole-sandbox", "docker_version": "",
        "master_url": "{\"api_server_endpoint\":\"\",\"intranet_api_server_endpoint\":\"https://10.0.1.20:6443\"}",
        "meta_data": "{}", "tags": [],
    });
    if let (true, Some(object)) = (detail, answer.as_object_mut()) {
        object.insert("node_cidr_mask".to_owned(), Value::from("24"));
        object.insert("parameters".to_owned(), json!({}));
    }
    answer
}

fn describe_clusters_v1(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let number = parameters.number("page_number", 1, usize::MAX)?.unwrap_or(1);
    let size = parameters.number("page_size", 1, 100)?.unwrap_or(10);
    let is = |name: &str, value: &str| parameters.optional(name).is_none_or(|wanted| wanted == value);
    Ok(cx.world.read(|state, _| {
        let all: Vec<Value> = state
            .clusters
            .values()
            .filter(|c| is("cluster_id", &c.cluster_id) && is("region_id", &c.region))
            .filter(|_| is("cluster_spec", "ack.pro.small") && is("cluster_type", "ManagedKubernetes"))
            .filter(|_| is("profile", "Default"))
            .filter(|c| parameters.optional("name").is_none_or(|part| c.name.contains(part)))
            .map(|c| describe(c, false))
            .collect();
        let total = all.len();
        let rows: Vec<Value> = all.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
        json!({"clusters": rows, "page_info": {"page_number": number, "page_size": size, "total_count": total}})
    }))
}
