//! Server reflection and health, over any connection.

use futures_util::stream;
use tfplugin_proto::health_v1::HealthCheckRequest;
use tfplugin_proto::health_v1::health_check_response::ServingStatus;
use tfplugin_proto::health_v1::health_client::HealthClient;
use tfplugin_proto::{reflection_v1, reflection_v1alpha};
use tonic::Code;

use super::connect::Connection;
use super::error::Failure;

/// Largest reflection answer read, in bytes: a list of names.
const MAX_ANSWER: usize = 4 << 20;

/// Asks for one version of reflection; the two differ in their package only.
macro_rules! list_with {
    ($package:ident, $connection:expr) => {{
        use $package::server_reflection_client::ServerReflectionClient;
        use $package::server_reflection_request::MessageRequest;
        use $package::server_reflection_response::MessageResponse;
        let mut client = ServerReflectionClient::new($connection.channel()).max_decoding_message_size(MAX_ANSWER);
        let request = $package::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let answers = client.server_reflection_info(stream::iter([request])).await;
        match answers.map(tonic::Response::into_inner) {
            Err(status) => Err(status),
            Ok(mut answers) => match answers.message().await {
                Err(status) => Err(status),
                Ok(Some($package::ServerReflectionResponse {
                    message_response: Some(MessageResponse::ListServicesResponse(list)),
                    ..
                })) => Ok(Some(list.service.into_iter().map(|service| service.name).collect::<Vec<_>>())),
                Ok(_) => Ok(None),
            },
        }
    }};
}

/// The services, sorted, and the version of reflection that listed them.
///
/// # Errors
/// If neither version is served, or the call fails.
pub(super) async fn services(connection: &Connection) -> Result<(Vec<String>, &'static str), Failure> {
    let (listed, version) = match list_with!(reflection_v1, connection) {
        Err(status) if connection.is_unimplemented(&status) => (list_with!(reflection_v1alpha, connection), "v1alpha"),
        answer => (answer, "v1"),
    };
    match listed {
        Ok(Some(mut names)) => {
            names.sort();
            names.dedup();
            Ok((names, version))
        }
        Ok(None) => Err(Failure::Answer),
        Err(status) if connection.is_unimplemented(&status) => Err(Failure::NoReflection),
        Err(status) => Err(connection.failure(&status)),
    }
}

/// The status of a service (`""`: of the server), or `None` where there is no health service or it does not know that name.
///
/// # Errors
/// If the call fails otherwise.
pub(super) async fn health(connection: &Connection, service: &str) -> Result<Option<String>, Failure> {
    let request = HealthCheckRequest { service: service.to_owned() };
    match HealthClient::new(connection.channel()).check(request).await {
        Ok(answer) => {
            let status = ServingStatus::try_from(answer.into_inner().status).unwrap_or(ServingStatus::Unknown);
            Ok(Some(status.as_str_name().to_owned()))
        }
        Err(status) if connection.is_unimplemented(&status) || status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(connection.failure(&status)),
    }
}
