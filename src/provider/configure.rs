//! From the provider block and the environment to clients.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;

use super::Variables;
use super::credentials;
use super::kubeconfig::IssuedByCloud;
use super::schema::{ExecModel, KubernetesModel, ProviderModel};
use crate::clients::{Clients, Kubernetes, Settings};
use crate::clock::Clock;
use crate::cloud::fleet::FleetEndpoint;
use crate::cloud::{
    CloudClient, CloudConfig, CredentialChain, Endpoint, EndpointResolver, Environment, FleetId, Product, Proxies,
    RegionId, TransportConfig,
};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::duration;
use crate::framework::model::{Attr, Planned};
use crate::framework::path::Path;
use crate::kubernetes::{
    self, ExecPlugin, ExplicitAccess, FleetAccess, FleetApi, ProxyForHost, SecretText, SharedLists,
};
use crate::resources::{AccessMemo, Sights, Skipped};

/// Default of `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Default of `request_timeout`.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of `max_retries`.
const MAX_RETRIES: u32 = 8;

type Model = ProviderModel<Planned>;

/// What involves more than one argument.
pub(super) fn validate(model: &Model, diagnostics: &mut Diagnostics) {
    credentials::validate(model, diagnostics);
    if let Some(kubernetes) = model.kubernetes.known() {
        validate_kubernetes(kubernetes, diagnostics);
    }
    if let Some(endpoints) = model.endpoints.known() {
        for (product, endpoint) in endpoints {
            let Some(text) = endpoint.known() else { continue };
            if let Err(error) = text.parse::<Endpoint>() {
                diagnostics.error(
                    Path::attribute("endpoints").key(product),
                    "Invalid Endpoint",
                    capitalised(&error.to_string()),
                );
            }
        }
    }
    if let Some(region) = model.region.known()
        && let Err(error) = region.parse::<RegionId>()
    {
        diagnostics.error(Path::attribute("region"), "Invalid Region", capitalised(&error.to_string()));
    }
}

