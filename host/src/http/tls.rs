//! The one TLS configuration: rustls with ring, trusting what the machine trusts and, if given, one more bundle.
//!
//! There is no way to switch verification off.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::error::{Error, Result, safe};

/// Builds the configuration without protocols (ALPN); HTTP and WebSockets add their own.
pub(super) fn config(extra_authorities: Option<&[u8]>) -> Result<ClientConfig> {
    // other libraries in this process ask for the default; whoever was first gave the same one
    let _ = ring::default_provider().install_default();
    let provider = Arc::new(ring::default_provider());
    let extra = extra_authorities.map(parse).transpose()?.unwrap_or_default();
    let trust = Trust::new(extra, Arc::clone(&provider))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(format!("TLS versions: {}", safe(error))))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth())
}

/// Trusts what the machine trusts. That list is read when the first server shows its certificate: a start does without,
/// and so does a gateway that speaks to none over TLS. Where it can't be read, each connection tries again.
#[derive(Debug)]
struct Trust {
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Verifier>,
}

impl Trust {
    /// Authorities that were given are looked at here, so that somebody hears at the start that they are none.
    fn new(extra: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self> {
        let trust = Self {
            extra,
            provider,
            verifier: OnceLock::new(),
        };
        if !trust.extra.is_empty() {
            trust.verifier().map_err(|error| setup(safe(error)))?;
        }
        Ok(trust)
    }

    fn verifier(&self) -> std::result::Result<&Verifier, rustls::Error> {
        if let Some(verifier) = self.verifier.get() {
            return Ok(verifier);
        }
        let (extra, provider) = (self.extra.clone(), Arc::clone(&self.provider));
        let verifier = Verifier::new_with_extra_roots(extra, provider).map_err(|error| {
            let why = format!("trusted authorities: {error}; install the package ca-certificates");
            rustls::Error::General(why)
        })?;
        Ok(self.verifier.get_or_init(|| verifier))
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        self.verifier()?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn parse(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| setup("the extra authorities are not valid PEM; check the file".to_owned()))?;
    if certificates.is_empty() {
        return Err(setup(
            "the extra authorities hold no certificate; check the file".to_owned(),
        ));
    }
    Ok(certificates)
}

fn setup(reason: String) -> Error {
    Error::Setup { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_asked_when_there_is_a_certificate_to_judge() {
        let trust = Trust::new(Vec::new(), Arc::new(ring::default_provider())).expect("nothing was read");
        assert!(trust.verifier.get().is_none());
        let name = ServerName::try_from("example.org").expect("a name");
        let shown = CertificateDer::from(vec![0; 8]);
        let judged = trust.verify_server_cert(&shown, &[], &name, &[], UnixTime::now());
        assert!(judged.is_err(), "that is no certificate");
        assert!(trust.verifier.get().is_some());
    }
}
