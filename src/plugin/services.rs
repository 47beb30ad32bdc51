//! go-plugin's own services, served beside the provider on the same connection.
//!
//! Built by `plugin::serve`. The two long streams stay open and silent until the process ends, which is what a host
//! expects of them: our output is on stderr, and Terraform brokers nothing. Facts: go-plugin (`grpc_controller.go`,
//! `grpc_stdio.go`, `grpc_broker.go`, and `grpc_client.go` for the health check of `Ping`).

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tfplugin_proto::plugin::grpc_broker_server::GrpcBroker;
use tfplugin_proto::plugin::grpc_controller_server::GrpcController;
use tfplugin_proto::plugin::grpc_stdio_server::GrpcStdio;
use tfplugin_proto::plugin::{ConnInfo, Empty, StdioData};
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};
use tracing::debug;

use super::process::{End, EndSender};

/// The health check's name for the whole plugin (go-plugin `GRPCServiceName`).
pub(crate) const HEALTH_SERVICE: &str = "plugin";

/// Ends the process when the host asks for it.
#[derive(Debug)]
pub(crate) struct Controller {
    pub(crate) end: EndSender,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    /// Answers at once: a host sets no deadline on this call, so waiting for running calls would hold it up.
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        debug!("the host asked for shutdown");
        self.end.send(End::ShutdownCalled);
        Ok(Response::new(Empty {}))
    }
}

/// Becomes true when the process is about to end.
pub(crate) type Ending = watch::Receiver<bool>;

/// Waits for the end of the process, also when whoever could announce it is gone.
pub(crate) async fn ended(mut ending: Ending) {
    if ending.wait_for(|ending| *ending).await.is_err() {
        debug!("the supervisor is gone");
    }
}

type Silence<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream that ends with the process and carries nothing.
fn silence<T: Send + 'static>(ending: Ending) -> Silence<T> {
    Box::pin(futures_util::stream::once(ended(ending)).filter_map(|()| std::future::ready(None)))
}

/// The standard streams of the plugin, as go-plugin carries them.
#[derive(Debug)]
pub(crate) struct Stdio {
    pub(crate) ending: Ending,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Silence<StdioData>;

    async fn stream_stdio(&self, _request: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(silence(self.ending.clone())))
    }
}

/// The broker of further connections. We offer none and take none.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) ending: Ending,
}

#[tonic::async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Silence<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        // The host's half is read, so that it stays open, and ignored. It ends the stream as well.
        let mut offers = request.into_inner();
        let host_is_done = async move { while let Some(Ok(_)) = offers.next().await {} };
        Ok(Response::new(Box::pin(silence(self.ending.clone()).take_until(host_is_done))))
    }
}
