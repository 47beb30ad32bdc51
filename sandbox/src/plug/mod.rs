//! The Fleet's side of the sandbox, plugged into the cloud's: API server, controller, members, load balancers, data plane.
//!
//! `main` starts it on the [`Foundation`] the cloud side uses too, and hands its [`FleetSide`] to the shell. The parts
//! were written apart and know each other only through the traits that are implemented here. Nothing here decides how
//! any of them behaves.

mod balancers;
mod fleet;
mod gate;
mod kubernetes;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use self::balancers::Balancers;
use self::fleet::{FleetView, Switches};
use self::gate::{CONTROLLER_USER, FaultGate};
use self::kubernetes::{Kubernetes, Server, saved_authority};
use crate::alb::AlbCloud;
use crate::apiserver::gate::{RequestGate, Watched};
use crate::apiserver::{ApiServer, ApiServerConfig, Opening, Relay, alb_config_definition, clock};
use crate::argocd::{self, ArgoCd, ArgoCdConfig, Registry};
use crate::cloud::{KubeconfigIssuer, LoadBalancers};
use crate::controller::{Controller, ControllerConfig, ControllerHandle, VSwitches};
use crate::dataplane::{DataPlane, DataPlaneConfig, PortPolicy, Ports};
use crate::members::{FleetMembers, Members, SecurityGroups, ServiceRegistry};
use crate::parts::{ControllerControl, Gateways, GitOpsControl, KubernetesControl, MemberServices, Part};
use crate::running::{FleetSide, Foundation, StartError};
use crate::settings::{GatewayPorts, Generation, RunArgs};
use crate::world::{Secret, random_text};

/// The listener ports of the walkthrough, whose places are promised from the start.
const PROMISED: [u16; 2] = [443, 8001];
/// What the API server is called in errors.
const FLEET_API: &str = "the Fleet's Kubernetes API";
/// What Argo CD is called in errors.
const ARGO_CD: &str = "Argo CD";
/// How often, and after which pauses, a new definition is looked for.
const DEFINITION_ROUNDS: u32 = 300;
const DEFINITION_PAUSE: Duration = Duration::from_millis(100);
/// The quickest the controller gets: at scale zero its retries would never rest.
const LEAST_SCALE: f64 = 0.002;

/// The running Fleet's side. Dropping it stops it.
#[derive(Debug)]
pub struct Plugged {
    side: FleetSide,
    controller: ControllerHandle,
    argocd: ArgoCd,
    /// Kept for as long as the sandbox runs; the parts hold the rest.
    _members: Arc<Members>,
}

fn failed(what: &'static str) -> impl Fn(Box<dyn std::error::Error + Send + Sync>) -> StartError {
    move |error| StartError::Start { what, source: std::io::Error::other(error) }
}

/// The API server to use and what is known of it.
struct Api {
    client: Client,
    kubernetes: Arc<Kubernetes>,
    kubeconfig: Option<PathBuf>,
}

