//! `parse_certificate`: what a certificate says, and those that follow it in the same text.

use crate::certificate::{CertificateError, Facts, PublicKeyFacts, parse_chain};
use crate::framework::function::{Function, FunctionError, Parameter, Signature};
use crate::framework::model::{Field, ShapeError, Stored};
use crate::framework::path::Step;
use crate::framework::schema::{Attribute, Kind, Nesting};
use crate::framework::types::Type;
use crate::framework::value::Value;

crate::model! {
    /// What one certificate says.
    pub(crate) struct CertificateModel {
        pub(crate) subject: String,
        pub(crate) common_name: String,
        pub(crate) issuer: String,
        pub(crate) serial: String,
        pub(crate) dns_names: Vec<String>,
        pub(crate) ip_addresses: Vec<String>,
        pub(crate) email_addresses: Vec<String>,
        pub(crate) uris: Vec<String>,
        pub(crate) not_before: String,
        pub(crate) not_after: String,
        pub(crate) fingerprint_sha256: String,
        pub(crate) key_algorithm: String,
        pub(crate) key_size: i64,
        pub(crate) key_curve: String,
        pub(crate) is_ca: bool,
        pub(crate) signature_algorithm: String,
    }
}

/// The attribute with the certificates behind the first.
const CHAIN: &str = "chain";

/// The first certificate of a text, with the others in an attribute of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    first: CertificateModel<Stored>,
    chain: Vec<CertificateModel<Stored>>,
}

impl Field for Parsed {
    fn from_value(value: &Value) -> Result<Self, ShapeError> {
        let within = |error: ShapeError| error.within(Step::Attribute(CHAIN.to_owned()));
        Ok(Self {
            first: CertificateModel::from_value(value)?,
            chain: Vec::from_value(&value.attr(CHAIN)).map_err(within)?,
        })
    }

    fn to_value(&self) -> Value {
        let mut value = self.first.to_value();
        value.set(CHAIN, self.chain.to_value());
        value
    }
}

/// The function.
#[derive(Debug)]
pub(super) struct ParseCertificate;

impl Function for ParseCertificate {
    const NAME: &'static str = "parse_certificate";
    type Arguments = (String,);
    type Return = Parsed;

    fn signature() -> Signature {
        let mut attributes = attributes();
        attributes.push(
            Attribute::nested(
                CHAIN,
                Nesting::List,
                self::attributes(),
                "The further certificates of the text, in its order: of a chain, the issuers. Empty for a single certificate.",
            )
            .computed(),
        );
        Signature {
            summary: "Reads what a PEM certificate says",
            description: "Reads a PEM certificate or chain and returns what the certificates say: names, dates, fingerprint, key and \
                 algorithms. Nothing is verified, neither signatures nor dates. PEM blocks of other types, such as a private key, are \
                 passed over and never returned. Needs Terraform 1.8 or later; no provider configuration."
                .into(),
            parameters: vec![Parameter::new(
                "pem",
                Type::String,
                "One or more PEM blocks of type `CERTIFICATE`, the server's own first.",
            )],
            variadic: None,
            returns: Kind::Nested(Nesting::Single, attributes),
        }
    }

    fn call((pem,): Self::Arguments) -> Result<Parsed, FunctionError> {
        let facts = parse_chain(&pem).and_then(|chain| {
            let facts = chain.iter().map(|certificate| Facts::from_der(certificate));
            facts.collect::<Result<Vec<_>, CertificateError>>()
        });
        let mut models = facts.map_err(|error| refused(&error))?.into_iter().map(model);
        let first = models.next().ok_or_else(|| refused(&CertificateError::NoCertificate))?;
        Ok(Parsed { first, chain: models.collect() })
    }
}

fn refused(error: &CertificateError) -> FunctionError {
    FunctionError::new(format!(
        "{error}. Give the text of a certificate, which begins with -----BEGIN CERTIFICATE-----, or a chain of them"
    ))
    .at(0)
}

