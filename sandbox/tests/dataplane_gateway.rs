//! The data plane as a gRPC client sees it: TLS, server names, authority and path rules, members, failures.
//!
//! Each test makes the cloud by hand, so nothing here depends on the controller.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests are tests too")]

mod tls_client;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ackone_sandbox::alb::{
    Action, AlbCloud, Condition, ForwardTarget, KeyValue, Listener, ListenerCertificate, ListenerKey, LoadBalancerSpec,
    Protocol, Rule, Server, ServerGroupProtocol, ServerGroupSpec, ZoneMapping,
};
use ackone_sandbox::dataplane::{DataPlane, DataPlaneConfig, PortPolicy, Ports};
use ackone_sandbox::members::helloworld::HelloRequest;
use ackone_sandbox::members::helloworld::greeter_client::GreeterClient;
use ackone_sandbox::members::{
    Members, SecurityGroups, ServiceLookup, ServiceRegistry, WALKTHROUGH_NAMESPACE, WALKTHROUGH_PORT,
    WALKTHROUGH_SERVICE,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use self::tls_client::{Tls, channel, handshake};

const HOST: &str = "grpc.example.com";

struct World {
    cloud: Arc<AlbCloud>,
    members: Arc<Members>,
    plane: DataPlane,
    balancer: String,
    group: String,
}

fn https() -> ListenerKey {
    ListenerKey { port: 443, protocol: Protocol::Https }
}

fn listener(key: ListenerKey, certificates: &[&str]) -> Listener {
    Listener {
        listener_id: String::new(),
        listener_port: key.port,
        listener_protocol: key.protocol,
        listener_description: String::new(),
        http2_enabled: true,
        gzip_enabled: true,
        idle_timeout: 15,
        request_timeout: 60,
        security_policy_id: "tls_cipher_policy_1_2".to_owned(),
        certificates: certificates
            .iter()
            .enumerate()
            .map(|(place, id)| ListenerCertificate { certificate_id: (*id).to_owned(), is_default: place == 0 })
            .collect(),
        x_forwarded_for_config: BTreeMap::new(),
        default_server_group_id: String::new(),
        rules: Vec::new(),
    }
}

fn upload(cloud: &AlbCloud, host: &str, secret: &str) -> String {
    let mut params = rcgen::CertificateParams::new(vec![host.to_owned()]).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, host);
    let key = rcgen::KeyPair::generate().expect("key");
    let pem = params.self_signed(&key).expect("certificate").pem();
    cloud.upload_certificate(secret, &pem, &key.serialize_pem()).expect("uploaded")
}

fn rule(priority: u32, host: &str, path: &str, action: Action) -> Rule {
    Rule {
        rule_id: String::new(),
        rule_name: format!("rule-443-{priority}"),
        priority,
        rule_conditions: vec![
            Condition::Host { values: vec![host.to_owned()] },
            Condition::Path { values: vec![path.to_owned()] },
        ],
        rule_actions: vec![action],
    }
}

fn forward(groups: &[(&str, u32)]) -> Action {
    Action::ForwardGroup {
        server_group_tuples: groups
            .iter()
            .map(|(id, weight)| ForwardTarget { server_group_id: (*id).to_owned(), weight: *weight })
            .collect(),
    }
}

fn servers(members: &Members) -> Vec<Server> {
    let mut servers = Vec::new();
    for cluster_id in members.clusters() {
        if let ServiceLookup::Endpoints(addresses) =
            members.lookup(&cluster_id, WALKTHROUGH_NAMESPACE, WALKTHROUGH_SERVICE, WALKTHROUGH_PORT)
        {
            let server = |address| Server { cluster_id: cluster_id.clone(), address, weight: 100 };
            servers.extend(addresses.into_iter().map(server));
        }
    }
    servers
}

fn group(cloud: &AlbCloud, name: &str, protocol: ServerGroupProtocol) -> String {
    let spec = ServerGroupSpec { name: name.to_owned(), protocol, scheduler: "Wrr".to_owned(), tags: Vec::new() };
    cloud.create_server_group(spec).expect("group")
}

impl World {
    async fn new() -> Self {
        Self::with_ports(PortPolicy::Ephemeral).await
    }