impl Plugged {
    /// Starts everything the Fleet's side consists of.
    ///
    /// # Errors
    /// When a port or a file cannot be had, or what a state file kept does not fit.
    pub async fn start(settings: &RunArgs, foundation: &Foundation) -> Result<Self, StartError> {
        // Only the first start in a process installs it; later ones find it there.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let world = Arc::clone(&foundation.world);
        let (fleet_id, region, clusters) = world.read(|state, _| {
            let clusters: Vec<String> = state.clusters.keys().cloned().collect();
            (state.primary_fleet.clone(), state.region.clone(), clusters)
        });
        let api = match &settings.kubeconfig {
            Some(path) => real(settings, foundation, &fleet_id, path).await?,
            None => embedded(settings, foundation, &fleet_id).await?,
        };
        let members =
            if settings.bare_members { Members::start_bare(clusters).await } else { Members::start(clusters).await };
        let members = members.map_err(|source| StartError::Start { what: "the member clusters' servers", source })?;
        let view = Arc::new(FleetView::new(Arc::clone(&world), Arc::clone(&members), fleet_id.clone()));
        let cloud = Arc::new(match foundation.saved.get(balancers::NAME) {
            Some(saved) => {
                let state = serde_json::from_value(saved.clone()).map_err(StartError::State)?;
                AlbCloud::restore(region, state)
            }
            None => AlbCloud::new(region),
        });
        let (ports, gateway_ports) = ports(settings.gateway_ports())?;
        let plane = DataPlane::spawn(
            &cloud,
            Arc::clone(&view) as Arc<dyn SecurityGroups>,
            DataPlaneConfig { ports: Arc::new(ports), ..DataPlaneConfig::default() },
        );
        let generation = match settings.generation {
            Generation::Hosted => crate::controller::Generation::Hosted,
            Generation::OpenSource => crate::controller::Generation::OpenSource,
        };
        let config = ControllerConfig {
            generation,
            scale: settings.time_scale.max(LEAST_SCALE),
            vswitches: Arc::clone(&view) as Arc<dyn VSwitches>,
            ..ControllerConfig::new(api.client.clone(), fleet_id)
        };
        let argocd = ArgoCd::spawn(ArgoCdConfig {
            client: api.client,
            scale: settings.time_scale.max(LEAST_SCALE),
            registry: Arc::clone(&view) as Arc<dyn Registry>,
            members: Arc::clone(&members),
        });
        let controller = Controller::spawn(
            config,
            Arc::clone(&cloud),
            view as Arc<dyn FleetMembers>,
            Arc::clone(&members) as Arc<dyn ServiceRegistry>,
        );
        let balancers = Arc::new(Balancers::new(cloud, plane, world));
        let kubernetes = api.kubernetes;
        let parts = vec![Arc::clone(&balancers) as Arc<dyn Part>, Arc::clone(&kubernetes) as Arc<dyn Part>];
        let side = FleetSide {
            issuer: Some(Arc::clone(&kubernetes) as Arc<dyn KubeconfigIssuer>),
            balancers: Some(Arc::clone(&balancers) as Arc<dyn LoadBalancers>),
            gateways: Some(balancers as Arc<dyn Gateways>),
            parts,
            kubernetes: Some(kubernetes as Arc<dyn KubernetesControl>),
            controller: Some(Arc::new(Switches::new(controller.faults())) as Arc<dyn ControllerControl>),
            gitops: Some(Arc::new(argocd.switches()) as Arc<dyn GitOpsControl>),
            members: Some(Arc::clone(&members) as Arc<dyn MemberServices>),
            kubeconfig: api.kubeconfig,
            gateway_ports,
        };
        Ok(Self { side, controller, argocd, _members: members })
    }

    /// What the shell needs of it.
    pub fn side(&self) -> FleetSide {
        self.side.clone()
    }

    /// Stops the controllers, so that what is saved afterwards does not change any more.
    pub async fn stop(self) {
        self.argocd.shutdown().await;
        self.controller.shutdown().await;
        if let Some(path) = self.side.kubeconfig
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::debug!(%error, "kubeconfig not removed");
        }
    }
}

/// The kubeconfig for kubectl lies beside the ready file.
fn kubeconfig_path(settings: &RunArgs) -> Option<PathBuf> {
    let ready = settings.ready_file.as_ref()?;
    let ready = std::path::absolute(ready).unwrap_or_else(|_| ready.clone());
    Some(ready.with_extension("kubeconfig"))
}

/// What the door of the Fleet's API is opened with.
fn opening(settings: &RunArgs, foundation: &Foundation, gate: &Arc<FaultGate>) -> Opening {
    Opening {
        port: settings.kubernetes_port,
        clock: clock::system(),
        gate: Arc::clone(gate) as Arc<dyn RequestGate>,
        authority: foundation.saved.get(kubernetes::NAME).and_then(saved_authority),
    }
}

fn unopened(settings: &RunArgs) -> impl Fn(std::io::Error) -> StartError {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.kubernetes_port));
    move |source| match source.kind() {
        std::io::ErrorKind::AddrInUse | std::io::ErrorKind::PermissionDenied => StartError::Bind {
            what: FLEET_API,
            address,
            source,
            hint: "\nChoose another --kubernetes-port, or 0 for any free one.",
        },
        _ => StartError::Start { what: FLEET_API, source },
    }
}

fn gate(foundation: &Foundation) -> Arc<FaultGate> {
    let clock = foundation.world.clock().clone();
    Arc::new(FaultGate::new(Arc::clone(&foundation.faults), Arc::clone(&foundation.log), clock))
}

