//! Names of the algorithms in a certificate: of its signature, and of its key.
//!
//! Signatures are named as Go's `crypto/x509` names them, which is what users of Terraform know from the `tls` provider. Object
//! identifiers: RFC 8017 appendix C, RFC 3279 sections 2.2 and 2.3, RFC 4055, RFC 5758, RFC 8410, SEC 2 appendix A.

use std::fmt;

use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// Signatures that are in use, or were: object identifier, name, and how people call it if clients no longer accept it.
const SIGNATURES: [(&str, &str, Option<&str>); 14] = [
    ("1.2.840.113549.1.1.2", "MD2-RSA", Some("MD2 with RSA")),
    ("1.2.840.113549.1.1.4", "MD5-RSA", Some("MD5 with RSA")),
    ("1.2.840.113549.1.1.5", "SHA1-RSA", Some("SHA-1 with RSA")),
    ("1.2.840.113549.1.1.11", "SHA256-RSA", None),
    ("1.2.840.113549.1.1.12", "SHA384-RSA", None),
    ("1.2.840.113549.1.1.13", "SHA512-RSA", None),
    ("1.2.840.10040.4.3", "DSA-SHA1", Some("SHA-1 with DSA")),
    ("2.16.840.1.101.3.4.3.2", "DSA-SHA256", None),
    ("1.2.840.10045.4.1", "ECDSA-SHA1", Some("SHA-1 with ECDSA")),
    ("1.2.840.10045.4.3.2", "ECDSA-SHA256", None),
    ("1.2.840.10045.4.3.3", "ECDSA-SHA384", None),
    ("1.2.840.10045.4.3.4", "ECDSA-SHA512", None),
    ("1.3.101.112", "Ed25519", None),
    ("1.3.101.113", "Ed448", None),
];
/// An RSA key.
const RSA: &str = "1.2.840.113549.1.1.1";
/// RSASSA-PSS: the digest is in its parameters. Also an RSA key for nothing else.
const PSS: &str = "1.2.840.113549.1.1.10";
/// Digests of RSASSA-PSS.
const PSS_DIGESTS: [(&str, &str, Option<&str>); 4] = [
    ("1.3.14.3.2.26", "SHA1-RSAPSS", Some("SHA-1 with RSASSA-PSS")),
    ("2.16.840.1.101.3.4.2.1", "SHA256-RSAPSS", None),
    ("2.16.840.1.101.3.4.2.2", "SHA384-RSAPSS", None),
    ("2.16.840.1.101.3.4.2.3", "SHA512-RSAPSS", None),
];
/// Named curves.
const CURVES: [(&str, &str, usize); 7] = [
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.132.0.33", "P-224", 224),
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.2.156.10197.1.301", "SM2", 256),
];

/// How a certificate is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureName {
    /// Its name; the object identifier of one that has none here.
    pub name: String,
    /// How people call it, if clients no longer accept it.
    pub broken: Option<&'static str>,
}

impl SignatureName {
    pub(super) fn of(algorithm: &AlgorithmIdentifier<'_>) -> Self {
        let mut oid = algorithm.algorithm.to_id_string();
        let mut table = SIGNATURES.as_slice();
        if oid == PSS
            && let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm)
        {
            oid = parameters.hash_algorithm_oid().to_id_string();
            table = &PSS_DIGESTS;
        }
        match table.iter().find(|(known, ..)| *known == oid) {
            Some((_, name, broken)) => Self { name: (*name).to_owned(), broken: *broken },
            None => Self { name: algorithm.algorithm.to_id_string(), broken: None },
        }
    }
}

/// The key that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKeyFacts {
    /// RSA with this many bits.
    Rsa(usize),
    /// On an elliptic curve: its name, or object identifier, and its size in bits if it is known.
    Ecdsa {
        /// The curve.
        curve: String,
        /// Its size in bits.
        bits: Option<usize>,
    },
    /// Ed25519.
    Ed25519,
    /// DSA.
    Dsa,
    /// Another algorithm, by its object identifier.
    Other(String),
}

impl PublicKeyFacts {
    pub(super) fn of(key: &SubjectPublicKeyInfo<'_>) -> Self {
        let oid = key.algorithm.algorithm.to_id_string();
        match (oid.as_str(), key.parsed()) {
            (RSA | PSS, _) => match RSAPublicKey::from_der(&key.subject_public_key.data) {
                Ok((_, key)) => Self::Rsa(bits(key.modulus)),
                Err(_) => Self::Other(oid),
            },
            ("1.2.840.10045.2.1", Ok(PublicKey::EC(point))) => {
                let named = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
                let named = named.map(|oid| oid.to_id_string());
                match CURVES.iter().find(|(known, ..)| named.as_deref() == Some(*known)) {
                    Some((_, name, bits)) => Self::Ecdsa { curve: (*name).to_owned(), bits: Some(*bits) },
                    None => {
                        let bits = Some(point.key_size()).filter(|bits| *bits > 0);
                        Self::Ecdsa { curve: named.unwrap_or_else(|| "explicit parameters".to_owned()), bits }
                    }
                }
            }
            ("1.3.101.112", _) => Self::Ed25519,
            ("1.2.840.10040.4.1", _) => Self::Dsa,
            _ => Self::Other(oid),
        }
    }

