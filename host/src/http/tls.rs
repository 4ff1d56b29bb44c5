//! The one TLS configuration: rustls with ring, trusting what the machine trusts and, if given, one more bundle.
//!
//! There is no way to switch verification off.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::error::{Error, Result, safe};

/// Builds the configuration without protocols (ALPN); HTTP and WebSockets add their own.
pub(super) fn config(extra_authorities: Option<&[u8]>) -> Result<ClientConfig> {
    // other libraries in this process ask for the default; whoever was first gave the same one
    let _ = ring::default_provider().install_default();
    let provider = Arc::new(ring::default_provider());
    let extra = extra_authorities.map(parse).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(|error| {
        setup(format!(
            "trusted authorities: {}; install the package ca-certificates",
            safe(error)
        ))
    })?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| setup(format!("TLS versions: {}", safe(error))))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
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
