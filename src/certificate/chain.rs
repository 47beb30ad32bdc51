//! What is wrong with a chain that a server shall present.

use rustls_pki_types::CertificateDer;

use super::algorithms::PublicKeyFacts;
use super::facts::{CertificateError, Facts};

/// RSA keys below this many bits are refused by clients (CA/Browser Forum baseline requirements 6.1.5).
const MIN_RSA_BITS: usize = 2048;

/// A fault of a chain. Positions count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainProblem {
    /// The certificate at `position` was not issued by the one after it.
    OutOfOrder {
        /// Which.
        position: usize,
        /// Its issuer.
        issuer: String,
        /// Subject of the certificate after it.
        next_subject: String,
    },
    /// The first certificate is a certificate authority's, and others follow: the server's own must come first.
    AuthorityFirst {
        /// Its subject.
        subject: String,
    },
    /// The certificate at `position` was issued by one of the name of the next one, but with another key.
    AnotherIssuerKey {
        /// Which.
        position: usize,
        /// Its issuer, and subject of the next one.
        issuer: String,
    },
    /// The server's certificate has no common name, which the ALB certificate service requires.
    NoCommonName,
    /// The server's certificate has neither DNS names nor addresses, the only names that clients still look at.
    NoAlternativeName {
        /// Its common name.
        common_name: String,
    },
    /// A signature that clients refuse.
    BrokenSignature {
        /// Which certificate.
        position: usize,
        /// The algorithm.
        algorithm: &'static str,
    },
    /// An RSA key that is too short.
    ShortKey {
        /// Which certificate's.
        position: usize,
        /// Its length in bits.
        bits: usize,
    },
    /// A key of an algorithm or on a curve that clients do not know.
    UnusualKey {
        /// Which certificate's.
        position: usize,
        /// What kind of key it is.
        key: PublicKeyFacts,
    },
}

