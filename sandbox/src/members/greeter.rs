//! The gRPC server of a member cluster: the walkthrough's sample application, answering for one cluster.
//!
//! Started by `mod.rs`, on a loopback port of its own, clear text HTTP/2 as a Pod behind the gateway speaks it. Like
//! the sample application it lists exactly `grpc.reflection.v1alpha.ServerReflection` and `helloworld.Greeter`;
//! reflection v1 and `grpc.health.v1` are served and not listed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::HELLOWORLD_DESCRIPTORS;
use super::helloworld::greeter_server::{self, GreeterServer};
use super::helloworld::{HelloReply, HelloRequest};

/// The names a reflection list shows.
const LISTED: [&str; 2] = ["grpc.reflection.v1alpha.ServerReflection", "helloworld.Greeter"];

#[derive(Debug)]
struct Hello {
    cluster_id: String,
}

#[tonic::async_trait]
impl greeter_server::Greeter for Hello {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let name = request.into_inner().name;
        Ok(Response::new(HelloReply { message: format!("Hello {name} from {}", self.cluster_id) }))
    }
}

/// A running greeter.
#[derive(Debug)]
pub(super) struct Greeter {
    address: SocketAddr,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Greeter {
    /// Starts a greeter that signs its answers with the cluster's id.
    pub(super) async fn start(cluster_id: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (shutdown, stopped) = oneshot::channel::<()>();
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(HELLOWORLD_DESCRIPTORS);
            LISTED.into_iter().fold(builder, tonic_reflection::server::Builder::with_service_name)
        };
        let (health, health_server) = tonic_health::server::health_reporter();
        let hello = Hello { cluster_id: cluster_id.to_owned() };
        health.set_serving::<GreeterServer<Hello>>().await;
        let router = tonic::transport::Server::builder()
            .add_service(GreeterServer::new(hello))
            .add_service(health_server)
            .add_service(reflection().build_v1().map_err(io::Error::other)?)
            .add_service(reflection().build_v1alpha().map_err(io::Error::other)?);
        let cluster = cluster_id.to_owned();
        let task = tokio::spawn(async move {
            let stopped = async {
                // A dropped sender means the same: nobody needs the server any more.
                drop(stopped.await);
            };
            if let Err(error) = router.serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped).await {
                tracing::warn!(%error, cluster, "member server ended");
            }
        });
        Ok(Self { address, shutdown, task })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it at once: open calls fail as those of a deleted Pod do.
    pub(super) async fn stop(self) {
        drop(self.shutdown);
        self.task.abort();
        // The join error says "cancelled", which is what was asked for.
        drop(self.task.await);
    }
}
