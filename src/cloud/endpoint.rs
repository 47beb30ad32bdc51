//! Which host answers for a product in a region.
//!
//! An explicit endpoint wins, then the exceptions of the official SDKs' tables, then the rule
//! `<product>[-<network>].<region>.aliyuncs.com`. No network call is made to discover endpoints.

use std::{collections::BTreeMap, fmt, net::IpAddr, str::FromStr};

use super::{id::RegionId, request::Product};

/// Which of a product's hosts to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Network {
    /// The host on the internet.
    #[default]
    Public,
    /// The host inside VPCs.
    Vpc,
}

/// A host to talk to. Plain HTTP only for loopback hosts: answers carry kubeconfigs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    authority: String,
}

impl Endpoint {
    /// A host of the cloud, over TLS.
    pub(super) fn host(host: String) -> Self {
        Self { secure: true, authority: host }
    }

    /// The metadata service of ECS instances: a link-local address that only the instance itself reaches, over HTTP only.
    #[must_use]
    pub fn instance_metadata() -> Self {
        Self { secure: false, authority: "100.100.100.200".to_owned() }
    }

    /// The origin of a URL that the user names as a whole, HTTP to any host included. `None` if it has no HTTP origin.
    #[must_use]
    pub fn origin_of(url: &url::Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Self { secure, authority })
    }

    /// `host`, or `host:port` if the port is not the scheme's own. Exactly what the `host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether calls go over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

/// A text that cannot be an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not `host`, `host:port` or a URL of those.
    #[error("{0:?} is not an endpoint: give a host, host:port, or a URL such as https://adcp.cn-hangzhou.aliyuncs.com")]
    Malformed(String),
    /// A URL with more than a host.
    #[error("endpoint {0:?} must not have a path, a query or a user name")]
    NotOnlyHost(String),
    /// Plain HTTP to another machine.
    #[error("endpoint {0:?} uses http, which is allowed for loopback hosts only; use https")]
    Insecure(String),
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || InvalidEndpoint::Malformed(text.to_owned());
        let trimmed = text.trim();
        let full = if trimmed.contains("://") { trimmed.to_owned() } else { format!("https://{trimmed}") };
        let url = url::Url::parse(&full).map_err(|_| malformed())?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(malformed()),
        };
        let only_host = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !only_host || !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidEndpoint::NotOnlyHost(text.to_owned()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(malformed)?;
        if !secure && !is_loopback(host) {
            return Err(InvalidEndpoint::Insecure(text.to_owned()));
        }
        // `Url` leaves out a port that is the scheme's own, and so does every client in its `host` header.
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { secure, authority })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A call whose host cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no region is configured and no endpoint for {0} either; there is no default region")]
pub struct NoRegion(pub Product);

/// Finds the host of a product.
#[derive(Clone, Debug, Default)]
pub struct EndpointResolver {
    /// The region of the provider, if one is configured.
    pub region: Option<RegionId>,
    /// Internet or VPC hosts.
    pub network: Network,
    /// Endpoints given by the user; they win.
    pub explicit: BTreeMap<Product, Endpoint>,
}

impl EndpointResolver {
    /// The host that answers for `product`.
    ///
    /// # Errors
    ///
    /// If there is neither an endpoint for the product nor a region.
    pub fn resolve(&self, product: Product) -> Result<Endpoint, NoRegion> {
        if let Some(explicit) = self.explicit.get(&product) {
            return Ok(explicit.clone());
        }
        let region = self.region.as_ref().ok_or(NoRegion(product))?;
        Ok(Endpoint::host(match self.network {
            Network::Public => public_host(product, region.as_str()),
            Network::Vpc => vpc_host(product, region.as_str()),
        }))
    }
}

fn public_host(product: Product, region: &str) -> String {
    let regional = || format!("{}.{region}.aliyuncs.com", product.code());
    let finance_or_gov = region.contains("-finance") || region.contains("-gov");
    match product {
        // These regions have the VPC host only. Others not in the SDK's table get the rule too, as `alicloud` does;
        // the SDK's fallback `adcp.aliyuncs.com` is not known to exist.
        Product::Adcp if matches!(region, "cn-chengdu" | "cn-shanghai-finance-1" | "eu-west-1") => {
            vpc_host(product, region)
        }
        Product::Alb if region == "cn-hangzhou-finance" => "alb.cn-hangzhou.aliyuncs.com".to_owned(),
        Product::Vpc if region == "cn-hangzhou" || finance_or_gov => "vpc.aliyuncs.com".to_owned(),
        Product::Ecs if matches!(region, "cn-hangzhou" | "cn-shanghai-finance-1" | "cn-shenzhen-finance-1") => {
            "ecs-cn-hangzhou.aliyuncs.com".to_owned()
        }
        Product::Sts if matches!(region, "ap-south-1" | "ap-southeast-2") => "sts.aliyuncs.com".to_owned(),
        Product::Cas => match region {
            "ap-southeast-1" | "ap-southeast-2" | "ap-south-1" | "ap-northeast-1" | "eu-central-1" | "me-east-1" => {
                regional()
            }
            _ => "cas.aliyuncs.com".to_owned(),
        },
        Product::Adcp | Product::Cs | Product::Alb | Product::Vpc | Product::Ecs | Product::Sts => regional(),
    }
}

