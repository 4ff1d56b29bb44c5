//! The decision: from what a client says, offers and proves to a principal.
//!
//! | proof | without a device | with one |
//! |---|---|---|
//! | shared secret | all scopes for the owner's own programs on this machine, none for others | what the device holds; silently more on this machine |
//! | token of a device | its scopes, for a backend on this machine | its scopes |
//! | a proxy's word | what the proxy's header leaves | the same |
//! | none is needed | all for a backend | all |
use super::{Admission, Denied, Issued, Method, Principal, ProxyClaim, Role, Verifier};
use crate::gateway::{
    connect::Connect,
    denial,
    device::VerifiedDevice,
    devices::{Claim, Claimed, Devices, TokenHolder},
    scope::{Scope, Scopes},
};

/// How a client came, and what the gateway's owner allows.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// It is on this machine, as far as can be seen.
    pub(crate) local: bool,
    /// Its request has an `Origin`.
    pub(crate) browser: bool,
    /// What a proxy says.
    pub(crate) proxy: &'a ProxyClaim,
    /// Are devices on this machine let in without a question?
    pub(crate) auto_approve: bool,
    /// Are pages let in without a device?
    pub(crate) pages_without_device: bool,
}

/// What a client proved before its device is looked at.
enum Proof<'a> {
    Shared(Method),
    Proxy(&'a str),
    Open,
    /// It offered something that isn't ours.
    Wrong(&'static str),
    Missing,
}

/// A client that asks.
struct Asking<'a> {
    verifier: &'a Verifier,
    devices: &'a Devices,
    connect: &'a Connect,
    role: Role,
    way: &'a Way<'a>,
}

/// Lets somebody in, or says why not.
pub(crate) async fn admit(
    verifier: &Verifier,
    devices: &Devices,
    connect: &Connect,
    role: Role,
    device: Option<VerifiedDevice>,
    way: &Way<'_>,
) -> Result<Admission, Denied> {
    let asking = Asking {
        verifier,
        devices,
        connect,
        role,
        way,
    };
    let proof = asking.prove()?;
    match (device, role) {
        (Some(device), _) => asking.with_device(&device, proof).await,
        (None, Role::Node) => Err(Denied::plain(denial::device_required())),
        (None, Role::Operator) => asking.without_device(proof).await,
    }
}

// === impl Asking ===

