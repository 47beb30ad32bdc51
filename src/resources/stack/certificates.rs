//! Rules about the certificates that an Ingress or a gateway names but does not hold.
//!
//! What is kept of a Secret is what its certificate says and whether its key fits; the key itself is never kept.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::Stack;
use super::view::{Gateway, Ingress, Tls};
use crate::certificate::{Facts, PrivateKey, parse_chain};
use crate::framework::diagnostic::{Diagnostic, Diagnostics};
use crate::framework::path::Path;
use crate::kubernetes::Object;

/// An end nearer than this is warned of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Types of Secrets that the controller's documentation names.
const TYPES: [&str; 2] = ["kubernetes.io/tls", "IngressTLS"];
/// Certificates that one load balancer takes besides the default one, unless the quota was raised.
const CERTIFICATES_QUOTA: usize = 25;
/// The keys of a TLS Secret.
const KEYS: [&str; 2] = ["tls.crt", "tls.key"];
/// What the controller says of certificates by ID that ended, or end within a day.
const EXPIRED_TEXT: &str = "following certificate IDs have expired";

/// What is known of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SecretSight {
    /// It is not there.
    Absent,
    /// This run makes or changes it: what is there now says nothing.
    Coming,
    /// The same, and the names that its certificate will be for are known.
    Planned(Vec<String>),
    /// It cannot be read.
    Unreadable,
    /// It is there.
    Live(Box<SecretFacts>),
}

/// What the rules need of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretFacts {
    kind: String,
    /// Faults of its content, for a message.
    faults: Vec<String>,
    /// What the server's certificate says.
    leaf: Option<Facts>,
}

impl SecretSight {
    /// From a live Secret.
    pub(crate) fn of(secret: &Object) -> Self {
        let data = secret.value().get("data");
        let text = |key: &str| -> Option<Zeroizing<String>> {
            let bytes = Zeroizing::new(STANDARD.decode(data?.get(key)?.as_str()?).ok()?);
            std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
        };
        let mut faults = Vec::new();
        for key in KEYS {
            if data.and_then(|data| data.get(key)?.as_str()).is_none_or(str::is_empty) {
                faults.push(format!("it has no {key}"));
            }
        }
        let mut chain = Vec::new();
        if let Some(pem) = text("tls.crt").filter(|pem| !pem.is_empty()) {
            match parse_chain(&pem) {
                Ok(parsed) => chain = parsed,
                Err(error) => faults.push(format!("tls.crt is no certificate chain: {error}")),
            }
        }
        if let Some(pem) = text("tls.key").filter(|pem| !pem.is_empty()) {
            match (PrivateKey::from_pem(&pem), chain.first()) {
                (Ok(key), Some(leaf)) if !key.matches(leaf) => {
                    faults.push("tls.key is not the key of the first certificate in tls.crt".to_owned());
                }
                (Ok(_), _) => {}
                (Err(error), _) => faults.push(format!("tls.key cannot be used: {error}")),
            }
        }
        let leaf = chain.first().and_then(|leaf| Facts::from_der(leaf).ok());
        let kind = secret.value().get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        Self::Live(Box::new(SecretFacts { kind, faults, leaf }))
    }
}

/// The entries of `tls` with a Secret that was looked for: index, entry, name, what is known.
fn secrets<'a>(stack: &'a Stack, own: &'a Ingress) -> impl Iterator<Item = (usize, &'a Tls, &'a str, &'a SecretSight)> {
    own.tls.iter().flatten().enumerate().filter_map(|(index, entry)| {
        let name = entry.secret_name.as_deref()?;
        let sight = stack.secrets.get(&(own.namespace.clone(), name.to_owned()))?;
        Some((index, entry, name, &**sight))
    })
}

fn at(index: usize) -> Path {
    Path::attribute("tls").index(index).attr("secret_name")
}

/// V52, for a plan: the Secret is there, and of a type that the controller takes. An apply does not refuse an absent one:
/// the controller waits for it, and so does the resource.
pub(super) fn v52_secret_is_there(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    for (index, _, name, sight) in secrets(stack, own) {
        let full = format!("{}/{name}", own.namespace);
        match sight {
            SecretSight::Absent => found.warn(
                at(index),
                "TLS Secret Missing",
                format!(
                    "There is no Secret {full:?} in the Fleet, and no resource planned before this one makes it. Until it is \
                     there the controller refuses the Ingress (Secret {name:?} not found), which stops changes of every \
                     Ingress of the gateway. Create it in the Ingress's namespace, best with ackone_tls_secret and its name \
                     here, so that the order is right."
                ),
            ),
            SecretSight::Live(facts) if !TYPES.contains(&facts.kind.as_str()) => found.warn(
                at(index),
                "TLS Secret of Another Type",
                format!(
                    "Secret {full:?} is of type {:?}; the controller's documentation names {}. Make it anew with type \
                     kubernetes.io/tls: the type of a Secret cannot be changed.",
                    facts.kind,
                    TYPES.join(" and ")
                ),
            ),
            SecretSight::Coming | SecretSight::Planned(_) | SecretSight::Unreadable | SecretSight::Live(_) => {}
        }
    }
}

/// V52: the Secret holds a certificate and its key.
pub(super) fn v52_secret_is_usable(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    for (index, _, name, sight) in secrets(stack, own) {
        if let SecretSight::Live(facts) = sight
            && !facts.faults.is_empty()
        {
            found.error(
                at(index),
                "TLS Secret Not Usable",
                format!(
                    "Secret \"{}/{name}\" cannot be served: {}. The controller's upload fails, which stops changes of every \
                     Ingress of the gateway. Put the server's certificate with its issuers into tls.crt and its unencrypted \
                     key into tls.key.",
                    own.namespace,
                    facts.faults.join("; ")
                ),
            );
        }
    }
}

