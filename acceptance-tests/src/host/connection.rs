//! One connection to a running provider, and the typed clients of all its services.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tfplugin_proto::health_v1::health_client::HealthClient;
use tfplugin_proto::plugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin_proto::plugin::grpc_controller_client::GrpcControllerClient;
use tfplugin_proto::plugin::grpc_stdio_client::GrpcStdioClient;
use tfplugin_proto::tfplugin6::provider_client::ProviderClient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

use super::HostError;

/// What Terraform accepts of an answer, up to 2 GiB, is more than any test needs.
const MAX_MESSAGE_BYTES: usize = 512 << 20;

/// A connection as a host opens it. Clones share it.
#[derive(Debug, Clone)]
pub struct Connection {
    channel: Channel,
}

impl Connection {
    /// Opens a connection, with TLS when there is a configuration for it.
    pub(crate) async fn open(socket: &Path, tls: Option<ClientConfig>) -> Result<Self, HostError> {
        let socket = socket.to_owned();
        let tls = tls.map(Arc::new);
        let connector = tower::service_fn(move |_| stream(socket.clone(), tls.clone()));
        // The address is not used; go-plugin's server name is.
        let channel = Endpoint::from_static("http://localhost").connect_with_connector(connector).await?;
        Ok(Self { channel })
    }

    /// All calls of the plugin protocol.
    #[must_use]
    pub fn provider(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.channel.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// The service that ends the process.
    #[must_use]
    pub fn controller(&self) -> GrpcControllerClient<Channel> {
        GrpcControllerClient::new(self.channel.clone())
    }

    /// The service that carries standard streams.
    #[must_use]
    pub fn stdio(&self) -> GrpcStdioClient<Channel> {
        GrpcStdioClient::new(self.channel.clone())
    }

    /// The service that brokers connections.
    #[must_use]
    pub fn broker(&self) -> GrpcBrokerClient<Channel> {
        GrpcBrokerClient::new(self.channel.clone())
    }

    /// The health service.
    #[must_use]
    pub fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel.clone())
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn stream(socket: PathBuf, tls: Option<Arc<ClientConfig>>) -> io::Result<TokioIo<Box<dyn Stream>>> {
    let stream = UnixStream::connect(socket).await?;
    let Some(config) = tls else {
        return Ok(TokioIo::new(Box::new(stream)));
    };
    let server_name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let stream = TlsConnector::from(config).connect(server_name, stream).await?;
    // grpc-go refuses a server that does not settle on it.
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::other("the server did not agree on ALPN h2"));
    }
    Ok(TokioIo::new(Box::new(stream)))
}