fn validate_kubernetes(model: &KubernetesModel<Planned>, diagnostics: &mut Diagnostics) {
    let at = Path::attribute("kubernetes");
    let sources = [
        ("config_path", !model.config_path.is_null()),
        ("config_paths", !model.config_paths.is_null()),
        ("config_content", !model.config_content.is_null()),
        ("host", !model.host.is_null()),
    ];
    let given: Vec<&str> = sources.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    match given.as_slice() {
        [] => diagnostics.error(
            at,
            "No Kubernetes API",
            "kubernetes says not how the API is reached. Set config_path, config_paths, config_content or host. The environment's \
             KUBECONFIG is never used by itself: write config_path = pathexpand(\"~/.kube/config\") if that is meant.",
        ),
        [first, second, ..] if *first != "config_content" || *second != "host" => {
            let files = given.iter().filter(|name| **name != "host").count();
            if files > 1 {
                diagnostics.error(
                    at.attr(*second),
                    "Conflicting Kubeconfigs",
                    format!("{} are set, but there can be one source of the kubeconfig. Keep one.", given.join(" and ")),
                );
            }
        }
        _ => {}
    }
    if model.client_certificate.is_null() != model.client_key.is_null() {
        let path = if model.client_key.is_null() { "client_certificate" } else { "client_key" };
        diagnostics.error(
            Path::attribute("kubernetes").attr(path),
            "Incomplete Client Certificate",
            "client_certificate and client_key belong together. Set both.",
        );
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// `User-Agent`: host and provider with their versions, and what `TF_APPEND_USER_AGENT` adds.
pub(super) fn user_agent(version: &str, host_version: &str, variables: &Variables) -> String {
    let mut text = format!("terraform-provider-ackone/{version} Terraform/{host_version}");
    if let Some(more) = variables.get("TF_APPEND_USER_AGENT").map(|more| more.trim()).filter(|more| !more.is_empty()) {
        text.push(' ');
        text.push_str(more);
    }
    // Header values are visible ASCII.
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect()
}

/// Builds clients.
///
/// # Errors
/// If a value cannot be used.
pub(super) fn clients(
    model: &Model,
    variables: &Variables,
    clock: &Arc<dyn Clock>,
    user_agent: String,
) -> Result<Clients, Diagnostics> {
    let cloud = cloud(model, variables, clock, &user_agent)?;
    let fleet_id = model.fleet_id.known().cloned();
    let network = kubernetes::Network {
        user_agent,
        connect_timeout: timeout(&model.connect_timeout, CONNECT_TIMEOUT),
        request_timeout: timeout(&model.request_timeout, REQUEST_TIMEOUT),
        proxy: proxy_choice(&proxies(variables)),
    };
    let access = match (model.kubernetes.known(), &fleet_id) {
        (Some(explicit), _) => Some(FleetAccess::explicit(explicit_access(explicit), network, clock.clone())),
        (None, Some(fleet)) => {
            let private = model.private_endpoint == Attr::Known(true);
            let source = IssuedByCloud {
                cloud: cloud.clone(),
                fleet: FleetId::new(fleet.clone()),
                endpoint: if private { FleetEndpoint::Private } else { FleetEndpoint::Public },
            };
            Some(FleetAccess::issued(Arc::new(source), network, clock.clone()))
        }
        (None, None) => None,
    };
    let retry = kubernetes::RetryPolicy { max_retries: retries(model), ..kubernetes::RetryPolicy::default() };
    let kubernetes = access.map(|access| {
        let api = FleetApi::new(access, retry, None);
        Kubernetes::new(api.clone(), SharedLists::new(api))
    });
    let settings = Settings {
        fleet_id,
        default_labels: texts(&model.default_labels),
        default_annotations: texts(&model.default_annotations),
        skipped: skipped(&model.skip_cross_checks),
    };
    Ok(Clients { cloud, kubernetes, settings, sights: Sights::default(), access: AccessMemo::default() })
}

fn cloud(
    model: &Model,
    variables: &Variables,
    clock: &Arc<dyn Clock>,
    user_agent: &str,
) -> Result<CloudClient, Diagnostics> {
    let environment: Environment = variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let mut diagnostics = Diagnostics::new();
    let region = model.region.known().cloned().or_else(|| environment.region());
    let region = region.and_then(|text| match text.parse::<RegionId>() {
        Ok(region) => Some(region),
        Err(error) => {
            diagnostics.error(Path::attribute("region"), "Invalid Region", capitalised(&error.to_string()));
            None
        }
    });
    let explicit = endpoints(model, variables, &mut diagnostics);
    let settings = credentials::settings(model, &environment, &mut diagnostics);
    let metadata = credentials::metadata_endpoint(&environment, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    let resolver = EndpointResolver { region, explicit, ..EndpointResolver::default() };
    let mut config = CloudConfig::new(CredentialChain::new(Vec::new()), resolver);
    config.clock = clock.clone();
    config.retry.max_retries = retries(model);
    config.transport = TransportConfig {
        connect_timeout: timeout(&model.connect_timeout, CONNECT_TIMEOUT),
        read_timeout: timeout(&model.request_timeout, REQUEST_TIMEOUT),
        ca_bundle: model.ca_bundle.known().map(|pem| pem.clone().into_bytes()),
        proxies: proxies(variables),
        user_agent: user_agent.to_owned(),
    };
    let network = credentials::network(&config, metadata);
    config.credentials = CredentialChain::from_settings(settings, &environment, &network);
    Ok(CloudClient::new(config))
}

/// Endpoints: the argument, else `ALIBABA_CLOUD_ENDPOINT_<PRODUCT>`, else `<PRODUCT>_ENDPOINT`, as `alicloud` reads them.
fn endpoints(model: &Model, variables: &Variables, diagnostics: &mut Diagnostics) -> BTreeMap<Product, Endpoint> {
    let mut explicit = BTreeMap::new();
    for product in Product::ALL {
        let code = product.code();
        let argument = model.endpoints.known().and_then(|map| map.get(code)?.known().cloned());
        let name = code.to_uppercase();
        let variable = || {
            [format!("ALIBABA_CLOUD_ENDPOINT_{name}"), format!("{name}_ENDPOINT")]
                .into_iter()
                .find_map(|name| Some((name.clone(), variables.get(&name).filter(|value| !value.is_empty())?.clone())))
        };
        let (source, text) = match argument {
            Some(text) => (None, text),
            None => match variable() {
                Some((name, text)) => (Some(name), text),
                None => continue,
            },
        };
        match text.parse::<Endpoint>() {
            Ok(endpoint) => {
                explicit.insert(product, endpoint);
            }
            Err(error) => {
                let from =
                    source.map(|name| format!(" It comes from the environment variable {name}.")).unwrap_or_default();
                let detail = format!("{}{from}", capitalised(&error.to_string()));
                diagnostics.error(Path::attribute("endpoints").key(code), "Invalid Endpoint", detail);
            }
        }
    }
    explicit
}

fn proxies(variables: &Variables) -> Proxies {
    let first = |names: [&str; 2]| {
        names.iter().find_map(|name| variables.get(*name).filter(|value| !value.is_empty()).cloned())
    };
    Proxies {
        https: first(["HTTPS_PROXY", "https_proxy"]),
        // A plain HTTP_PROXY could come from a request header in a CGI process, hence the lower-case name only.
        http: variables.get("http_proxy").filter(|value| !value.is_empty()).cloned(),
        no_proxy: first(["NO_PROXY", "no_proxy"]),
    }
}

/// The environment's proxy for the Fleet's API server, by the same variables and exclusions as for the cloud's endpoints.
pub(super) fn proxy_choice(proxies: &Proxies) -> Option<ProxyForHost> {
    let url = proxies.https.as_deref()?;
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let except = proxies.no_proxy.clone().unwrap_or_default();
    let matcher = Matcher::builder().https(url.clone()).no(except).build();
    Some(Arc::new(move |host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let server = format!("https://{host}/").parse().ok()?;
        matcher.intercept(&server).map(|_| url.clone())
    }))
}

fn explicit_access(model: &KubernetesModel<Planned>) -> ExplicitAccess {
    let paths = model.config_path.known().cloned().into_iter();
    let more = model.config_paths.known().into_iter().flatten().filter_map(|path| path.known().cloned());
    ExplicitAccess {
        kubeconfig: model.config_content.known().cloned(),
        kubeconfig_paths: paths.chain(more).map(PathBuf::from).collect(),
        context: model.config_context.known().cloned(),
        host: model.host.known().cloned(),
        cluster_ca_certificate: model.cluster_ca_certificate.known().cloned(),
        token: model.token.known().cloned(),
        client_certificate: model.client_certificate.known().cloned(),
        client_key: model.client_key.known().cloned(),
        insecure: model.insecure.known().copied(),
        tls_server_name: model.tls_server_name.known().cloned(),
        proxy_url: model.proxy_url.known().cloned(),
        exec: model.exec.known().map(exec_plugin),
    }
}

fn exec_plugin(model: &ExecModel<Planned>) -> ExecPlugin {
    ExecPlugin {
        api_version: model.api_version.known().cloned().unwrap_or_default(),
        command: model.command.known().cloned().unwrap_or_default(),
        args: model.args.known().into_iter().flatten().filter_map(|argument| argument.known().cloned()).collect(),
        env: texts(&model.env).into_iter().map(|(name, value)| (name, SecretText::new(value))).collect(),
    }
}

/// A text that is set and not empty.
pub(super) fn filled(text: &Attr<String>) -> Option<String> {
    text.known().filter(|text| !text.is_empty()).cloned()
}

fn texts(map: &Attr<BTreeMap<String, Attr<String>>>) -> BTreeMap<String, String> {
    let entries = map.known().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.known()?.clone()))).collect()
}

fn skipped(names: &Attr<Vec<Attr<String>>>) -> Skipped {
    Skipped::named(names.known().into_iter().flatten().filter_map(|name| name.known().map(String::as_str)))
}

fn timeout(text: &Attr<String>, default: Duration) -> Duration {
    text.known().and_then(|text| duration::parse(text)).unwrap_or(default)
}

fn retries(model: &Model) -> u32 {
    model.max_retries.known().and_then(|count| u32::try_from(*count).ok()).unwrap_or(MAX_RETRIES)
}
