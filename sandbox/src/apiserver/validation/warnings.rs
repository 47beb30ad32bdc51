//! What the server accepts but warns of, in the words of kube-apiserver 1.36.3.
//!
//! Called after each accepted write; never refuses anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use crate::apiserver::meta;
use crate::apiserver::resource::{Builtin, Resource};
use crate::apiserver::validation::names::STANDARD_FINALIZERS;

/// The annotation that named the class of an Ingress before there was a field for it.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The warnings about an object that was created, or changed from `old`.
pub(crate) fn of(resource: &Resource, old: Option<&Value>, new: &Value) -> Vec<String> {
    match resource.builtin {
        Some(Builtin::Secret) if meta::text(new, &["type"]) == "kubernetes.io/tls" => tls(new).into_iter().collect(),
        Some(Builtin::Ingress)
            if old.is_none()
                && meta::annotation(new, CLASS_ANNOTATION).is_some()
                && meta::get(new, &["spec", "ingressClassName"]).is_none() =>
        {
            let text =
                format!("annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' instead");
            vec![text]
        }
        Some(_) => Vec::new(),
        None => {
            let is_bare = |finalizer: &&str| !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(finalizer);
            let own = meta::finalizers(new).into_iter().filter(is_bare);
            own.map(|finalizer| {
                format!(
                    "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name to avoid accidental \
                     conflicts with other finalizer writers"
                )
            })
            .collect()
        }
    }
}

/// What Go's TLS library would not load of a Secret.
fn tls(secret: &Value) -> Option<String> {
    let part = |key: &str| STANDARD.decode(meta::text(secret, &["data", key])).unwrap_or_default();
    let (certificate, key) = (part("tls.crt"), part("tls.key"));
    let has = |pem: &[u8], word: &str| String::from_utf8_lossy(pem).contains(word);
    if !has(&certificate, "-----BEGIN ") {
        return Some("tls: failed to find any PEM data in certificate input".to_owned());
    }
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&certificate).filter_map(Result::ok).collect();
    if chain.is_empty() && has(&certificate, "PRIVATE KEY-----") {
        let text = "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM \
                    inputs may have been switched";
        return Some(text.to_owned());
    }
    if !has(&key, "-----BEGIN ") {
        return Some("tls: failed to find any PEM data in key input".to_owned());
    }
    let parsed = PrivateKeyDer::from_pem_slice(&key).ok().and_then(|der| any_supported_type(&der).ok());
    let Some(parsed) = parsed else {
        return has(&key, "CERTIFICATE-----")
            .then(|| "tls: found a certificate rather than a key in the PEM for the private key".to_owned())
            .or_else(|| Some("tls: failed to parse private key".to_owned()));
    };
    match CertifiedKey::new(chain, parsed).keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Some("tls: private key does not match public key".to_owned())
        }
        Ok(()) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::kinds;

    #[test]
    fn a_secret_whose_key_does_not_fit_is_warned_of() {
        let all = kinds::all();
        let secrets = all.get("/secrets").expect("secrets");
        let pair = || rcgen::generate_simple_self_signed(["x.example".to_owned()]).expect("a certificate");
        let (one, other) = (pair(), pair());
        let secret = |certificate: &str, key: &str| {
            let (certificate, key) = (STANDARD.encode(certificate), STANDARD.encode(key));
            json!({"type": "kubernetes.io/tls", "data": {"tls.crt": certificate, "tls.key": key}})
        };
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        for (case, object, expected) in [
            ("a pair", secret(&certificate, &key), None),
            (
                "another key",
                secret(&certificate, &other.signing_key.serialize_pem()),
                Some("tls: private key does not match public key"),
            ),
            ("no PEM", secret("x", &key), Some("tls: failed to find any PEM data in certificate input")),
            ("no key", secret(&certificate, "x"), Some("tls: failed to find any PEM data in key input")),
        ] {
            assert_eq!(of(secrets, None, &object).first().map(String::as_str), expected, "{case}");
        }
        let swapped = of(secrets, None, &secret(&key, &certificate));
        assert!(swapped.iter().any(|text| text.ends_with("PEM inputs may have been switched")), "{swapped:?}");
    }
}