fn attributes() -> Vec<Attribute> {
    let text = |name, description: &'static str| Attribute::string(name, description).computed();
    let texts =
        |name, description: &'static str| Attribute::value(name, Type::list(Type::String), description).computed();
    vec![
        text("subject", "Subject, as a distinguished name such as `O=Example, CN=grpc.example.com`."),
        text("common_name", "Common name of the subject; null without one."),
        text("issuer", "Issuer, as a distinguished name."),
        text("serial", "Serial number, in lower-case hex."),
        texts("dns_names", "DNS names of the subject alternative name."),
        texts("ip_addresses", "IP addresses of the subject alternative name."),
        texts("email_addresses", "Mail addresses of the subject alternative name."),
        texts("uris", "URIs of the subject alternative name."),
        text("not_before", "Start of its validity, RFC 3339."),
        text("not_after", "End of its validity, RFC 3339."),
        text("fingerprint_sha256", "SHA-256 of the certificate (DER), in lower-case hex."),
        text("key_algorithm", "`RSA`, `ECDSA`, `Ed25519` or `DSA`; the object identifier of another one."),
        Attribute::number("key_size", "Size of the key in bits; null where the algorithm has no sizes.").computed(),
        text("key_curve", "Curve of an ECDSA key, such as `P-256`; null for other keys."),
        Attribute::bool("is_ca", "Whether it may sign other certificates.").computed(),
        text(
            "signature_algorithm",
            "How it is signed, such as `SHA256-RSA` or `ECDSA-SHA256`; an object identifier for what is uncommon.",
        ),
    ]
}

