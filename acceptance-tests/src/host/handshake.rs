//! The handshake line, read as strictly as the strictest host reads it.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rustls::pki_types::CertificateDer;

use super::HostError;

/// What a provider says about itself on stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The line with its line break.
    pub line: String,
    /// Where the socket is.
    pub socket: PathBuf,
    /// The server's certificate; none without TLS.
    pub certificate: Option<CertificateDer<'static>>,
    /// The seventh field, for hosts that asked for it.
    pub multiplex: Option<bool>,
}

impl Handshake {
    /// Reads the first line of a plugin's stdout.
    ///
    /// # Errors
    ///
    /// A host would not take the line.
    pub fn parse(line: &str) -> Result<Self, HostError> {
        Self::fields(line).map_err(|reason| HostError::BadHandshake { line: line.to_owned(), reason })
    }

    fn fields(line: &str) -> Result<Self, String> {
        let content = line.strip_suffix('\n').ok_or("it has no line break")?;
        let fields: Vec<&str> = content.split('|').collect();
        let (socket, certificate, multiplex) = match fields.as_slice() {
            ["1", "6", "unix", socket, "grpc", certificate] => (socket, certificate, None),
            ["1", "6", "unix", socket, "grpc", certificate, multiplex] => {
                let multiplex = multiplex.parse().map_err(|error| format!("seventh field: {error}"))?;
                (socket, certificate, Some(multiplex))
            }
            _ => return Err("its fields are not 1|6|unix|ADDRESS|grpc|CERT".to_owned()),
        };
        Ok(Self {
            line: line.to_owned(),
            socket: PathBuf::from(socket),
            certificate: Self::certificate(certificate)?,
            multiplex,
        })
    }

    fn certificate(field: &str) -> Result<Option<CertificateDer<'static>>, String> {
        // go-plugin ignores a certificate of 50 characters or fewer.
        match field.len() {
            0 => Ok(None),
            1..=50 => Err("its certificate is too short to count".to_owned()),
            _ => {
                let der = STANDARD_NO_PAD.decode(field).map_err(|error| format!("its certificate: {error}"))?;
                Ok(Some(CertificateDer::from(der)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_tls_has_an_empty_last_field() {
        let handshake = Handshake::parse("1|6|unix|/run/p|grpc|\n").unwrap();
        assert_eq!((handshake.socket, handshake.certificate), (PathBuf::from("/run/p"), None));
    }

    #[test]
    fn what_terraform_would_refuse_is_refused() {
        let padded = format!("1|6|unix|/p|grpc|{}=\n", "A".repeat(99));
        for (case, line) in [
            ("no line break", "1|6|unix|/p|grpc|"),
            ("other core version", "2|6|unix|/p|grpc|\n"),
            ("other protocol version", "1|5|unix|/p|grpc|\n"),
            ("net/rpc", "1|6|unix|/p|netrpc|\n"),
            ("four fields", "1|6|unix|/p\n"),
            ("eight fields", "1|6|unix|/p|grpc||true|x\n"),
            ("padding", padded.as_str()),
            ("short certificate", "1|6|unix|/p|grpc|AAAA\n"),
            ("text before it", "hello\n1|6|unix|/p|grpc|\n"),
        ] {
            assert!(Handshake::parse(line).is_err(), "{case}");
        }
    }
}