/// Looks for faults in the order of names and key identifiers, the first certificate, and the algorithms. Signatures are not
/// verified.
///
/// # Errors
/// If a certificate cannot be read.
pub fn chain_problems(chain: &[CertificateDer<'_>]) -> Result<Vec<ChainProblem>, CertificateError> {
    let facts: Vec<Facts> = chain.iter().map(|certificate| Facts::from_der(certificate)).collect::<Result<_, _>>()?;
    let mut problems = Vec::new();
    let Some(first) = facts.first() else { return Err(CertificateError::NoCertificate) };
    let authority_first = first.is_ca && facts.len() > 1;
    if authority_first {
        problems.push(ChainProblem::AuthorityFirst { subject: first.subject.clone() });
    } else {
        for (index, (certificate, next)) in facts.iter().zip(facts.iter().skip(1)).enumerate() {
            if certificate.issuer != next.subject {
                problems.push(ChainProblem::OutOfOrder {
                    position: index + 1,
                    issuer: certificate.issuer.clone(),
                    next_subject: next.subject.clone(),
                });
            } else if let (Some(wanted), Some(found)) = (&certificate.authority_key_id, &next.subject_key_id)
                && wanted != found
            {
                problems
                    .push(ChainProblem::AnotherIssuerKey { position: index + 1, issuer: certificate.issuer.clone() });
            }
        }
    }
    match first.common_name.as_deref().filter(|name| !name.is_empty()) {
        None => problems.push(ChainProblem::NoCommonName),
        Some(name) if !authority_first && first.dns_names.is_empty() && first.ip_addresses.is_empty() => {
            problems.push(ChainProblem::NoAlternativeName { common_name: name.to_owned() });
        }
        Some(_) => {}
    }
    for (index, certificate) in facts.iter().enumerate() {
        let position = index + 1;
        // Nobody verifies the signature of a root.
        if let Some(algorithm) = certificate.signature.broken
            && !(index > 0 && certificate.is_self_issued())
        {
            problems.push(ChainProblem::BrokenSignature { position, algorithm });
        }
        match &certificate.key {
            PublicKeyFacts::Rsa(bits) if *bits < MIN_RSA_BITS => {
                problems.push(ChainProblem::ShortKey { position, bits: *bits });
            }
            key if !key.is_usual() => problems.push(ChainProblem::UnusualKey { position, key: key.clone() }),
            _ => {}
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::certificate::parse_chain;

    fn params(name: Option<&str>, authority: bool) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["grpc.example.com".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        if authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    /// A server certificate and its authority's.
    fn two() -> [CertificateDer<'static>; 2] {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let ca = params(Some("An Authority"), true);
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let leaf = params(Some("grpc.example.com"), false).signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        [leaf.der().clone(), ca_certificate.der().clone()]
    }

    #[test]
    fn a_chain_in_order_has_no_problems_and_one_turned_around_says_so() {
        let [leaf, ca] = two();
        assert_eq!(chain_problems(&[leaf.clone(), ca.clone()]), Ok(Vec::new()));
        assert_eq!(chain_problems(std::slice::from_ref(&leaf)), Ok(Vec::new()), "the authority may be left out");
        let turned = chain_problems(&[ca, leaf.clone()]).unwrap();
        assert_eq!(turned, [ChainProblem::AuthorityFirst { subject: "CN=An Authority".to_owned() }]);
        let [_, other] = two();
        let [stranger, _] = two();
        assert!(chain_problems(&[leaf.clone(), other]).unwrap().is_empty(), "names decide, and they are equal");
        let strange = chain_problems(&[leaf, stranger]).unwrap();
        assert!(matches!(strange.as_slice(), [ChainProblem::OutOfOrder { position: 1, .. }]), "{strange:?}");
    }

    #[test]
    fn an_issuer_of_the_same_name_with_another_key_is_found() {
        let [old, new] = [(); 2].map(|()| KeyPair::generate().unwrap());
        let mut ca = params(Some("An Authority"), true);
        let new_certificate = ca.self_signed(&new).unwrap();
        ca.use_authority_key_identifier_extension = true;
        let mut leaf = params(Some("grpc.example.com"), false);
        leaf.use_authority_key_identifier_extension = true;
        let signed = |key: KeyPair| {
            leaf.signed_by(&KeyPair::generate().unwrap(), &Issuer::new(ca.clone(), key)).unwrap().der().clone()
        };
        let (of_old, of_new) = (signed(old), signed(new));
        let issuer = new_certificate.der().clone();
        assert_eq!(chain_problems(&[of_new, issuer.clone()]), Ok(Vec::new()));
        let expected = ChainProblem::AnotherIssuerKey { position: 1, issuer: "CN=An Authority".to_owned() };
        assert_eq!(chain_problems(&[of_old, issuer]), Ok(vec![expected]));
    }

    #[test]
    fn weak_and_unusual_algorithms_are_found_in_issuers_too() {
        let problems = |pem: &str| chain_problems(&parse_chain(pem).unwrap()).unwrap();
        let named = |problems: Vec<ChainProblem>| -> Vec<ChainProblem> {
            let alternative = |problem: &ChainProblem| matches!(problem, ChainProblem::NoAlternativeName { .. });
            assert!(problems.iter().any(alternative), "these have none: {problems:?}");
            problems.into_iter().filter(|problem| !alternative(problem)).collect()
        };
        let sha1 = ChainProblem::BrokenSignature { position: 1, algorithm: "SHA-1 with RSA" };
        assert_eq!(named(problems(include_str!("testdata/sha1.pem"))), [sha1]);
        let pss = ChainProblem::BrokenSignature { position: 1, algorithm: "SHA-1 with RSASSA-PSS" };
        assert_eq!(named(problems(include_str!("testdata/pss-sha1.pem"))), [pss]);
        assert_eq!(named(problems(include_str!("testdata/pss-sha256.pem"))), []);
        let short = ChainProblem::ShortKey { position: 1, bits: 1024 };
        assert_eq!(named(problems(include_str!("testdata/rsa-1024.pem"))), [short]);
        for (pem, key) in [
            (include_str!("testdata/secp256k1.pem"), "ECDSA with curve secp256k1"),
            (include_str!("testdata/ed25519.pem"), "Ed25519"),
        ] {
            let problems = named(problems(pem));
            assert!(
                matches!(problems.as_slice(), [ChainProblem::UnusualKey { position: 1, key: found }] if found.to_string() == key),
                "{problems:?}"
            );
        }
        let [leaf, _] = two();
        let [weak, signed] = [include_str!("testdata/rsa-1024.pem"), include_str!("testdata/sha1.pem")]
            .map(|pem| parse_chain(pem).unwrap().remove(0));
        let second = chain_problems(&[leaf, weak, signed]).unwrap();
        assert!(second.contains(&ChainProblem::ShortKey { position: 2, bits: 1024 }), "{second:?}");
        let roots = second.iter().filter(|problem| matches!(problem, ChainProblem::BrokenSignature { .. }));
        assert_eq!(roots.count(), 0, "nobody verifies the signature of a root");
    }

    #[test]
    fn a_host_named_only_by_the_common_name_is_found() {
        let key = KeyPair::generate().unwrap();
        let problems = |names: &[&str]| {
            let mut params = params(Some("grpc.example.com"), false);
            let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
            chain_problems(&[params.self_signed(&key).unwrap().der().clone()]).unwrap()
        };
        let expected = ChainProblem::NoAlternativeName { common_name: "grpc.example.com".to_owned() };
        assert_eq!(problems(&[]), [expected]);
        assert_eq!(problems(&["192.0.2.1"]), []);
    }

    #[test]
    fn a_certificate_without_common_name_is_found() {
        let key = KeyPair::generate().unwrap();
        let certificate = params(None, false).self_signed(&key).unwrap();
        assert_eq!(chain_problems(&[certificate.der().clone()]), Ok(vec![ChainProblem::NoCommonName]));
        assert_eq!(chain_problems(&[]), Err(CertificateError::NoCertificate));
    }
}