fn model(facts: Facts) -> CertificateModel<Stored> {
    CertificateModel {
        subject: Some(facts.subject),
        common_name: facts.common_name,
        issuer: Some(facts.issuer),
        serial: Some(facts.serial),
        dns_names: Some(facts.dns_names),
        ip_addresses: Some(facts.ip_addresses.iter().map(ToString::to_string).collect()),
        email_addresses: Some(facts.email_addresses),
        uris: Some(facts.uris),
        not_before: Some(facts.not_before.to_string()),
        not_after: Some(facts.not_after.to_string()),
        fingerprint_sha256: Some(facts.fingerprint_sha256),
        key_algorithm: Some(facts.key.algorithm().to_owned()),
        key_size: facts.key.bits().and_then(|bits| i64::try_from(bits).ok()),
        key_curve: match facts.key {
            PublicKeyFacts::Ecdsa { curve, .. } => Some(curve),
            PublicKeyFacts::Rsa(_) | PublicKeyFacts::Ed25519 | PublicKeyFacts::Dsa | PublicKeyFacts::Other(_) => None,
        },
        is_ca: Some(facts.is_ca),
        signature_algorithm: Some(facts.signature.name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::framework::conformance::functions::assert_function_is_true;
    use crate::framework::erased::FunctionType;
    use crate::framework::model::Model;

    const NAMES: &str = include_str!("../certificate/testdata/names.pem");
    const ED25519: &str = include_str!("../certificate/testdata/ed25519.pem");
    const RSA: &str = include_str!("../certificate/testdata/rsa-1024.pem");

    fn call(pem: &str) -> Result<Value, FunctionError> {
        FunctionType::<ParseCertificate>::erased().call(&[Value::string(pem)])
    }

    #[test]
    fn it_is_a_function_as_hosts_want_it() {
        let samples = [NAMES, ED25519, RSA].map(|pem| vec![Value::string(pem)]);
        assert_function_is_true(&*FunctionType::<ParseCertificate>::erased(), &samples);
        let declared: Vec<&str> = attributes().iter().map(|attribute| attribute.name).collect();
        assert_eq!(declared, CertificateModel::<Stored>::FIELDS);
    }

    #[test]
    fn a_certificate_says_what_openssl_prints_of_it() {
        let found = call(NAMES).unwrap();
        let text = |name: &str| found.attr(name).as_str().map(str::to_owned);
        assert_eq!(text("subject").as_deref(), Some("CN=names"));
        assert_eq!((text("common_name"), text("issuer")), (Some("names".to_owned()), text("subject")));
        // `openssl x509 -noout -serial -dates -fingerprint -sha256`
        assert_eq!(text("serial").as_deref(), Some("3c5c80ef7dcd9e43589f33eb445d0616d521e65f"));
        assert_eq!(text("not_before").as_deref(), Some("2026-11-30T09:33:21Z"));
        assert_eq!(text("not_after").as_deref(), Some("2036-11-27T09:33:21Z"));
        assert_eq!(
            text("fingerprint_sha256").as_deref(),
            Some("2418fbf2e71ef4ed02d3374bff89b9e0ee5d9c0b1ad4e58fdf9f90c471e7d6d7")
        );
        let texts = |name: &str| Vec::<String>::from_value(&found.attr(name)).unwrap();
        assert_eq!(texts("dns_names"), ["grpc.example.com", "*.example.com"]);
        assert_eq!(texts("ip_addresses"), ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(
            (texts("email_addresses"), texts("uris")),
            (vec!["ops@example.com".to_owned()], vec!["spiffe://example.com/grpc".to_owned()])
        );
        assert_eq!((text("key_algorithm"), text("key_curve")), (Some("ECDSA".to_owned()), Some("P-256".to_owned())));
        assert_eq!((found.attr("key_size"), found.attr("is_ca")), (Value::int(256), Value::Bool(true)));
        assert_eq!(text("signature_algorithm").as_deref(), Some("ECDSA-SHA256"));
        assert_eq!(found.attr("chain"), Value::List(Vec::new()));
    }

    #[test]
    fn further_certificates_follow_in_their_order_and_other_blocks_are_passed_over() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let found = call(&format!("A comment.\n{RSA}{key}{ED25519}{NAMES}")).unwrap();
        assert_eq!(Parsed::from_value(&found).unwrap().to_value(), found);
        assert_eq!((found.attr("key_algorithm"), found.attr("key_size")), (Value::string("RSA"), Value::int(1024)));
        assert!(found.attr("key_curve").is_null());
        let chain = found.attr("chain");
        let algorithms: Vec<Value> =
            chain.as_list().unwrap().iter().map(|certificate| certificate.attr("key_algorithm")).collect();
        assert_eq!(algorithms, [Value::string("Ed25519"), Value::string("ECDSA")]);
        assert!(!format!("{found:?}").contains("PRIVATE"));
    }

    #[test]
    fn what_is_no_certificate_blames_the_argument_and_says_why() {
        let damaged = RSA.replace("MII", "!!!");
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let trailing = {
            let der = parse_chain(RSA).unwrap().remove(0);
            crate::certificate::to_pem(&[[der.as_ref(), &[0]].concat().into()])
        };
        for (pem, why) in [
            (String::new(), "there is no PEM block of type CERTIFICATE"),
            ("hello".to_owned(), "there is no PEM block of type CERTIFICATE"),
            (damaged, "a PEM block is damaged"),
            (nonsense.to_owned(), "certificate 1 of the text is not a valid X.509 certificate"),
            (format!("{RSA}{nonsense}"), "certificate 2 of the text is not a valid X.509 certificate"),
            (trailing, "certificate 1 of the text is not a valid X.509 certificate"),
        ] {
            let error = call(&pem).unwrap_err();
            assert_eq!(error.argument, Some(0));
            assert!(error.text.starts_with(why) && error.text.contains("BEGIN CERTIFICATE"), "{}", error.text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A damaged certificate is refused or read, and never a panic.
        #[test]
        fn any_bytes_in_a_block_have_an_answer(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
            let mut der = parse_chain(NAMES).unwrap().remove(0).as_ref().to_vec();
            let place = at % der.len();
            der[place] = byte;
            der.truncate(der.len() - cut % der.len());
            match call(&crate::certificate::to_pem(&[der.into()])) {
                Ok(value) => prop_assert!(value.is_wholly_known() && value.attr("subject").as_str().is_some()),
                Err(error) => prop_assert_eq!(error.argument, Some(0)),
            }
        }
    }
}
