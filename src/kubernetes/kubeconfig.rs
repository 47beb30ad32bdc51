//! Settings into a `kube::Config`: kubeconfig text and files, contexts, single overrides.
//!
//! Called by [`access`](super::access) on a blocking thread. Written against the kubeconfig types of kube but not with
//! its loaders, because those read `KUBECONFIG`, `HTTPS_PROXY` and `NO_PROXY` from the environment by themselves.
//! Errors are texts without any content of the kubeconfig.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kube::config::{AuthInfo, Cluster, Config, ExecConfig, ExecInteractiveMode, Kubeconfig};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use super::{
    access::{ExecPlugin, ExplicitAccess, Network, describe},
    secret::SecretText,
};

/// A configuration and the end of its client certificate, if it has one.
pub(crate) struct Configured {
    pub(crate) config: Config,
    pub(crate) not_after: Option<Timestamp>,
}

/// A kubeconfig that came over the network: it may hold data only, no file names and no programs.
pub(crate) fn from_issued(text: &SecretText, network: &Network) -> Result<Configured, String> {
    let kubeconfig = Kubeconfig::from_yaml(text.expose()).map_err(|error| describe(&error))?;
    let (cluster, auth) = choose(&kubeconfig, None)?;
    let refused = [
        ("exec", auth.exec.is_some()),
        ("auth-provider", auth.auth_provider.is_some()),
        ("tokenFile", auth.token_file.is_some()),
        ("client-certificate", auth.client_certificate.is_some()),
        ("client-key", auth.client_key.is_some()),
        ("certificate-authority", cluster.certificate_authority.is_some()),
    ];
    if let Some((name, _)) = refused.iter().find(|(_, present)| *present) {
        return Err(format!("the issued kubeconfig holds \"{name}\", which only a local kubeconfig may"));
    }
    configure(&cluster, auth, network)
}

/// The user's settings: a kubeconfig if there is one, then each single setting over it.
pub(crate) fn from_explicit(settings: &ExplicitAccess, network: &Network) -> Result<Configured, String> {
    let mut kubeconfig: Option<Kubeconfig> = None;
    if let Some(text) = &settings.kubeconfig {
        kubeconfig = Some(Kubeconfig::from_yaml(text.expose()).map_err(|error| describe(&error))?);
    }
    for path in &settings.kubeconfig_paths {
        let next = Kubeconfig::read_from(path)
            .map_err(|error| format!("kubeconfig \"{}\": {}", path.display(), describe(&error)))?;
        kubeconfig = Some(match kubeconfig {
            Some(merged) => merged.merge(next).map_err(|error| describe(&error))?,
            None => next,
        });
    }
    let (mut cluster, mut auth) = match &kubeconfig {
        Some(kubeconfig) => choose(kubeconfig, settings.context.as_deref())?,
        None if settings.context.is_some() => return Err("a context is set, but no kubeconfig".to_owned()),
        None => (Cluster::default(), AuthInfo::default()),
    };
    override_cluster(&mut cluster, settings);
    override_auth(&mut auth, settings)?;
    configure(&cluster, auth, network)
}

fn override_cluster(cluster: &mut Cluster, settings: &ExplicitAccess) {
    if let Some(host) = &settings.host {
        let url = if host.contains("://") { host.clone() } else { format!("https://{host}") };
        cluster.server = Some(url);
    }
    if let Some(pem) = &settings.cluster_ca_certificate {
        cluster.certificate_authority_data = Some(STANDARD.encode(pem));
    }
    if let Some(insecure) = settings.insecure {
        cluster.insecure_skip_tls_verify = Some(insecure);
    }
    if let Some(name) = &settings.tls_server_name {
        cluster.tls_server_name = Some(name.clone());
    }
    if let Some(url) = &settings.proxy_url {
        cluster.proxy_url = Some(url.clone());
    }
}

