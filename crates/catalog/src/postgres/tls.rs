//! TLS to PostgreSQL, as libpq's `sslmode` says it
//! (<https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is asked of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Verification {
    /// Nothing: no TLS.
    Disable,
    /// TLS if it has it.
    #[default]
    Prefer,
    /// TLS, with whatever certificate.
    Require,
    /// A certificate of an authority that is trusted.
    VerifyCa,
    /// And with the name of the host in it.
    VerifyFull,
}

/// Whom to trust, and as whom to come.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    pub(super) verification: Verification,
    /// The file of authorities; `system` or nothing is those of the machine.
    pub(super) root: Option<String>,
    /// The files of our own certificate and its key.
    pub(super) identity: Option<(String, String)>,
}

impl Verification {
    /// The mode with libpq's name.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(
                "has an sslmode that is not known: disable, prefer, require, verify-ca or verify-full"
                    .to_owned(),
            ),
        }
    }

    /// Whether a connection is made with TLS.
    pub(super) fn ssl_mode(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

impl Trust {
    /// What makes connections. Files are read once, here.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(provider)?);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| format!("sslkey {key} cannot be read: {error}"))?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|error| format!("sslcert and sslkey do not fit: {error}"))?
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let roots = match (self.verification, self.root.as_deref()) {
            (Verification::VerifyCa | Verification::VerifyFull, None | Some("system")) => {
                Some(authorities_of_the_machine()?)
            }
            // As libpq does it: whoever names an authority wants it asked.
            (Verification::Disable | Verification::Prefer, _) | (Verification::Require, None) => {
                None
            }
            (_, Some(path)) => Some(authorities(path)?),
        };
        Ok(match (self.verification, roots) {
            (Verification::VerifyFull, Some(roots)) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
                verifier.build().map_err(|error| {
                    format!("sslrootcert holds nothing that can be trusted: {error}")
                })?
            }
            (_, roots) => Arc::new(NameUnchecked { roots, provider }),
        })
    }
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    chain.map_err(|error| format!("{path} holds no certificate in PEM: {error}"))
}

fn authorities(path: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| format!("sslrootcert {path} holds no authority: {error}"))?;
    }
    match roots.is_empty() {
        true => Err(format!("sslrootcert {path} holds no certificate")),
        false => Ok(roots),
    }
}

fn authorities_of_the_machine() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(
            "cannot be verified: this machine trusts no authority; name one with `sslrootcert`"
                .to_owned(),
        ),
        false => Ok(roots),
    }
}

/// Takes a certificate whatever name is in it: of a trusted authority or, without any, of anybody. That the server
/// has its key is checked all the same.
#[derive(Debug)]
struct NameUnchecked {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for NameUnchecked {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(end_entity)?,
                roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