async fn embedded(settings: &RunArgs, foundation: &Foundation, fleet_id: &str) -> Result<Api, StartError> {
    let gate = gate(foundation);
    let Opening { port, clock, gate: door, authority } = opening(settings, foundation, &gate);
    let config =
        ApiServerConfig { port, clock: Arc::clone(&clock), gate: door, authority, ..ApiServerConfig::default() };
    let server = Arc::new(ApiServer::start(config).await.map_err(unopened(settings))?);
    gate.guard(Arc::downgrade(&(Arc::clone(&server) as Arc<dyn Watched>)));
    let client = controller_client(&server).map_err(failed("the controller"))?;
    argocd::prepare(&client).await.map_err(failed(ARGO_CD))?;
    let api = serve(settings, fleet_id, Server::Embedded(server), clock, client).await?;
    if let Some(saved) = foundation.saved.get(kubernetes::NAME) {
        let unfit = |source| StartError::Start { what: FLEET_API, source };
        api.kubernetes.restore(saved).map_err(unfit)?;
        // A file of an older sandbox has none of it.
        argocd::prepare(&api.client).await.map_err(failed(ARGO_CD))?;
    }
    Ok(api)
}

async fn serve(
    settings: &RunArgs,
    fleet_id: &str,
    server: Server,
    clock: clock::Clock,
    client: Client,
) -> Result<Api, StartError> {
    let path = kubeconfig_path(settings);
    let kubernetes = Kubernetes::new(server, clock, fleet_id.to_owned(), path.clone()).await;
    kubernetes.write_file()?;
    Ok(Api { client, kubernetes: Arc::new(kubernetes), kubeconfig: path })
}

/// The controller's own way in: a token nobody revokes.
fn controller_client(server: &ApiServer) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let token = Secret::new(random_text(40));
    server.add_token(token.expose(), CONTROLLER_USER, &["system:masters"], None);
    let authority = CertificateDer::from_pem_slice(server.ca_pem().as_bytes())?;
    let mut config = Config::new(server.url().parse()?);
    config.root_cert = Some(vec![authority.to_vec()]);
    config.auth_info = AuthInfo { token: Some(token.expose().to_owned().into()), ..AuthInfo::default() };
    Ok(Client::try_from(config)?)
}

/// A real API server, with the definitions that a Fleet's has.
async fn real(settings: &RunArgs, foundation: &Foundation, fleet_id: &str, path: &Path) -> Result<Api, StartError> {
    let failed = failed("a client of the kubeconfig's API server");
    let config = Kubeconfig::read_from(path).map_err(|error| failed(error.into()))?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .map_err(|error| failed(error.into()))?;
    // What the sandbox hands on is the caller's to repeat.
    let mut handing_on = config.clone();
    handing_on.default_retry = false;
    let handing_on = Client::try_from(handing_on).map_err(|error| failed(error.into()))?;
    let client = Client::try_from(config).map_err(|error| failed(error.into()))?;
    define(&client).await.map_err(self::failed("the definition of AlbConfig"))?;
    argocd::prepare(&client).await.map_err(self::failed(ARGO_CD))?;
    let gate = gate(foundation);
    let opening = opening(settings, foundation, &gate);
    let clock = Arc::clone(&opening.clock);
    let relay = Arc::new(Relay::start(opening, handing_on).await.map_err(unopened(settings))?);
    gate.guard(Arc::downgrade(&(Arc::clone(&relay) as Arc<dyn Watched>)));
    serve(settings, fleet_id, Server::Real(relay), clock, client).await
}

/// Makes AlbConfig known, if it is not, and waits until it is served.
async fn define(client: &Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let definitions: kube::Api<CustomResourceDefinition> = kube::Api::all(client.clone());
    let definition: CustomResourceDefinition = serde_json::from_value(alb_config_definition())?;
    match definitions.create(&PostParams::default(), &definition).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        Err(error) => return Err(error.into()),
    }
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("alibabacloud.com", "v1", "AlbConfig"), "albconfigs");
    let objects: kube::Api<DynamicObject> = kube::Api::all_with(client.clone(), &resource);
    let mut last = None;
    for _ in 0..DEFINITION_ROUNDS {
        match objects.list(&ListParams::default().limit(1)).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(DEFINITION_PAUSE).await;
    }
    Err(last.map_or_else(|| "it is not served".into(), Into::into))
}

fn ports(policy: GatewayPorts) -> Result<(Ports, BTreeMap<String, u16>), StartError> {
    let ports = Ports::new(match policy {
        GatewayPorts::Fallback => PortPolicy::Fallback,
        GatewayPorts::Declared => PortPolicy::Declared,
        GatewayPorts::Ephemeral => PortPolicy::Ephemeral,
    });
    let mut promised = BTreeMap::new();
    for declared in PROMISED {
        let port = ports.promise(declared).map_err(|source| StartError::Bind {
            what: "gateways",
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, declared)),
            source,
            hint: "\nWith --gateway-port-policy fallback another port takes its place.",
        })?;
        promised.insert(declared.to_string(), port);
    }
    Ok((ports, promised))
}
