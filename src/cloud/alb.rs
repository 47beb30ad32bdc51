//! Load balancers, version 2020-06-16, read only: the controller in the Fleet owns them.
//!
//! Facts: the official SDK's models. Lists are paged by `MaxResults` (at most 100) and `NextToken`.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{
    cancel::CallContext,
    client::{Answer, CloudClient},
    error::CloudError,
    id::VpcId,
    lenient::or_default,
    request::{ApiRequest, Product},
};

/// Largest page a list gives.
const PAGE_SIZE: u64 = 100;

/// Pages after which a list is given up: 5,000 objects, above the quota of server groups in a region.
const MAX_PAGES: u32 = 50;

/// A listener of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AlbListener {
    /// Its port, 1 to 65535.
    #[serde(rename = "ListenerPort", deserialize_with = "or_default")]
    pub port: u64,
    /// `HTTP`, `HTTPS` or `QUIC`.
    #[serde(rename = "ListenerProtocol", deserialize_with = "or_default")]
    pub protocol: String,
}

/// A server group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AlbServerGroup {
    /// Its id.
    #[serde(rename = "ServerGroupId", deserialize_with = "or_default")]
    pub id: String,
    /// How many servers it has.
    #[serde(deserialize_with = "or_default")]
    pub server_count: u64,
    /// The load balancers whose rules lead to it.
    #[serde(deserialize_with = "or_default")]
    pub related_load_balancer_ids: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Listeners {
    #[serde(deserialize_with = "or_default")]
    listeners: Vec<AlbListener>,
    #[serde(deserialize_with = "or_default")]
    next_token: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct ServerGroups {
    #[serde(deserialize_with = "or_default")]
    server_groups: Vec<AlbServerGroup>,
    #[serde(deserialize_with = "or_default")]
    next_token: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Anything {}

impl CloudClient {
    /// `ListLoadBalancers` with a page of one, whose answer nobody looks at: whether the API answers at all.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`]. What an account gets that has not activated the service is not documented.
    pub async fn probe_alb(&self, context: &CallContext) -> Result<(), CloudError> {
        let request = ApiRequest::rpc(Product::Alb, "ListLoadBalancers").query("MaxResults", 1_u64);
        let _: Answer<Anything> = self.call(&request, context).await?;
        Ok(())
    }

    /// `ListListeners` of one load balancer, all pages; empty if there is no such load balancer.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn alb_listeners(
        &self,
        load_balancer: &str,
        context: &CallContext,
    ) -> Result<Vec<AlbListener>, CloudError> {
        let request = || {
            ApiRequest::rpc(Product::Alb, "ListListeners")
                .query("LoadBalancerIds", vec![serde_json::Value::from(load_balancer)])
        };
        self.alb_pages(request, |page: Listeners| (page.listeners, page.next_token), context).await
    }

    /// `ListServerGroups` of one VPC, all pages.
    ///
    /// # Errors
    ///
    /// See [`CloudClient::call`].
    pub async fn alb_server_groups(
        &self,
        vpc: &VpcId,
        context: &CallContext,
    ) -> Result<Vec<AlbServerGroup>, CloudError> {
        let request = || ApiRequest::rpc(Product::Alb, "ListServerGroups").query("VpcId", vpc.as_str());
        self.alb_pages(request, |page: ServerGroups| (page.server_groups, page.next_token), context).await
    }

    async fn alb_pages<P: DeserializeOwned, T>(
        &self,
        request: impl Fn() -> ApiRequest,
        open: impl Fn(P) -> (Vec<T>, String),
        context: &CallContext,
    ) -> Result<Vec<T>, CloudError> {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = request().query("MaxResults", PAGE_SIZE).query("NextToken", next.as_deref());
            let answer: Answer<P> = self.call(&request, context).await?;
            let (items, token) = open(answer.body);
            found.extend(items);
            if token.is_empty() {
                break;
            }
            next = Some(token);
        }
        Ok(found)
    }
}
