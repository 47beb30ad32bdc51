//! Private keys, compared as keys whatever their encoding.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RsaKeyPair,
};
use hmac::{Hmac, KeyInit, Mac};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use sha2::Sha256;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use super::facts::pem_block;

/// Why a text is not a usable private key. Carries no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no private key block.
    #[error("there is no PEM block of type PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY")]
    NoKey,
    /// A PEM block is damaged.
    #[error("a PEM block is damaged")]
    DamagedPem,
    /// The key needs a password.
    #[error("the key is encrypted with a password")]
    Encrypted,
    /// There is more than one.
    #[error("there is more than one private key")]
    Several,
    /// Not a key that ALB can use.
    #[error(
        "the key is neither RSA with 2048 to 8192 bits nor ECDSA with curve P-256, P-384 or P-521, or it is damaged"
    )]
    Unsupported,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with this many bits.
    Rsa(usize),
    /// ECDSA, curve P-256.
    EcdsaP256,
    /// ECDSA, curve P-384.
    EcdsaP384,
    /// ECDSA, curve P-521.
    EcdsaP521,
}

/// A private key. Wiped when dropped; `Debug` shows only its kind.
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    algorithm: KeyAlgorithm,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Keys are equal if they are the same key.
impl PartialEq for PrivateKey {
    fn eq(&self, other: &Self) -> bool {
        self.pkcs8 == other.pkcs8
    }
}

impl Eq for PrivateKey {}

impl PrivateKey {
    /// Reads the one private key of a PEM text: PKCS#8, PKCS#1 or SEC 1. Other blocks are passed over.
    ///
    /// # Errors
    /// If there is not exactly one, or it is of no use.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        let mut keys = PrivateKeyDer::pem_slice_iter(pem.as_bytes());
        let key = keys.next().ok_or(KeyError::NoKey)?.map_err(|_| KeyError::DamagedPem)?;
        match keys.next() {
            None => Self::from_der(&key),
            Some(Ok(_)) => Err(KeyError::Several),
            Some(Err(_)) => Err(KeyError::DamagedPem),
        }
    }

    fn from_der(key: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        const CURVES: [(&EcdsaSigningAlgorithm, KeyAlgorithm); 3] = [
            (&ECDSA_P256_SHA256_ASN1_SIGNING, KeyAlgorithm::EcdsaP256),
            (&ECDSA_P384_SHA384_ASN1_SIGNING, KeyAlgorithm::EcdsaP384),
            (&ECDSA_P521_SHA512_ASN1_SIGNING, KeyAlgorithm::EcdsaP521),
        ];
        let der = key.secret_der();
        let rsa = match key {
            PrivateKeyDer::Pkcs8(_) => RsaKeyPair::from_pkcs8(der).ok(),
            PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(der).ok(),
            _ => None,
        };
        if let Some(pair) = rsa {
            // One encoding for all: what the library writes, not what was read.
            let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Unsupported)?;
            return Ok(Self {
                pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
                public: pair.public_key().as_ref().to_vec(),
                algorithm: KeyAlgorithm::Rsa(pair.public_modulus_len() * 8),
            });
        }
        let found = CURVES
            .iter()
            .find_map(|(curve, algorithm)| Some((EcdsaKeyPair::from_private_key_der(curve, der).ok()?, *algorithm)));
        let (pair, algorithm) = found.ok_or(KeyError::Unsupported)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Unsupported)?;
        Ok(Self {
            pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()),
            public: pair.public_key().as_ref().to_vec(),
            algorithm,
        })
    }

    /// What kind of key it is.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether the certificate (DER) is for this key.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        X509Certificate::from_der(certificate)
            .is_ok_and(|(_, certificate)| certificate.public_key().subject_public_key.data.as_ref() == self.public)
    }

    /// HMAC-SHA-256 of the PKCS#8 DER in hex. Without `secret` it tells nothing of the key, not even equality.
    #[must_use]
    pub fn digest(&self, secret: &[u8]) -> String {
        // HMAC takes keys of any length; the error is of the trait, not of this algorithm.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
        mac.update(&self.pkcs8);
        hex::encode(mac.finalize().into_bytes())
    }

    /// The key as PKCS#8 PEM.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem_block("PRIVATE KEY", &self.pkcs8))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One P-256 key as PKCS#8 and as SEC 1, one RSA key as PKCS#8 and as PKCS#1.
    pub(crate) fn encodings() -> [(String, String); 2] {
        use rcgen::KeyPair;
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let sec1: aws_lc_rs::encoding::EcPrivateKeyRfc5915Der<'_> = ec.private_key().as_der().unwrap();
        let ec8 = pem_block("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref());
        let ec1 = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
            pem_block("EC PRIVATE KEY", sec1.as_ref())
        );
        let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let rsa8 = rsa.serialize_pem();
        // PKCS#8 wraps the PKCS#1 structure in its last octet string, behind a fixed header of 26 bytes for 2048 bits.
        let rsa1 = pem_block("RSA PRIVATE KEY", &rsa.serialized_der()[26..]);
        [(ec8, ec1), (rsa8, rsa1)]
    }

    #[test]
    fn a_key_is_the_same_key_in_every_encoding() {
        let secret = [7_u8; 32];
        for (pkcs8, other) in encodings() {
            let a = PrivateKey::from_pem(&pkcs8).unwrap();
            let b = PrivateKey::from_pem(&other).unwrap();
            assert_eq!(a, b);
            assert_eq!(a.digest(&secret), b.digest(&secret));
            assert_ne!(a.digest(&secret), a.digest(&[8; 32]), "the digest is keyed");
            assert_eq!(PrivateKey::from_pem(&b.to_pem()).unwrap(), a);
        }
        let [(ec, _), (rsa, _)] = encodings().map(|(pkcs8, other)| (PrivateKey::from_pem(&pkcs8).unwrap(), other));
        assert_eq!((ec.algorithm(), rsa.algorithm()), (KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa(2048)));
        assert_ne!(ec.digest(&secret), rsa.digest(&secret));
    }

    #[test]
    fn what_is_no_key_says_why_and_never_what_it_is() {
        let [(ec, _), (rsa, _)] = encodings();
        for (pem, expected) in [
            (String::new(), KeyError::NoKey),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".into(),
                KeyError::Encrypted,
            ),
            ("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n".into(), KeyError::DamagedPem),
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".into(), KeyError::Unsupported),
            (format!("{ec}{rsa}"), KeyError::Several),
        ] {
            assert_eq!(PrivateKey::from_pem(&pem).unwrap_err(), expected);
        }
        let shown = format!("{:?}", PrivateKey::from_pem(&ec).unwrap());
        assert_eq!(shown, "PrivateKey { algorithm: EcdsaP256, .. }");
    }

    #[test]
    fn a_key_matches_its_own_certificate_only() {
        let mine = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap().self_signed(&mine).unwrap();
        let [(other, _), _] = encodings();
        assert!(PrivateKey::from_pem(&mine.serialize_pem()).unwrap().matches(certificate.der()));
        assert!(!PrivateKey::from_pem(&other).unwrap().matches(certificate.der()));
        assert!(!PrivateKey::from_pem(&other).unwrap().matches(b"no certificate"));
    }
}