    async fn with_ports(policy: PortPolicy) -> Self {
        Self::behind(policy, |members| members).await
    }

    /// With security groups that `network` makes of the members' own.
    async fn behind(policy: PortPolicy, network: impl FnOnce(Arc<Members>) -> Arc<dyn SecurityGroups>) -> Self {
        let members = Members::start(["c1", "c2"]).await.expect("members");
        let cloud = Arc::new(AlbCloud::new("cn-hangzhou"));
        let certificate = upload(&cloud, HOST, "gateway-demo-grpc-secret-000000");
        let zone = |name: &str| ZoneMapping { vswitch_id: format!("vsw-{name}"), zone_id: name.to_owned() };
        let balancer = cloud
            .create_load_balancer(LoadBalancerSpec {
                name: "one-alb-demo".to_owned(),
                dns_name: "localhost".to_owned(),
                address_type: "Internet".to_owned(),
                address_allocated_mode: "Fixed".to_owned(),
                address_ip_version: "IPv4".to_owned(),
                edition: "Standard".to_owned(),
                zone_mappings: vec![zone("h"), zone("i")],
                tags: vec![KeyValue::new("k", "v")],
            })
            .expect("load balancer");
        let group = group(&cloud, "gateway-demo-grpc-service-50051", ServerGroupProtocol::Grpc);
        cloud.set_servers(&group, servers(&members)).expect("servers");
        cloud.create_listener(&balancer, listener(https(), &[&certificate])).expect("listener");
        cloud.set_rules(&balancer, https(), vec![rule(1, HOST, "/*", forward(&[(&group, 100)]))]).expect("rules");
        let network = network(Arc::clone(&members));
        let config =
            DataPlaneConfig { ports: Arc::new(Ports::new(policy)), connect_timeout: Duration::from_millis(200) };
        let plane = DataPlane::spawn(&cloud, network, config);
        let world = Self { cloud, members, plane, balancer, group };
        world.bound(443).await;
        world
    }

    async fn bound(&self, port: u16) -> SocketAddr {
        let mut changed = self.plane.changed();
        let bound = async {
            loop {
                if let Some(address) = self.plane.address(&self.balancer, port) {
                    return address;
                }
                changed.changed().await.expect("data plane");
            }
        };
        let deadline = tokio::time::timeout(Duration::from_secs(10), bound).await;
        deadline.unwrap_or_else(|_| panic!("port {port} not bound: {:?}", self.plane.addresses()))
    }

    async fn channel(&self, authority: &str) -> Channel {
        let address = self.bound(443).await;
        channel(address, authority).await
    }

    async fn hello(&self, authority: &str) -> Result<String, tonic::Status> {
        let request = HelloRequest { name: "fleet".to_owned() };
        let reply = GreeterClient::new(self.channel(authority).await).say_hello(request).await?;
        Ok(reply.into_inner().message)
    }

    fn change(&self, change: impl FnOnce(&mut Listener)) {
        let mut listener = self.cloud.snapshot().load_balancers[&self.balancer].listeners[&https()].clone();
        change(&mut listener);
        self.cloud.update_listener(&self.balancer, listener).expect("update");
    }

    fn rules(&self, rules: Vec<Rule>) {
        self.cloud.set_rules(&self.balancer, https(), rules).expect("rules");
    }
}

fn common_name(stream: &Tls) -> String {
    let certificates = stream.get_ref().1.peer_certificates().expect("certificates");
    let (_, certificate) = x509_parser::parse_x509_certificate(&certificates[0]).expect("x509");
    let mut names = certificate.subject().iter_common_name();
    names.next().expect("name").as_str().expect("text").to_owned()
}

async fn http1(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("request");
    let mut answer = String::new();
    // A peer that closes without TLS goodbye has still answered.
    drop(stream.read_to_string(&mut answer).await);
    answer
}

#[tokio::test]
async fn calls_are_spread_over_the_members() {
    let world = World::new().await;
    let mut answers: Vec<String> = Vec::new();
    for _ in 0..4 {
        answers.push(world.hello(HOST).await.expect("reply"));
    }
    answers.sort();
    assert_eq!(answers, ["Hello fleet from c1", "Hello fleet from c1", "Hello fleet from c2", "Hello fleet from c2"]);
}

