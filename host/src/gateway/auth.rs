//! Who is let in, and with which scopes.
//!
//! Invariants: a [`Principal`] comes only from [`Verifier::admit`]; its scopes are the asked-for ones that the credential
//! holds; where a connection comes from gives no right, it can only take some away; secrets are compared as hashes, in
//! constant time, and kept as hashes only.
use openclaw_plugin_api::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    connect::Connect,
    denial,
    device::VerifiedDevice,
    failure::Failure,
    scope::{Scope, Scopes},
};

/// The shared secrets of a gateway. With none, only programs and devices on this machine are let in.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    /// `gateway.auth.token`.
    pub token: Option<Secret>,
    /// `gateway.auth.password`.
    pub password: Option<Secret>,
}

/// Somebody who is let in.
#[derive(Debug, Clone)]
pub struct Principal {
    method: Method,
    role: Role,
    scopes: Scopes,
    device: Option<String>,
}

/// How somebody proved to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// With the token.
    Token,
    /// With the password.
    Password,
    /// There is no secret.
    None,
}

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Uses the gateway.
    Operator,
}

/// Checks secrets. Keeps hashes only.
pub(crate) struct Verifier {
    token: Option<Hash>,
    password: Option<Hash>,
}

/// Why somebody isn't let in, and whether it was a guess.
pub(crate) struct Denied {
    pub(crate) failure: Failure,
    pub(crate) guessed: bool,
}

type Hash = [u8; 32];

// === impl Principal ===

impl Principal {
    /// How it was let in.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it may do.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Its device, if it proved one.
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Who it is, the same for each of its connections.
    pub fn subject(&self) -> &str {
        self.device.as_deref().unwrap_or("owner")
    }
}

// === impl Method ===

impl Method {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Token => "token",
            Method::Password => "password",
            Method::None => "none",
        }
    }
}

// === impl Role ===

impl Role {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Role::Operator => "operator",
        }
    }

    /// Checks the role that a client asks for.
    pub(crate) fn parse(connect: &Connect) -> Result<Self, Failure> {
        match connect.role.as_deref() {
            None | Some("operator") => Ok(Self::Operator),
            Some("node") => Err(denial::node_refused(connect)),
            Some(_) => Err(Failure::invalid("invalid role")),
        }
    }
}

// === impl Verifier ===

impl Verifier {
    pub(crate) fn new(auth: &Auth) -> Self {
        let hash = |secret: &Option<Secret>| {
            secret
                .as_ref()
                .filter(|secret| !secret.is_empty())
                .map(|secret| digest(secret.expose()))
        };
        Self {
            token: hash(&auth.token),
            password: hash(&auth.password),
        }
    }

    /// Is there any secret?
    pub(crate) fn is_open(&self) -> bool {
        self.token.is_none() && self.password.is_none()
    }

    /// The mode, as clients know it.
    pub(crate) fn mode(&self) -> Method {
        match (&self.token, &self.password) {
            (Some(_), _) => Method::Token,
            (None, Some(_)) => Method::Password,
            (None, None) => Method::None,
        }
    }

    /// Is it a secret of ours? A token may be offered as a password and the other way round.
    pub(crate) fn check(&self, offered: &str) -> Option<Method> {
        let offered = digest(offered);
        let equal = |secret: &Option<Hash>| secret.is_some_and(|secret| secret.ct_eq(&offered).into());
        match (equal(&self.token), equal(&self.password)) {
            (true, _) => Some(Method::Token),
            (false, true) => Some(Method::Password),
            (false, false) => None,
        }
    }

    /// Lets somebody in, or says why not. `browser`: the request carries an `Origin`.
    pub(crate) fn admit(
        &self,
        connect: &Connect,
        role: Role,
        device: Option<VerifiedDevice>,
        browser: bool,
    ) -> Result<Principal, Denied> {
        if device.is_none() && connect.client.is_operator_ui() {
            return Err(Denied::plain(denial::page_without_device()));
        }
        let method = self.method(connect, device.is_some())?;
        let keeps = match (&device, method) {
            (Some(_), _) => true,
            (None, Method::None) => connect.client.id == "gateway-client" && connect.client.is_own_program(),
            (None, _) => connect.client.is_own_program(),
        };
        if method == Method::None && !keeps {
            return Err(Denied::plain(denial::device_required()));
        }
        let grant: &[Scope] = if keeps && (device.is_some() || !browser) {
            &Scope::ALL
        } else {
            &[]
        };
        let scopes = Scopes::granted(connect.scopes.iter().map(String::as_str), grant);
        Ok(Principal {
            method,
            role,
            scopes,
            device: device.map(|device| device.id().to_owned()),
        })
    }