impl<'a> Asking<'a> {
    fn prove(&self) -> Result<Proof<'a>, Denied> {
        if self.verifier.is_open() {
            return Ok(Proof::Open);
        }
        let offered = self.offered();
        // no short cut: each offered secret is compared
        let found = offered.iter().fold(None, |found, (_, secret)| {
            let method = self.verifier.check(secret);
            found.or(method)
        });
        match (found, self.way.proxy.user(), offered.first()) {
            (Some(method), ..) => Ok(Proof::Shared(method)),
            (None, Some(Ok(user)), _) => Ok(Proof::Proxy(user)),
            (None, Some(Err(failure)), None) => Err(Denied::plain(failure)),
            (None, _, Some((what, _))) => Ok(Proof::Wrong(what)),
            (None, None, None) => Ok(Proof::Missing),
        }
    }

    fn offered(&self) -> Vec<(&'static str, &'a str)> {
        let auth = &self.connect.auth;
        let offered = [
            ("token", &auth.token),
            ("password", &auth.password),
            ("device token", &auth.device_token),
            ("bootstrap token", &auth.bootstrap_token),
        ];
        let offered = offered.into_iter();
        offered
            .filter_map(|(what, secret)| Some((what, secret.as_ref()?.expose())))
            .collect()
    }

    async fn without_device(&self, proof: Proof<'_>) -> Result<Admission, Denied> {
        let client = &self.connect.client;
        if let Proof::Proxy(user) = proof {
            return Ok(self.principal(Method::TrustedProxy, &self.way.proxy.grant(), None, Some(user)));
        }
        let page = client.is_operator_ui();
        if page && !self.way.pages_without_device {
            return Err(Denied::plain(denial::page_without_device()));
        }
        let native = self.way.local && !self.way.browser;
        let backend = native && client.is_backend();
        match proof {
            Proof::Shared(method) => {
                let keeps = page || native && client.is_own_program();
                let grant: &[Scope] = if keeps { &Scope::ALL } else { &[] };
                Ok(self.principal(method, grant, None, None))
            }
            Proof::Open if backend => Ok(self.principal(Method::None, &Scope::ALL, None, None)),
            Proof::Wrong(what) if backend => match self.holder().await {
                Some(holder) if holder.role == self.role => {
                    let grant = holder.scopes.permitted();
                    Ok(self.principal(Method::DeviceToken, &grant, Some(&holder.device), None))
                }
                _ => Err(Denied::guess(denial::mismatch(what, false))),
            },
            Proof::Wrong(what) => Err(Denied::guess(denial::mismatch(what, false))),
            Proof::Open | Proof::Missing | Proof::Proxy(_) => Err(Denied::plain(denial::device_required())),
        }
    }

    async fn with_device(&self, device: &VerifiedDevice, proof: Proof<'_>) -> Result<Admission, Denied> {
        let id = Some(device.id());
        match proof {
            // a gateway without a secret is for this machine, and everybody on it may come
            Proof::Open if self.role == Role::Operator => {
                Ok(self.principal(Method::None, &Scope::ALL, id, None))
            }
            Proof::Open => self.claim(device, Method::None).await,
            Proof::Proxy(user) if self.role == Role::Operator => {
                Ok(self.principal(Method::TrustedProxy, &self.way.proxy.grant(), id, Some(user)))
            }
            Proof::Proxy(_) => self.claim(device, Method::TrustedProxy).await,
            Proof::Shared(method) => self.claim(device, method).await,
            Proof::Missing => Err(Denied::plain(denial::secret_missing(self.verifier.mode()))),
            Proof::Wrong(what) => self.by_token(device, what).await,
        }
    }

    /// What the device holds, or may silently get.
    async fn claim(&self, device: &VerifiedDevice, method: Method) -> Result<Admission, Denied> {
        let page_of_ours = !self.way.browser || self.connect.client.is_page();
        let claim = Claim {
            device,
            connect: self.connect,
            role: self.role,
            silent: self.way.local && self.way.auto_approve && page_of_ours,
            local: self.way.local,
            with_token: method != Method::None,
        };
        let claimed = self.devices.claim(&claim).await.map_err(Denied::plain)?;
        let Claimed { scopes, token, at_ms } = claimed;
        let admission = self.principal(method, &scopes, Some(device.id()), None);
        let issued = token.map(|token| Issued { token, at_ms });
        Ok(Admission { issued, ..admission })
    }

    /// What the device's token holds.
    async fn by_token(&self, device: &VerifiedDevice, what: &'static str) -> Result<Admission, Denied> {
        let holder = self.holder().await;
        let holder = holder.filter(|holder| holder.device == device.id() && holder.role == self.role);
        let Some(holder) = holder else {
            let retry = what != "device token" && self.devices.has_token(device.id(), self.role).await;
            return Err(Denied::guess(denial::mismatch(what, retry)));
        };
        let mut asked = self.connect.scopes.iter().filter_map(|name| Scope::parse(name));
        if self.role == Role::Operator && asked.any(|scope| !holder.scopes.permit(scope)) {
            return Err(Denied::plain(denial::scope_mismatch()));
        }
        let seen = self
            .devices
            .returns(device.id(), self.connect, self.role, self.way.local);
        seen.await.map_err(Denied::plain)?;
        Ok(self.principal(
            Method::DeviceToken,
            &holder.scopes.permitted(),
            Some(device.id()),
            None,
        ))
    }

    async fn holder(&self) -> Option<TokenHolder> {
        for (_, secret) in self.offered() {
            if let Some(holder) = self.devices.holder(secret).await {
                return Some(holder);
            }
        }
        None
    }

    fn principal(
        &self,
        method: Method,
        grant: &[Scope],
        device: Option<&str>,
        user: Option<&str>,
    ) -> Admission {
        let grant = if self.role == Role::Node { &[] } else { grant };
        let principal = Principal {
            method,
            role: self.role,
            scopes: Scopes::granted(self.connect.scopes.iter().map(String::as_str), grant),
            device: device.map(str::to_owned),
            user: user.map(str::to_owned),
        };
        Admission {
            principal,
            issued: None,
        }
    }
}