/// The certificates of one load balancer fit its quota: the first of a listener is its default, the others count.
pub(super) fn certificates_fit_the_quota(stack: &Stack, own: &Ingress) -> Option<Diagnostic> {
    stack.ingresses.as_ref()?;
    let mine: BTreeSet<(&str, &str)> = named_secrets(own).collect();
    let mut secrets: BTreeSet<(&str, &str)> = stack.others().flat_map(named_secrets).collect();
    secrets.extend(&mine);
    let listeners = stack.gateway.iter().filter_map(|gateway| gateway.listeners.as_ref()).flatten();
    let ids: BTreeSet<&String> = listeners.flat_map(|(_, listener)| listener.certificates.iter().flatten()).collect();
    let all = secrets.len() + ids.len();
    (all > CERTIFICATES_QUOTA + 1 && !mine.is_empty()).then(|| {
        Diagnostic::warning(
            "Too Many Certificates",
            format!(
                "The Ingresses and listeners of this gateway name {all} certificates. A load balancer takes {CERTIFICATES_QUOTA} \
                 besides the default one unless the quota was raised; beyond it the controller stops changes of every Ingress \
                 of the gateway. Let hosts share a certificate, use another gateway, or have the quota raised."
            ),
        )
        .at(Path::attribute("tls"))
    })
}

fn named_secrets(ingress: &Ingress) -> impl Iterator<Item = (&str, &str)> {
    let names = ingress.tls.iter().flatten().filter_map(|entry| entry.secret_name.as_deref());
    names.map(|name| (ingress.namespace.as_str(), name))
}

/// V53: the Secret's certificate is valid for a while, has a common name, and covers the hosts.
pub(super) fn v53_certificate_is_valid(stack: &Stack, own: &Ingress, found: &mut Diagnostics) {
    for (index, entry, name, sight) in secrets(stack, own) {
        let secret = format!("\"{}/{name}\"", own.namespace);
        let names = match sight {
            SecretSight::Live(facts) => {
                let Some(leaf) = &facts.leaf else { continue };
                dates_and_name(leaf, stack, &secret, &at(index), found);
                let mut names = leaf.dns_names.clone();
                names.extend(leaf.common_name.clone().filter(|name| !names.contains(name)));
                names
            }
            // Dates and common name are told by the resource that makes it.
            SecretSight::Planned(names) => names.clone(),
            SecretSight::Absent | SecretSight::Coming | SecretSight::Unreadable => continue,
        };
        let covers = |host: &str| names.iter().any(|name| crate::certificate::covers(name, host));
        let missing: Vec<&str> = entry.hosts.iter().map(String::as_str).filter(|host| !covers(host)).collect();
        if !missing.is_empty() {
            found.error(
                Path::attribute("tls").index(index).attr("hosts"),
                "Host Not in Certificate",
                format!(
                    "The certificate in Secret {secret} does not cover {}; it is for {}. A wildcard covers exactly one label. \
                     Clients would refuse it. Use a certificate for these hosts, or list them with another Secret.",
                    missing.join(", "),
                    names.join(", ")
                ),
            );
        }
    }
}

fn dates_and_name(leaf: &Facts, stack: &Stack, secret: &str, at: &Path, found: &mut Diagnostics) {
    if leaf.not_after <= stack.now {
        found.error(
            at.clone(),
            "Certificate Expired",
            format!(
                "The certificate in Secret {secret} ended at {}. The ALB certificate service refuses it, which stops changes of \
                 every Ingress of the gateway. Renew it.",
                leaf.not_after
            ),
        );
    } else if leaf.not_after.duration_since(stack.now) < SOON {
        found.warn(
            at.clone(),
            "Certificate Ends Soon",
            format!("The certificate in Secret {secret} ends at {}. Have it renewed in time.", leaf.not_after),
        );
    }
    if leaf.common_name.as_deref().is_none_or(str::is_empty) {
        found.error(
            at.clone(),
            "Certificate Without Common Name",
            format!(
                "The certificate in Secret {secret} has no common name, without which the ALB certificate service refuses it \
                 (HttpsCertCommonNameEmpty). Have it issued with one."
            ),
        );
    }
}

/// V54: certificates by ID are not about to end. Their dates are in the certificate service, which takes rights of its own
/// to ask; what the controller has said of them is there for everybody who can read Events.
pub(super) fn v54_certificate_ids_are_valid(stack: &Stack, own: &Gateway, found: &mut Diagnostics) {
    let expired: Vec<&str> =
        stack.told.iter().filter_map(|text| text.split_once(EXPIRED_TEXT)).map(|(_, ids)| ids).collect();
    let is_told = |id: &str| {
        let token = |c: char| !c.is_ascii_alphanumeric() && c != '-';
        expired.iter().any(|ids| ids.split(token).any(|told| told == id))
    };
    for (port, listener) in own.listeners.iter().flatten() {
        let at = Path::attribute("listeners").key(port.as_str());
        let listed = listener.certificates.iter().flatten().enumerate();
        let listed = listed.map(|(index, id)| (at.attr("certificates").index(index), id));
        let default = listener.default_certificate_id.iter().map(|id| (at.attr("default_certificate"), id));
        for (at, id) in listed.chain(default).filter(|(_, id)| is_told(id)) {
            found.warn(
                at.attr("certificate_id"),
                "Certificate Expired",
                format!(
                    "The controller has said that certificate {id:?} has ended or ends within a day (Event: {EXPIRED_TEXT}). \
                     Name a renewed one."
                ),
            );
        }
    }
}