fn override_auth(auth: &mut AuthInfo, settings: &ExplicitAccess) -> Result<(), String> {
    match (&settings.client_certificate, &settings.client_key) {
        (Some(certificate), Some(key)) => {
            auth.client_certificate_data = Some(STANDARD.encode(certificate));
            auth.client_key_data = Some(STANDARD.encode(key.expose()).into());
        }
        (None, None) => {}
        (Some(_), None) => return Err("a client certificate is set without its key".to_owned()),
        (None, Some(_)) => return Err("a client key is set without its certificate".to_owned()),
    }
    if let Some(token) = &settings.token {
        auth.token = Some(token.expose().to_owned().into());
        auth.exec = None;
        auth.token_file = None;
    }
    if let Some(plugin) = &settings.exec {
        auth.exec = Some(exec_config(plugin));
        auth.token = None;
        auth.token_file = None;
    }
    Ok(())
}

fn exec_config(plugin: &ExecPlugin) -> ExecConfig {
    ExecConfig {
        api_version: Some(plugin.api_version.clone()),
        command: Some(plugin.command.clone()),
        args: Some(plugin.args.clone()),
        env: Some(
            plugin
                .env
                .iter()
                .map(|(name, value)| {
                    [("name".to_owned(), name.clone()), ("value".to_owned(), value.expose().to_owned())]
                        .into_iter()
                        .collect()
                })
                .collect(),
        ),
        ..ExecConfig::default()
    }
}

/// The cluster and the user of a context.
fn choose(kubeconfig: &Kubeconfig, context: Option<&str>) -> Result<(Cluster, AuthInfo), String> {
    let context = context
        .or(kubeconfig.current_context.as_deref())
        .filter(|name| !name.is_empty())
        .ok_or("the kubeconfig names no current context; set one")?;
    let chosen = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref())
        .ok_or_else(|| format!("the kubeconfig has no context \"{context}\""))?;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|named| named.name == chosen.cluster)
        .and_then(|named| named.cluster.clone())
        .ok_or_else(|| format!("the kubeconfig has no cluster \"{}\"", chosen.cluster))?;
    let auth = kubeconfig
        .auth_infos
        .iter()
        .find(|named| Some(&named.name) == chosen.user.as_ref())
        .and_then(|named| named.auth_info.clone())
        .unwrap_or_default();
    Ok((cluster, auth))
}

fn configure(cluster: &Cluster, mut auth: AuthInfo, network: &Network) -> Result<Configured, String> {
    let server = cluster.server.as_deref().ok_or("no API server is named: set host or a kubeconfig")?;
    let url: http::Uri = server.parse().map_err(|_| format!("\"{server}\" is not a URL of an API server"))?;
    let host = url.host().ok_or_else(|| format!("\"{server}\" has no host"))?.to_owned();
    if let Some(exec) = &mut auth.exec {
        // The plugin must not read or write the host's pipes.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
        if exec.provide_cluster_info {
            exec.cluster = Some(cluster.try_into().map_err(|error: kube::config::KubeconfigError| describe(&error))?);
        }
    }
    let not_after = certificate_end(&auth)?;
    let mut config = Config::new(url);
    if let Some(pem) = pem_of(
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
        "certificate authority",
    )? {
        config.root_cert = Some(certificates(&pem)?);
    }
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.connect_timeout = Some(network.connect_timeout);
    // Each call has its own limit and watches have an idle limit, so the connection has none; resending is ours.
    config.read_timeout = None;
    config.default_retry = false;
    let proxy = cluster.proxy_url.clone().filter(|url| !url.is_empty());
    let proxy = proxy.or_else(|| network.proxy.as_ref().and_then(|choose| choose(&host)));
    config.proxy_url = proxy
        .map(|url| url.parse().map_err(|_| "the proxy URL for the API server is not a URL".to_owned()))
        .transpose()?;
    let agent = http::HeaderValue::from_str(&network.user_agent)
        .map_err(|_| "the user agent holds characters that a header cannot".to_owned())?;
    config.headers.push((http::header::USER_AGENT, agent));
    config.auth_info = auth;
    Ok(Configured { config, not_after })
}