fn vpc_host(product: Product, region: &str) -> String {
    let prefix = match product {
        // Not `cs-vpc`.
        Product::Cs => "cs-anony-vpc".to_owned(),
        Product::Adcp | Product::Vpc | Product::Ecs | Product::Alb | Product::Sts | Product::Cas => {
            format!("{}-vpc", product.code())
        }
    };
    format!("{prefix}.{region}.aliyuncs.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(region: &str, network: Network) -> EndpointResolver {
        EndpointResolver { region: Some(region.parse().unwrap()), network, explicit: BTreeMap::new() }
    }

    #[test]
    fn hosts_are_those_of_the_official_tables() {
        use Network::{Public, Vpc};
        let cases = [
            (Product::Adcp, "cn-hangzhou", Public, "adcp.cn-hangzhou.aliyuncs.com"),
            (Product::Adcp, "cn-chengdu", Public, "adcp-vpc.cn-chengdu.aliyuncs.com"),
            (Product::Adcp, "cn-hangzhou", Vpc, "adcp-vpc.cn-hangzhou.aliyuncs.com"),
            (Product::Cs, "cn-hangzhou", Public, "cs.cn-hangzhou.aliyuncs.com"),
            (Product::Cs, "cn-hangzhou", Vpc, "cs-anony-vpc.cn-hangzhou.aliyuncs.com"),
            (Product::Alb, "cn-hangzhou-finance", Public, "alb.cn-hangzhou.aliyuncs.com"),
            (Product::Vpc, "cn-hangzhou", Public, "vpc.aliyuncs.com"),
            (Product::Vpc, "cn-north-2-gov-1", Public, "vpc.aliyuncs.com"),
            (Product::Vpc, "cn-beijing", Public, "vpc.cn-beijing.aliyuncs.com"),
            (Product::Vpc, "cn-beijing", Vpc, "vpc-vpc.cn-beijing.aliyuncs.com"),
            (Product::Ecs, "cn-hangzhou", Public, "ecs-cn-hangzhou.aliyuncs.com"),
            (Product::Ecs, "cn-shanghai", Public, "ecs.cn-shanghai.aliyuncs.com"),
            (Product::Sts, "ap-south-1", Public, "sts.aliyuncs.com"),
            (Product::Sts, "cn-hangzhou", Public, "sts.cn-hangzhou.aliyuncs.com"),
            (Product::Cas, "cn-heyuan", Public, "cas.aliyuncs.com"),
            (Product::Cas, "ap-southeast-1", Public, "cas.ap-southeast-1.aliyuncs.com"),
        ];
        for (product, region, network, expected) in cases {
            let found = resolver(region, network).resolve(product).unwrap();
            assert_eq!(found.to_string(), format!("https://{expected}"));
        }
    }

    #[test]
    fn an_explicit_endpoint_needs_no_region() {
        let mut resolver = EndpointResolver::default();
        assert!(resolver.resolve(Product::Adcp).unwrap_err().to_string().contains("no default region"));
        resolver.explicit.insert(Product::Adcp, "http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(resolver.resolve(Product::Adcp).unwrap().authority(), "127.0.0.1:8080");
    }

    #[test]
    fn the_spellings_of_an_endpoint() {
        let cases = [
            ("adcp.example.com", "https://adcp.example.com"),
            ("adcp.example.com:8443", "https://adcp.example.com:8443"),
            ("https://adcp.example.com:443/", "https://adcp.example.com"),
            (" https://ADCP.example.com ", "https://adcp.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://127.9.0.1:1", "http://127.9.0.1:1"),
            ("127.0.0.1:8443", "https://127.0.0.1:8443"),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_endpoint_is_refused() {
        for text in ["", "https://", "ftp://a", "a b", "https://a:99999"] {
            assert!(matches!(text.parse::<Endpoint>(), Err(InvalidEndpoint::Malformed(_))), "{text:?}");
        }
        for text in ["https://a/b", "https://a?b", "https://u:p@a", "a/b"] {
            assert!(matches!(text.parse::<Endpoint>(), Err(InvalidEndpoint::NotOnlyHost(_))), "{text:?}");
        }
        for text in ["http://adcp.example.com", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(matches!(text.parse::<Endpoint>(), Err(InvalidEndpoint::Insecure(_))), "{text:?}");
        }
    }
}