    fn method(&self, connect: &Connect, device: bool) -> Result<Method, Denied> {
        if self.is_open() {
            return Ok(Method::None);
        }
        let auth = &connect.auth;
        let offered = [
            ("token", &auth.token),
            ("password", &auth.password),
            ("device token", &auth.device_token),
        ];
        let mut offered = offered
            .into_iter()
            .filter_map(|(what, secret)| Some((what, secret.as_ref()?)))
            .peekable();
        let Some(&(first, _)) = offered.peek() else {
            return Err(Denied::plain(if device {
                denial::secret_missing(self.mode())
            } else {
                denial::device_required()
            }));
        };
        // no short cut: each offered secret is compared
        let found = offered.fold(None, |found, (_, secret)| found.or(self.check(secret.expose())));
        found.ok_or_else(|| Denied {
            failure: denial::mismatch(first),
            guessed: true,
        })
    }
}

// === impl Denied ===

impl Denied {
    fn plain(failure: Failure) -> Self {
        Self {
            failure,
            guessed: false,
        }
    }
}

fn digest(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::device;
    use serde_json::{Value, json};

    const ASKED: [Scope; 2] = [Scope::Read, Scope::Write];

    fn admit(auth: &Auth, params: Value, browser: bool) -> Result<Vec<Scope>, String> {
        let connect = Connect::parse(params).unwrap();
        let verified = device::verify(&connect, "operator", "n", device::tests::NOW);
        let verified = verified.map_err(|failure| failure.message)?;
        let admitted = Verifier::new(auth).admit(&connect, Role::Operator, verified, browser);
        admitted
            .map(|it| it.scopes().as_slice().to_vec())
            .map_err(|denied| denied.failure.message)
    }

    fn plain(id: &str, mode: &str, token: Option<&str>) -> Value {
        let mut params = json!({
            "minProtocol": 4, "maxProtocol": 4, "scopes": ["operator.read", "operator.write", "operator.root"],
            "client": {"id": id, "version": "1", "platform": "linux", "mode": mode},
        });
        if let Some(token) = token {
            params["auth"] = json!({"token": token});
        }
        params
    }

    fn with_token() -> Auth {
        Auth {
            token: Some(Secret::new("right")),
            password: None,
        }
    }

    /// All pairs of {no, empty, wrong, right token} and {no, unsigned, replayed, good device}.
    #[test]
    fn only_the_right_secret_lets_in_whatever_the_device() {
        for token in [None, Some(""), Some("wrong"), Some("right")] {
            let good = || device::tests::signed(token, "n", device::tests::NOW);
            let mut unsigned = good();
            unsigned["device"]["signature"] = json!("AAAA");
            let replayed = device::tests::signed(token, "other nonce", device::tests::NOW);
            let devices = [
                ("none", plain("cli", "cli", token), true),
                ("unsigned", unsigned, false),
                ("replayed", replayed, false),
                ("good", good(), true),
            ];
            for (device, params, acceptable) in devices {
                let allowed = token == Some("right") && acceptable;
                let admitted = admit(&with_token(), params, false);
                assert_eq!(
                    admitted.is_ok(),
                    allowed,
                    "token {token:?}, device {device}: {admitted:?}"
                );
                assert!(!allowed || admitted == Ok(ASKED.to_vec()));
            }
        }
    }

    #[test]
    fn scopes_without_a_device_are_for_own_programs_without_an_origin() {
        let right = Some("right");
        let table = [
            ("cli", "cli", false, Ok(ASKED.to_vec())),
            ("gateway-client", "backend", false, Ok(ASKED.to_vec())),
            ("cli", "cli", true, Ok(vec![])),
            ("cli", "probe", false, Ok(vec![])),
            ("test", "test", false, Ok(vec![])),
            ("openclaw-tui", "ui", false, Err(())),
            ("openclaw-control-ui", "webchat", true, Err(())),
        ];
        for (id, mode, browser, expected) in table {
            let admitted = admit(&with_token(), plain(id, mode, right), browser).map_err(drop);
            assert_eq!(admitted, expected, "{id}/{mode}");
        }
    }

    #[test]
    fn without_a_secret_only_backends_and_devices_get_in() {
        let open = Auth::default();
        assert!(admit(&open, plain("cli", "cli", None), false).is_err());
        assert!(admit(&open, plain("gateway-client", "backend", None), false).is_ok());
        assert!(admit(&open, device::tests::signed(None, "n", device::tests::NOW), false).is_ok());
    }

    #[test]
    fn an_empty_configured_secret_is_none() {
        let auth = Auth {
            token: Some(Secret::new("")),
            password: None,
        };
        assert!(Verifier::new(&auth).is_open());
        assert_eq!(Verifier::new(&with_token()).check(""), None);
        assert_eq!(Verifier::new(&with_token()).check("right"), Some(Method::Token));
    }
}