#[tokio::test]
async fn reflection_through_the_gateway_lists_exactly_the_two_services() {
    use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;

    let world = World::new().await;
    // Sent one by one while answers come back: both directions stream through the gateway.
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    sender.send(list.clone()).await.expect("first");
    let mut answers = ServerReflectionClient::new(world.channel(HOST).await)
        .server_reflection_info(tokio_stream::wrappers::ReceiverStream::new(requests))
        .await
        .expect("stream")
        .into_inner();
    for round in 0..3 {
        let answer = answers.message().await.expect("message").expect("an answer").message_response;
        let Some(MessageResponse::ListServicesResponse(services)) = answer else { panic!("{answer:?}") };
        let names: Vec<_> = services.service.into_iter().map(|service| service.name).collect();
        assert_eq!(names, ["grpc.reflection.v1alpha.ServerReflection", "helloworld.Greeter"], "round {round}");
        if round < 2 {
            sender.send(list.clone()).await.expect("next");
        }
    }
    drop(sender);
    assert!(answers.message().await.expect("trailers").is_none());
}

#[tokio::test]
async fn the_status_of_a_failed_call_comes_back_in_trailers() {
    let world = World::new().await;
    let status = tonic_health::pb::health_client::HealthClient::new(world.channel(HOST).await)
        .check(tonic_health::pb::HealthCheckRequest { service: "nobody".to_owned() })
        .await
        .expect_err("unknown service");
    assert_eq!(status.code(), Code::NotFound, "{status}");
}

#[tokio::test]
async fn another_authority_matches_no_rule_and_gets_503() {
    let world = World::new().await;
    // A gRPC client reads the status, or stumbles over the page first, as this one does; both name the 503.
    let status = world.hello("localhost").await.expect_err("503");
    assert!(status.message().contains("503"), "{status}");
}