/// Inline base64 data, else the content of a file.
fn pem_of(data: Option<&str>, path: Option<&str>, what: &str) -> Result<Option<Vec<u8>>, String> {
    match (data.filter(|data| !data.is_empty()), path.filter(|path| !path.is_empty())) {
        (Some(data), _) => STANDARD.decode(data.trim()).map(Some).map_err(|_| format!("the {what} data is not base64")),
        (None, Some(path)) => std::fs::read(path).map(Some).map_err(|error| format!("{what} file \"{path}\": {error}")),
        (None, None) => Ok(None),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let parsed: Result<Vec<Vec<u8>>, _> =
        CertificateDer::pem_slice_iter(pem).map(|der| der.map(|der| der.to_vec())).collect();
    match parsed {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err("the certificate authority holds no PEM certificate".to_owned()),
        Err(error) => Err(format!("the certificate authority is not PEM: {error}")),
    }
}

fn certificate_end(auth: &AuthInfo) -> Result<Option<Timestamp>, String> {
    let pem =
        pem_of(auth.client_certificate_data.as_deref(), auth.client_certificate.as_deref(), "client certificate")?;
    let Some(pem) = pem else { return Ok(None) };
    let der = CertificateDer::from_pem_slice(&pem).map_err(|_| "the client certificate is not PEM".to_owned())?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der)
        .map_err(|_| "the client certificate is not an X.509 certificate".to_owned())?;
    Ok(Timestamp::from_second(certificate.validity().not_after.timestamp()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: a
clusters:
- {name: one, cluster: {server: 'https://one.example:6443', proxy-url: 'http://proxy.example:3128'}}
- {name: two, cluster: {server: 'https://two.example:6443', insecure-skip-tls-verify: true}}
users:
- {name: bob, user: {token: 's3cret'}}
contexts:
- {name: a, context: {cluster: one, user: bob}}
- {name: b, context: {cluster: two, user: bob}}
";

    fn explicit(context: Option<&str>) -> ExplicitAccess {
        ExplicitAccess {
            kubeconfig: Some(SecretText::new(KUBECONFIG)),
            context: context.map(str::to_owned),
            ..ExplicitAccess::default()
        }
    }

    fn refusal(result: Result<Configured, String>) -> String {
        result.err().expect("must be refused")
    }

    #[test]
    fn the_context_chooses_and_single_settings_override() {
        let network =
            Network { proxy: Some(std::sync::Arc::new(|host| Some(format!("http://{host}:1")))), ..Network::default() };
        let a = from_explicit(&explicit(None), &network).unwrap().config;
        assert_eq!(a.cluster_url, "https://one.example:6443/");
        assert_eq!(a.proxy_url.unwrap(), "http://proxy.example:3128/", "the kubeconfig's own proxy wins");
        let b = from_explicit(&explicit(Some("b")), &network).unwrap().config;
        assert_eq!(b.proxy_url.unwrap(), "http://two.example:1/");
        assert!(b.accept_invalid_certs && !b.default_retry);
        let over = ExplicitAccess {
            host: Some("three.example".into()),
            insecure: Some(false),
            tls_server_name: Some("kubernetes".into()),
            ..explicit(Some("b"))
        };
        let c = from_explicit(&over, &Network::default()).unwrap().config;
        assert_eq!((c.cluster_url.to_string().as_str(), c.accept_invalid_certs), ("https://three.example/", false));
        assert_eq!((c.tls_server_name.as_deref(), c.proxy_url), (Some("kubernetes"), None));
    }

    #[test]
    fn refusals_say_what_is_wrong_and_show_no_content() {
        let network = Network::default();
        assert!(refusal(from_explicit(&explicit(Some("c")), &network)).contains("no context \"c\""));
        assert!(refusal(from_explicit(&ExplicitAccess::default(), &network)).contains("set host or a kubeconfig"));
        let broken = ExplicitAccess {
            kubeconfig: Some(SecretText::new("users: [{name: bob, user: {token: 's3cret']")),
            ..ExplicitAccess::default()
        };
        let text = refusal(from_explicit(&broken, &network));
        assert!(!text.contains("s3cret") && text.contains("not valid YAML"), "{text}");
        let half = ExplicitAccess { client_certificate: Some("x".into()), ..explicit(None) };
        assert!(refusal(from_explicit(&half, &network)).contains("without its key"));
    }

    #[test]
    fn an_issued_kubeconfig_may_not_run_programs_or_read_files() {
        for (name, user) in [("exec", "exec: {command: /bin/true}"), ("tokenFile", "tokenFile: /etc/passwd")] {
            let text = KUBECONFIG.replace("token: 's3cret'", user);
            let answer = refusal(from_issued(&SecretText::new(text), &Network::default()));
            assert!(answer.contains(name), "{answer}");
        }
    }
}
