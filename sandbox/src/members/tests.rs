//! What the walkthrough's member clusters answer.

use tonic::transport::Channel;
use tonic_reflection::pb::{v1, v1alpha};

use super::helloworld::HelloRequest;
use super::helloworld::greeter_client::GreeterClient;
use super::*;

const MEMBER: &str = "c1";

async fn channel(members: &Members) -> Channel {
    let address = members.server_address(MEMBER).expect("a running server");
    Channel::from_shared(format!("http://{address}")).expect("uri").connect().await.expect("connection")
}

#[tokio::test]
async fn the_greeter_names_its_member() {
    let members = Members::start([MEMBER]).await.expect("members");
    let reply = GreeterClient::new(channel(&members).await)
        .say_hello(HelloRequest { name: "fleet".to_owned() })
        .await
        .expect("reply")
        .into_inner();
    assert_eq!(reply.message, "Hello fleet from c1");
}

#[tokio::test]
async fn reflection_v1alpha_lists_exactly_the_two_services_of_the_walkthrough() {
    use v1alpha::server_reflection_client::ServerReflectionClient;
    use v1alpha::server_reflection_request::MessageRequest;
    use v1alpha::server_reflection_response::MessageResponse;

    let members = Members::start([MEMBER]).await.expect("members");
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel(&members).await)
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .expect("stream")
        .into_inner();
    let answer = answers.message().await.expect("message").expect("an answer").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["grpc.reflection.v1alpha.ServerReflection", "helloworld.Greeter"]);
}

#[tokio::test]
async fn reflection_v1_is_served_and_not_listed() {
    use v1::server_reflection_client::ServerReflectionClient;
    use v1::server_reflection_request::MessageRequest;
    use v1::server_reflection_response::MessageResponse;

    let members = Members::start([MEMBER]).await.expect("members");
    let requests = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("helloworld.Greeter".to_owned()),
    ]
    .map(|request| v1::ServerReflectionRequest { host: String::new(), message_request: Some(request) });
    let mut answers = ServerReflectionClient::new(channel(&members).await)
        .server_reflection_info(tokio_stream::iter(requests))
        .await
        .expect("stream")
        .into_inner();
    let answer = answers.message().await.expect("message").expect("an answer").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["grpc.reflection.v1alpha.ServerReflection", "helloworld.Greeter"]);
    let answer = answers.message().await.expect("message").expect("an answer").message_response;
    assert!(matches!(answer, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");
}

#[tokio::test]
async fn health_is_served() {
    let members = Members::start([MEMBER]).await.expect("members");
    let answer = tonic_health::pb::health_client::HealthClient::new(channel(&members).await)
        .check(tonic_health::pb::HealthCheckRequest { service: "helloworld.Greeter".to_owned() })
        .await
        .expect("health")
        .into_inner();
    assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
}

#[tokio::test]
async fn a_stopped_server_leaves_the_service_without_endpoints() {
    let members = Members::start([MEMBER]).await.expect("members");
    let mut changed = members.changed();
    let lookup = || members.lookup(MEMBER, WALKTHROUGH_NAMESPACE, WALKTHROUGH_SERVICE, WALKTHROUGH_PORT);
    let first = members.server_address(MEMBER).expect("address");
    assert_eq!(lookup(), ServiceLookup::Endpoints(vec![first]));
    members.stop_server(MEMBER).await;
    assert!(changed.has_changed().expect("sender"));
    changed.mark_unchanged();
    assert_eq!(lookup(), ServiceLookup::Endpoints(Vec::new()));
    members.start_server(MEMBER).await.expect("restart");
    assert_eq!(lookup(), ServiceLookup::Endpoints(vec![members.server_address(MEMBER).expect("address")]));
    assert!(members.remove_service(MEMBER, WALKTHROUGH_NAMESPACE, WALKTHROUGH_SERVICE));
    assert_eq!(lookup(), ServiceLookup::NoService);
}

#[tokio::test]
async fn an_unknown_port_is_told_apart_from_an_unknown_service() {
    let members = Members::start([MEMBER]).await.expect("members");
    assert_eq!(members.lookup(MEMBER, WALKTHROUGH_NAMESPACE, WALKTHROUGH_SERVICE, 1), ServiceLookup::NoPort);
    assert_eq!(members.lookup("c2", WALKTHROUGH_NAMESPACE, WALKTHROUGH_SERVICE, 1), ServiceLookup::NoService);
}

#[tokio::test]
async fn a_closed_security_group_makes_the_member_unreachable() {
    let members = Members::start([MEMBER]).await.expect("members");
    assert!(members.reachable(MEMBER, "vsw-1"));
    members.close_security_group(MEMBER, true);
    assert!(!members.reachable(MEMBER, "vsw-1"));
}