#[tokio::test]
async fn an_authority_matches_whatever_its_case_and_port() {
    let world = World::new().await;
    let fixed =
        Action::FixedResponse { content_type: "text/plain".to_owned(), content: "here".to_owned(), http_code: 200 };
    world.rules(vec![rule(1, HOST, "/*", fixed)]);
    let address = world.bound(443).await;
    for (host, status) in [("GRPC.Example.com:443", "200"), (HOST, "200"), ("grpc.example.com.evil.org", "503")] {
        let mut stream = handshake(address, HOST, &["http/1.1"]).await.expect("handshake");
        let answer = http1(&mut stream, &format!("GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
    }
}

#[tokio::test]
async fn an_empty_group_gets_503() {
    let world = World::new().await;
    world.cloud.set_servers(&world.group, Vec::new()).expect("emptied");
    let status = world.hello(HOST).await.expect_err("503");
    assert!(status.message().contains("503"), "{status}");
}

#[tokio::test]
async fn a_refused_connection_gets_502() {
    let world = World::new().await;
    let address = world.members.server_address("c1").expect("address");
    world
        .cloud
        .set_servers(&world.group, vec![Server { cluster_id: "c1".to_owned(), address, weight: 100 }])
        .expect("servers");
    world.members.stop_server("c1").await;
    let status = world.hello(HOST).await.expect_err("502");
    assert!(status.message().contains("502"), "{status}");
}

#[tokio::test]
async fn a_group_of_the_wrong_protocol_gets_502() {
    let world = World::new().await;
    let http = group(&world.cloud, "wrong-protocol", ServerGroupProtocol::Http);
    world.cloud.set_servers(&http, servers(&world.members)).expect("servers");
    world.rules(vec![rule(1, HOST, "/*", forward(&[(&http, 100)]))]);
    let status = world.hello(HOST).await.expect_err("502");
    assert!(status.message().contains("502"), "{status}");
}

#[tokio::test]
async fn a_closed_security_group_times_out_with_504() {
    let world = World::new().await;
    world.members.close_security_group("c1", true);
    world.members.close_security_group("c2", true);
    let status = world.hello(HOST).await.expect_err("504");
    assert!(status.message().contains("504"), "{status}");
    world.members.close_security_group("c1", false);
    world.members.close_security_group("c2", false);
    assert!(world.hello(HOST).await.is_ok());
}

/// Admits one vSwitch and no other.
struct OneZone(&'static str);

impl SecurityGroups for OneZone {
    fn reachable(&self, _cluster_id: &str, source_vswitch: &str) -> bool {
        source_vswitch == self.0
    }
}

#[tokio::test]
async fn the_zones_of_a_gateway_take_turns_to_connect() {
    let world = World::behind(PortPolicy::Ephemeral, |_| Arc::new(OneZone("vsw-i"))).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(world.hello(HOST).await.is_ok());
    }
    assert_eq!(answers.iter().filter(|answered| **answered).count(), 4, "every other packet is dropped: {answers:?}");
}

#[tokio::test]
async fn a_silent_server_times_out_with_504() {
    let world = World::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("socket");
    let address = silent.local_addr().expect("address");
    world
        .cloud
        .set_servers(&world.group, vec![Server { cluster_id: "c1".to_owned(), address, weight: 100 }])
        .expect("servers");
    world.change(|listener| listener.request_timeout = 1);
    let status = world.hello(HOST).await.expect_err("504");
    assert!(status.message().contains("504"), "{status}");
}

#[tokio::test]
async fn the_first_matching_rule_wins() {
    let world = World::new().await;
    let fixed =
        Action::FixedResponse { content_type: "text/plain".to_owned(), content: "closed".to_owned(), http_code: 404 };
    world.rules(vec![
        rule(1, HOST, "/helloworld.Greeter/*", fixed),
        rule(2, HOST, "/*", forward(&[(&world.group, 100)])),
    ]);
    let status = world.hello(HOST).await.expect_err("404");
    assert!(status.message().contains("404"), "{status}");
    let mut rules = world.cloud.snapshot().load_balancers[&world.balancer].listeners[&https()].rules.clone();
    rules.remove(0);
    world.rules(rules);
    assert!(world.hello(HOST).await.is_ok(), "changed rules hold for the next request");
}

#[tokio::test]
async fn weights_split_calls_between_groups() {
    let world = World::new().await;
    let canary = group(&world.cloud, "canary", ServerGroupProtocol::Grpc);
    let all = servers(&world.members);
    world.cloud.set_servers(&world.group, vec![all[0].clone()]).expect("servers");
    world.cloud.set_servers(&canary, vec![all[1].clone()]).expect("servers");
    world.rules(vec![rule(1, HOST, "/*", forward(&[(&world.group, 75), (&canary, 25)]))]);
    let mut from_canary = 0;
    for _ in 0..8 {
        from_canary += usize::from(world.hello(HOST).await.expect("reply").ends_with("c2"));
    }
    assert_eq!(from_canary, 2);
}

#[tokio::test]
async fn the_server_name_chooses_the_certificate() {
    let world = World::new().await;
    let wildcard = upload(&world.cloud, "*.example.org", "demo-wildcard-000000");
    world.change(|listener| {
        listener.certificates.push(ListenerCertificate { certificate_id: wildcard, is_default: false });
    });
    let address = world.bound(443).await;
    for (name, served) in
        [(HOST, HOST), ("a.example.org", "*.example.org"), ("a.b.example.org", HOST), ("localhost", HOST)]
    {
        let stream = handshake(address, name, &["h2"]).await.expect("handshake");
        assert_eq!(common_name(&stream), served, "{name}");
    }
}

#[tokio::test]
async fn a_rotated_certificate_is_served_without_a_restart() {
    let world = World::new().await;
    let address = world.bound(443).await;
    let renewed = upload(&world.cloud, "renewed.example.com", "gateway-demo-grpc-secret-111111");
    world.change(|listener| {
        listener.certificates = vec![ListenerCertificate { certificate_id: renewed, is_default: true }];
    });
    let stream = handshake(address, HOST, &["h2"]).await.expect("handshake");
    assert_eq!(common_name(&stream), "renewed.example.com");
}

#[tokio::test]
async fn without_http2_no_protocol_is_negotiated() {
    let world = World::new().await;
    world.change(|listener| listener.http2_enabled = false);
    let address = world.bound(443).await;
    let stream = handshake(address, HOST, &["h2"]).await.expect("handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
}

#[tokio::test]
async fn the_policy_decides_about_tls_1_3() {
    let world = World::new().await;
    let address = world.bound(443).await;
    let version = |stream: &Tls| stream.get_ref().1.protocol_version().expect("version");
    let stream = handshake(address, HOST, &["h2"]).await.expect("handshake");
    assert_eq!(version(&stream), rustls::ProtocolVersion::TLSv1_2);
    world.change(|listener| listener.security_policy_id = "tls_cipher_policy_1_2_strict_with_1_3".to_owned());
    let stream = handshake(address, HOST, &["h2"]).await.expect("handshake");
    assert_eq!(version(&stream), rustls::ProtocolVersion::TLSv1_3);
}

#[tokio::test]
async fn a_clear_text_listener_answers_http1_and_no_prior_knowledge_http2() {
    let world = World::new().await;
    let key = ListenerKey { port: 8001, protocol: Protocol::Http };
    world.cloud.create_listener(&world.balancer, listener(key, &[])).expect("listener");
    let address = world.bound(8001).await;
    let mut stream = TcpStream::connect(address).await.expect("connection");
    let answer = http1(&mut stream, "GET / HTTP/1.1\r\nHost: grpc.example.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let prior_knowledge = Endpoint::from_shared(format!("http://{address}")).expect("uri").connect().await;
    let outcome = match prior_knowledge {
        Ok(channel) => GreeterClient::new(channel).say_hello(HelloRequest::default()).await.map(drop),
        Err(_) => return,
    };
    assert!(outcome.is_err(), "clear text HTTP/2 must not be served");
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_idle_timeout() {
    let world = World::new().await;
    world.change(|listener| listener.idle_timeout = 1);
    let address = world.bound(443).await;
    let mut stream = handshake(address, HOST, &["http/1.1"]).await.expect("handshake");
    let mut byte = [0; 1];
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut byte)).await.expect("closed in time");
    assert!(ended.is_err() || ended.is_ok_and(|read| read == 0));
}

#[tokio::test]
async fn a_deleted_listener_is_closed() {
    let world = World::new().await;
    let address = world.bound(443).await;
    let mut changed = world.plane.changed();
    changed.mark_unchanged();
    world.cloud.delete_listener(&world.balancer, https()).expect("deleted");
    tokio::time::timeout(Duration::from_secs(10), changed.changed()).await.expect("in time").expect("data plane");
    assert_eq!(world.plane.address(&world.balancer, 443), None);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn two_gateways_with_the_same_port_have_their_own_addresses() {
    // Whether or not 443 can be had here, the second gateway cannot have it as well.
    let world = World::with_ports(PortPolicy::Fallback).await;
    let first = world.bound(443).await;
    let other = {
        let zone = |name: &str| ZoneMapping { vswitch_id: format!("vsw-{name}"), zone_id: name.to_owned() };
        let present = world.cloud.snapshot().load_balancers[&world.balancer].clone();
        let spec = LoadBalancerSpec {
            name: "other".to_owned(),
            dns_name: present.dns_name,
            address_type: present.address_type,
            address_allocated_mode: present.address_allocated_mode,
            address_ip_version: present.address_ip_version,
            edition: present.load_balancer_edition,
            zone_mappings: vec![zone("h"), zone("i")],
            tags: Vec::new(),
        };
        let id = world.cloud.create_load_balancer(spec).expect("second");
        let certificate = present.listeners[&https()].certificates[0].certificate_id.clone();
        world.cloud.create_listener(&id, listener(https(), &[&certificate])).expect("listener");
        id
    };
    let mut changed = world.plane.changed();
    while world.plane.address(&other, 443).is_none() {
        tokio::time::timeout(Duration::from_secs(10), changed.changed()).await.expect("in time").expect("data plane");
    }
    assert_ne!(world.plane.address(&other, 443), Some(first));
}

#[tokio::test]
#[ignore = "needs grpcurl on the PATH"]
async fn grpcurl_prints_what_the_walkthrough_shows() {
    let world = World::new().await;
    let port = world.bound(443).await.port();
    let output = tokio::process::Command::new("grpcurl")
        .args(["-insecure", "-authority", HOST, &format!("localhost:{port}"), "list"])
        .output()
        .await
        .expect("grpcurl");
    let (printed, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed, "grpc.reflection.v1alpha.ServerReflection\nhelloworld.Greeter\n", "{failed}");
}
