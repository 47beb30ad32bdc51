//! `vpc` 2016-04-28: networks and vSwitches, read only. Lists are wrapped (`VSwitches.VSwitch`) and paged by number.

use serde_json::{Value, json};

use super::error::ApiError;
use super::parameters::Parameters;
use super::products::{Context, Operation};
use crate::world::{State, VSwitch};

/// Page size without a parameter, and the largest one (public documentation).
const PAGE: (usize, usize) = (10, 50);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation::rpc(
        "DescribeVSwitches",
        "VSwitchId",
        &[
            "VSwitchId",
            "VpcId",
            "VSwitchName",
            "ZoneId",
            "IsDefault",
            "ResourceGroupId",
            "RouteTableId",
            "Tag.",
            "EnableIpv6",
            "VSwitchOwnerId",
            "DryRun",
            "PageNumber",
            "PageSize",
        ],
        describe_vswitches,
    ),
    Operation::rpc("DescribeVSwitchAttributes", "VSwitchId", &["VSwitchId", "DryRun"], describe_vswitch_attributes),
    Operation::rpc(
        "DescribeVpcs",
        "VpcId",
        &[
            "VpcId",
            "VpcName",
            "IsDefault",
            "ResourceGroupId",
            "Tag.",
            "DhcpOptionsSetId",
            "EnableIpv6",
            "VpcOwnerId",
            "DryRun",
            "PageNumber",
            "PageSize",
        ],
        describe_vpcs,
    ),
];

/// Whether the calling region is the one everything lies in; an unknown region is an error.
fn here(state: &State, parameters: &Parameters) -> Result<bool, ApiError> {
    match parameters.optional("RegionId") {
        None => Ok(true),
        Some(region) if state.regions.contains_key(region) || state.region == region => Ok(region == state.region),
        Some(_) => Err(ApiError::new(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")),
    }
}

fn dry_run(parameters: &Parameters) -> Result<(), ApiError> {
    if parameters.flag("DryRun")? == Some(true) {
        let message = "Request validation has been passed with DryRun flag set.";
        return Err(ApiError::new(400, "DryRunOperation", message));
    }
    Ok(())
}

/// Whether the filters leave objects without tags, defaults, groups and IPv6: the only kind there is.
fn only_plain(parameters: &Parameters) -> Result<bool, ApiError> {
    let is_set = |name| parameters.optional(name).is_some();
    Ok(parameters.tags().is_empty()
        && !is_set("ResourceGroupId")
        && parameters.flag("IsDefault")? != Some(true)
        && parameters.flag("EnableIpv6")? != Some(true))
}

/// One page of a list, with the numbers that go beside it.
fn page(all: Vec<Value>, outer: &str, inner: &str, parameters: &Parameters) -> Result<Value, ApiError> {
    let number = parameters.number("PageNumber", 1, usize::MAX)?.unwrap_or(1);
    let size = parameters.number("PageSize", 1, PAGE.1)?.unwrap_or(PAGE.0);
    let total = all.len();
    let rows: Vec<Value> = all.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    Ok(json!({outer: {inner: rows}, "TotalCount": total, "PageNumber": number, "PageSize": size}))
}

fn describe_vswitches(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    if parameters.optional("RegionId").is_none() && parameters.optional("VpcId").is_none() {
        return Err(ApiError::missing("RegionId"));
    }
    let is = |name: &str, value: &str| parameters.optional(name).is_none_or(|wanted| wanted == value);
    let plain = only_plain(parameters)?;
    let found = cx.world.read(|state, _| {
        let here = here(state, parameters)?;
        let list = state
            .vswitches
            .values()
            .filter(|v| here && plain && is("VpcId", &v.vpc_id) && is("VSwitchId", &v.vswitch_id))
            .filter(|v| is("VSwitchName", &v.name) && is("ZoneId", &v.zone_id))
            .map(|v| describe(v, state))
            .collect::<Vec<_>>();
        Ok::<_, ApiError>(list)
    })?;
    let answer = page(found, "VSwitches", "VSwitch", parameters)?;
    dry_run(parameters)?;
    Ok(answer)
}

fn describe_vswitch_attributes(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    let id = parameters.required("VSwitchId")?;
    let found = cx.world.read(|state, _| {
        let here = here(state, parameters)?;
        let vswitch = state.vswitches.get(id).filter(|_| here).ok_or_else(|| {
            ApiError::new(400, "InvalidVSwitchId.NotFound", "Specified value of VSwitchId is not found in our record.")
        })?;
        Ok::<_, ApiError>(describe(vswitch, state))
    })?;
    dry_run(parameters)?;
    Ok(found)
}

fn describe(vswitch: &VSwitch, state: &State) -> Value {
    json!({
        "VSwitchId": vswitch.vswitch_id, "VSwitchName": vswitch.name, "VpcId": vswitch.vpc_id,
        "ZoneId": vswitch.zone_id, "CidrBlock": vswitch.cidr_block, "Ipv6CidrBlock": "", "EnabledIpv6": false,
        "Status": "Available", "AvailableIpAddressCount": 249, "CreationTime": "2024-01-01T00:00:00Z",
        "Description": "", "IsDefault": false, "NetworkAclId": "", "OwnerId": owner(state), "ResourceGroupId": "",
        "ShareType": "", "RouteTable": {"RouteTableId": "vtb-sandbox", "RouteTableType": "System"}, "Tags": {"Tag": []},
    })
}

/// The account as a number: it exceeds 2^53, which clients must survive.
fn owner(state: &State) -> u64 {
    state.account_id.parse().unwrap_or_default()
}

fn describe_vpcs(cx: &Context<'_>, parameters: &Parameters) -> Result<Value, ApiError> {
    parameters.required("RegionId")?;
    let ids: Option<Vec<&str>> = parameters.optional("VpcId").map(|ids| ids.split(',').collect());
    if ids.as_ref().is_some_and(|ids| ids.len() > 20) {
        return Err(ApiError::invalid("VpcId", "there are more than 20."));
    }
    let name = parameters.optional("VpcName");
    let plain = only_plain(parameters)?;
    let found = cx.world.read(|state, _| {
        let here = here(state, parameters)?;
        let list = state
            .vpcs
            .values()
            .filter(|vpc| here && plain && ids.as_ref().is_none_or(|ids| ids.contains(&vpc.vpc_id.as_str())))
            .filter(|vpc| name.is_none_or(|name| name == vpc.name))
            .map(|vpc| {
                let vswitches: Vec<&String> =
                    state.vswitches.values().filter(|v| v.vpc_id == vpc.vpc_id).map(|v| &v.vswitch_id).collect();
                json!({
                    "VpcId": vpc.vpc_id, "VpcName": vpc.name, "RegionId": state.region, "CidrBlock": vpc.cidr_block,
                    "SecondaryCidrBlocks": {"SecondaryCidrBlock": []}, "UserCidrs": {"UserCidr": []},
                    "Ipv6CidrBlock": "", "EnabledIpv6": false, "Status": "Available",
                    "CreationTime": "2024-01-01T00:00:00Z", "Description": "", "IsDefault": false,
                    "VRouterId": "vrt-sandbox", "VSwitchIds": {"VSwitchId": vswitches}, "OwnerId": owner(state),
                    "ResourceGroupId": "", "Tags": {"Tag": []},
                })
            })
            .collect::<Vec<_>>();
        Ok::<_, ApiError>(list)
    })?;
    let answer = page(found, "Vpcs", "Vpc", parameters)?;
    dry_run(parameters)?;
    Ok(answer)
}