    /// `RSA`, `ECDSA`, `Ed25519`, `DSA`, or an object identifier.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::Ecdsa { .. } => "ECDSA",
            Self::Ed25519 => "Ed25519",
            Self::Dsa => "DSA",
            Self::Other(oid) => oid,
        }
    }

    /// Size in bits, where the algorithm has sizes and this one is known.
    #[must_use]
    pub const fn bits(&self) -> Option<usize> {
        match self {
            Self::Rsa(bits) => Some(*bits),
            Self::Ecdsa { bits, .. } => *bits,
            Self::Ed25519 => Some(256),
            Self::Dsa | Self::Other(_) => None,
        }
    }

    /// Whether TLS clients and ALB know the algorithm and, of a curve, this one.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        match self {
            Self::Rsa(_) => true,
            Self::Ecdsa { curve, .. } => ["P-256", "P-384", "P-521"].contains(&curve.as_str()),
            Self::Ed25519 | Self::Dsa | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for PublicKeyFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA with {bits} bits"),
            Self::Ecdsa { curve, .. } => write!(f, "ECDSA with curve {curve}"),
            Self::Ed25519 | Self::Dsa | Self::Other(_) => f.write_str(self.algorithm()),
        }
    }
}

/// Bits of a number in big-endian bytes, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let number = number.iter().position(|byte| *byte != 0).and_then(|start| number.get(start..)).unwrap_or_default();
    let unused = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::{Facts, parse_chain};

    /// Certificates that no careful library makes, or that need more than ours can: made with `openssl req -x509`, whose options
    /// are in their common names.
    fn facts(pem: &str) -> Facts {
        Facts::from_der(&parse_chain(pem).unwrap()[0]).unwrap()
    }

    #[test]
    fn signatures_and_keys_are_named_as_they_are_made() {
        let rsa = PublicKeyFacts::Rsa;
        let ecdsa = |curve: &str, bits| PublicKeyFacts::Ecdsa { curve: curve.to_owned(), bits: Some(bits) };
        for (pem, signature, broken, key) in [
            (include_str!("testdata/sha1.pem"), "SHA1-RSA", Some("SHA-1 with RSA"), rsa(2048)),
            (include_str!("testdata/pss-sha1.pem"), "SHA1-RSAPSS", Some("SHA-1 with RSASSA-PSS"), rsa(2048)),
            (include_str!("testdata/pss-sha256.pem"), "SHA256-RSAPSS", None, rsa(2048)),
            (include_str!("testdata/rsa-1024.pem"), "SHA256-RSA", None, rsa(1024)),
            (include_str!("testdata/p384.pem"), "ECDSA-SHA384", None, ecdsa("P-384", 384)),
            (include_str!("testdata/secp256k1.pem"), "ECDSA-SHA256", None, ecdsa("secp256k1", 256)),
            (include_str!("testdata/ed25519.pem"), "Ed25519", None, PublicKeyFacts::Ed25519),
        ] {
            let facts = facts(pem);
            let name = facts.common_name.clone();
            assert_eq!((facts.signature.name.as_str(), facts.signature.broken), (signature, broken), "{name:?}");
            assert_eq!(facts.key, key, "{name:?}");
        }
    }

    #[test]
    fn only_what_clients_and_alb_know_is_usual() {
        let usual = |pem: &str| facts(pem).key.is_usual();
        assert!(usual(include_str!("testdata/p384.pem")) && usual(include_str!("testdata/pss-sha256.pem")));
        assert!(!usual(include_str!("testdata/secp256k1.pem")) && !usual(include_str!("testdata/ed25519.pem")));
        let shown = facts(include_str!("testdata/secp256k1.pem")).key.to_string();
        assert_eq!(shown, "ECDSA with curve secp256k1");
    }

    #[test]
    fn alternative_names_of_every_kind_are_read() {
        let facts = facts(include_str!("testdata/names.pem"));
        assert_eq!(facts.dns_names, ["grpc.example.com", "*.example.com"]);
        let addresses: Vec<String> = facts.ip_addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(facts.email_addresses, ["ops@example.com"]);
        assert_eq!(facts.uris, ["spiffe://example.com/grpc"]);
        assert!(facts.is_ca && facts.subject_key_id.is_some());
    }

    #[test]
    fn the_size_of_a_modulus_is_counted_in_bits() {
        for (bytes, expected) in
            [(vec![], 0), (vec![0, 0], 0), (vec![0, 0x80, 0], 16), (vec![0x7f, 0], 15), (vec![1], 1)]
        {
            assert_eq!(bits(&bytes), expected, "{bytes:?}");
        }
    }
}
