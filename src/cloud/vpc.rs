//! VPCs, version 2016-04-28: the vSwitches a gateway may stand in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::{VSwitchId, VpcId, ZoneId},
    lenient::{non_empty, or_default},
    request::{ApiRequest, Product},
};

/// Largest page `DescribeVSwitches` gives.
const PAGE_SIZE: u64 = 50;

/// Pages after which a list that never ends is given up: 50,000 vSwitches, far above any quota.
const MAX_PAGES: u64 = 1_000;

/// Which vSwitches to list. The API wants a VPC or a region; the region is always sent if one is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VSwitchFilter {
    /// Of this VPC.
    pub vpc_id: Option<VpcId>,
    /// This one. An unknown id gives an empty list, not an error.
    pub vswitch_id: Option<VSwitchId>,
    /// In this zone.
    pub zone_id: Option<ZoneId>,
    /// Of this name.
    pub name: Option<String>,
    /// In this resource group.
    pub resource_group_id: Option<String>,
    /// With all of these tags.
    pub tags: BTreeMap<String, String>,
}

/// A subnet of a VPC in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VSwitch {
    /// Its id.
    #[serde(rename = "VSwitchId")]
    pub id: VSwitchId,
    /// Its name.
    #[serde(rename = "VSwitchName", default, deserialize_with = "or_default")]
    pub name: String,
    /// Its VPC.
    #[serde(default, deserialize_with = "or_default")]
    pub vpc_id: VpcId,
    /// Its zone.
    #[serde(default, deserialize_with = "or_default")]
    pub zone_id: ZoneId,
    /// Its IPv4 range.
    #[serde(default, deserialize_with = "or_default")]
    pub cidr_block: String,
    /// Its IPv6 range, if it has one.
    #[serde(default, deserialize_with = "non_empty")]
    pub ipv6_cidr_block: Option<String>,
    /// `Pending` or `Available`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// How many addresses are free.
    #[serde(default, deserialize_with = "or_default")]
    pub available_ip_address_count: u64,
    /// Whether it is the zone's default vSwitch.
    #[serde(default, deserialize_with = "or_default")]
    pub is_default: bool,
    /// What its owner says of it.
    #[serde(default, deserialize_with = "non_empty")]
    pub description: Option<String>,
    /// Its resource group.
    #[serde(default, deserialize_with = "non_empty")]
    pub resource_group_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    tags: WrappedTags,
}

impl VSwitch {
    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.tags.items.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct WrappedTags {
    #[serde(rename = "Tag", deserialize_with = "or_default")]
    items: Vec<Tag>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Tag {
    #[serde(deserialize_with = "or_default")]
    key: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Page {
    #[serde(rename = "VSwitches", deserialize_with = "or_default")]
    vswitches: Wrapped,
    #[serde(deserialize_with = "or_default")]
    total_count: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Wrapped {
    #[serde(rename = "VSwitch", deserialize_with = "or_default")]
    items: Vec<VSwitch>,
}

impl CloudClient {
    /// `DescribeVSwitches`, all pages.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn describe_vswitches(
        &self,
        filter: &VSwitchFilter,
        context: &CallContext,
    ) -> Result<Vec<VSwitch>, CloudError> {
        let tags: Vec<_> = filter.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        let mut found: Vec<VSwitch> = Vec::new();
        for page in 1..=MAX_PAGES {
            let request = ApiRequest::rpc(Product::Vpc, "DescribeVSwitches")
                .query("RegionId", self.endpoints().region.as_ref().map(ToString::to_string))
                .query("VpcId", filter.vpc_id.as_ref().map(ToString::to_string))
                .query("VSwitchId", filter.vswitch_id.as_ref().map(ToString::to_string))
                .query("ZoneId", filter.zone_id.as_ref().map(ToString::to_string))
                .query("VSwitchName", filter.name.as_deref())
                .query("ResourceGroupId", filter.resource_group_id.as_deref())
                .query("Tag", tags.clone())
                .query("PageNumber", page)
                .query("PageSize", PAGE_SIZE);
            let answer: Answer<Page> = self.call(&request, context).await?;
            let items = answer.body.vswitches.items;
            let last = items.is_empty();
            found.extend(items);
            if last || u64::try_from(found.len()).unwrap_or(u64::MAX) >= answer.body.total_count {
                break;
            }
        }
        Ok(found)
    }
}
