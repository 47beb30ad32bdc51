//! What links of the chain need of the network: addresses, and clients of the one HTTP stack.

use std::{sync::Arc, time::Duration};

use super::CredentialChain;
use crate::{
    clock::{Clock, SystemClock},
    cloud::{
        client::{CloudClient, CloudConfig, Randomness, SystemRandomness},
        endpoint::{Endpoint, EndpointResolver},
        request::Product,
        retry::RetryPolicy,
        transport::{Proxies, Transport, TransportConfig},
    },
};

/// Limits of the official SDKs for the instance metadata service: it answers at once or not at all.
const METADATA_CONNECT: Duration = Duration::from_secs(1);
/// See [`METADATA_CONNECT`].
const METADATA_READ: Duration = Duration::from_secs(1);
/// Limits of the official SDKs for a credentials URI.
const URI_CONNECT: Duration = Duration::from_secs(5);
/// See [`URI_CONNECT`].
const URI_READ: Duration = Duration::from_secs(10);

/// Where the security token service is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsPlace {
    /// Region of the service; none means the central one.
    pub region: Option<String>,
    /// Whether to use the host inside VPCs. Without a region this changes nothing, as in the official SDKs.
    pub vpc: bool,
}

impl StsPlace {
    fn host(&self) -> String {
        match (&self.region, self.vpc) {
            (None, _) => "sts.aliyuncs.com".to_owned(),
            (Some(region), false) => format!("sts.{region}.aliyuncs.com"),
            (Some(region), true) => format!("sts-vpc.{region}.aliyuncs.com"),
        }
    }
}

/// How links reach what they ask. `default` fills in what the official SDKs use.
#[derive(Clone, Debug)]
pub struct CredentialNetwork {
    /// The user's endpoint of the security token service; it wins over a [`StsPlace`].
    pub sts: Option<Endpoint>,
    /// The instance metadata service.
    pub metadata: Endpoint,
    /// Timeouts, proxies, certificates and user agent of calls to the security token service.
    pub transport: TransportConfig,
    /// When such a call is sent again.
    pub retry: RetryPolicy,
    /// The date.
    pub clock: Arc<dyn Clock>,
    /// Nonces and jitter.
    pub randomness: Arc<dyn Randomness>,
}

impl Default for CredentialNetwork {
    fn default() -> Self {
        Self {
            sts: None,
            metadata: Endpoint::instance_metadata(),
            transport: TransportConfig::default(),
            retry: RetryPolicy::default(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
        }
    }
}

impl CredentialNetwork {
    /// A client of the security token service that signs with what `keys` gives. No I/O.
    pub(super) fn sts_client(&self, place: &StsPlace, keys: CredentialChain) -> CloudClient {
        let endpoint = self.sts.clone().unwrap_or_else(|| Endpoint::host(place.host()));
        let endpoints =
            EndpointResolver { explicit: [(Product::Sts, endpoint)].into_iter().collect(), ..Default::default() };
        let mut config = CloudConfig::new(keys, endpoints);
        config.transport = self.transport.clone();
        config.retry = self.retry;
        config.clock = Arc::clone(&self.clock);
        config.randomness = Arc::clone(&self.randomness);
        CloudClient::new(config)
    }

    /// For the metadata service: never through a proxy, which could not reach this instance's own address.
    pub(super) fn metadata_transport(&self) -> Transport {
        Transport::new(TransportConfig {
            connect_timeout: METADATA_CONNECT,
            read_timeout: METADATA_READ,
            proxies: Proxies::default(),
            ..self.transport.clone()
        })
    }

    /// For credentials URIs.
    pub(super) fn uri_transport(&self) -> Transport {
        Transport::new(TransportConfig {
            connect_timeout: URI_CONNECT,
            read_timeout: URI_READ,
            ..self.transport.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_the_security_token_service_is_that_of_the_official_sdks() {
        for (region, vpc, expected) in [
            (None, false, "sts.aliyuncs.com"),
            (None, true, "sts.aliyuncs.com"),
            (Some("cn-hangzhou"), false, "sts.cn-hangzhou.aliyuncs.com"),
            (Some("cn-hangzhou"), true, "sts-vpc.cn-hangzhou.aliyuncs.com"),
        ] {
            let place = StsPlace { region: region.map(str::to_owned), vpc };
            let client = CredentialNetwork::default().sts_client(&place, CredentialChain::new(vec![]));
            assert_eq!(client.endpoints().resolve(Product::Sts).unwrap().authority(), expected);
            let given = CredentialNetwork { sts: Some("sts.example.com".parse().unwrap()), ..Default::default() };
            let client = given.sts_client(&place, CredentialChain::new(vec![]));
            assert_eq!(client.endpoints().resolve(Product::Sts).unwrap().authority(), "sts.example.com");
        }
    }

    #[test]
    fn the_metadata_service_is_never_asked_through_a_proxy() {
        let proxies = Proxies { http: Some("http://proxy.example".to_owned()), ..Proxies::default() };
        let transport = TransportConfig { proxies, ..TransportConfig::default() };
        let network = CredentialNetwork { transport, ..CredentialNetwork::default() };
        assert!(format!("{:?}", network.uri_transport()).contains("http: true"));
        assert!(format!("{:?}", network.metadata_transport()).contains("http: false"));
        assert_eq!(network.metadata.to_string(), "http://100.100.100.200");
    }
}
