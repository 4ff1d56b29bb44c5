//! What those who look after devices can do: see, let in, turn away, name, and take tokens away.
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time;

use super::{Devices, digest, failed, held, new_token, view};
use crate::gateway::{
    failure::{Code, Failure},
    methods::Caller,
    scope::{Scope, Scopes},
};
use crate::journal::{Device, DeviceRequest, DeviceRole};

/// How long whoever takes away its own place may still read the answer.
const GRACE: Duration = Duration::from_millis(250);

impl Devices {
    /// Devices that ask and devices that are let in, as far as the caller may know of them.
    pub async fn list(&self, caller: &Caller) -> Result<Value, Failure> {
        let now_ms = self.0.clock.now_ms();
        let read = self
            .0
            .journal
            .run(move |j| Ok((j.device_requests(now_ms)?, j.devices()?)));
        let (requests, devices) = read.await.map_err(|error| failed(&error))?;
        let governed = |id: &str| caller.principal.governs(id);
        let pending = requests.iter().filter(|request| governed(&request.device));
        let paired = devices.iter().filter(|device| governed(&device.id));
        Ok(json!({
            "pending": pending.map(view::request).collect::<Vec<_>>(),
            "paired": paired.map(|device| self.row(device)).collect::<Vec<_>>(),
        }))
    }

    /// Lets in who asks, if the caller holds all of what is asked for.
    pub async fn approve(&self, request: &str, caller: &Caller) -> Result<Value, Failure> {
        let request = self.waiting(request).await?;
        check_governs(caller, &request.device)?;
        check_holds(caller, &request.scopes)?;
        let id = request.id.clone();
        let device = self.admit(request, "owner").await?;
        self.resolved(&id, &device.id, "approved");
        Ok(json!({"requestId": id, "device": self.row(&device)}))
    }

    /// Turns away who asks.
    pub async fn reject(&self, request: &str, caller: &Caller) -> Result<Value, Failure> {
        let request = self.waiting(request).await?;
        check_governs(caller, &request.device)?;
        let (id, now_ms) = (request.id.clone(), self.0.clock.now_ms());
        let ended = self
            .0
            .journal
            .run(move |j| j.device_request_end(&id, now_ms))
            .await;
        ended.map_err(|error| failed(&error))?;
        self.resolved(&request.id, &request.device, "rejected");
        Ok(json!({"requestId": request.id, "deviceId": request.device}))
    }

    /// Forgets a device and sends it away.
    pub async fn remove(&self, device: &str, caller: &Caller) -> Result<Value, Failure> {
        check_governs(caller, device)?;
        let id = device.to_owned();
        let forgotten = self.0.journal.run(move |j| j.device_forget(&id)).await;
        if !forgotten.map_err(|error| failed(&error))? {
            return Err(unknown_device());
        }
        self.dismiss(device, None, caller, false);
        self.changed(device);
        Ok(json!({"deviceId": device}))
    }

    /// Names a device.
    pub async fn rename(&self, device: &str, label: &str, caller: &Caller) -> Result<Value, Failure> {
        check_governs(caller, device)?;
        let (id, name) = (device.to_owned(), label.trim().to_owned());
        let named = self.0.journal.run(move |j| j.device_label(&id, &name)).await;
        if !named.map_err(|error| failed(&error))? {
            return Err(unknown_device());
        }
        self.changed(device);
        Ok(json!({"deviceId": device, "label": label.trim()}))
    }

    /// Replaces the tokens of a device by a new one, with the same scopes or fewer. Only the device itself is told it.
    pub async fn rotate(
        &self,
        device: &str,
        role: &str,
        scopes: Option<Vec<String>>,
        caller: &Caller,
    ) -> Result<Value, Failure> {
        check_governs(caller, device)?;
        let known = self.device(device).await?.ok_or_else(unknown_device)?;
        let granted = known.roles.iter().find(|granted| granted.role == role);
        let granted = granted.ok_or_else(unknown_role)?.clone();
        let scopes = narrowed(&granted, scopes)?;
        check_holds(caller, &scopes)?;
        let (token, now_ms) = (new_token(), self.0.clock.now_ms());
        let (id, hash) = (device.to_owned(), digest(token.expose()));
        let after = DeviceRole {
            scopes: scopes.clone(),
            ..granted
        };
        let replaced = self
            .0
            .journal
            .run(move |j| j.device_token_replace(&id, &after, &hash, now_ms))
            .await;
        if !replaced.map_err(|error| failed(&error))? {
            return Err(unknown_device());
        }
        let own = caller.principal.device() == Some(device) && caller.principal.role().name() == role;
        self.dismiss(device, Some(role), caller, own);
        self.changed(device);
        let mut answer = json!({"deviceId": device, "role": role, "scopes": scopes, "rotatedAtMs": now_ms});
        if own {
            answer["tokenDelivery"] = json!("in-band");
            answer["token"] = json!(token.expose());
        } else {
            answer["tokenDelivery"] = json!("withheld-cross-device");
        }
        Ok(answer)
    }

    /// Takes the tokens of a device away and sends it away.
    pub async fn revoke(&self, device: &str, role: &str, caller: &Caller) -> Result<Value, Failure> {
        check_governs(caller, device)?;
        let (id, name, now_ms) = (device.to_owned(), role.to_owned(), self.0.clock.now_ms());
        let revoked = self
            .0
            .journal
            .run(move |j| j.device_token_revoke(&id, &name, now_ms))
            .await;
        if !revoked.map_err(|error| failed(&error))? {
            return Err(unknown_device());
        }
        self.dismiss(device, Some(role), caller, false);
        self.changed(device);
        Ok(json!({"deviceId": device, "role": role, "revokedAtMs": now_ms}))
    }

    fn row(&self, device: &Device) -> Value {
        let callers = self.0.events.callers();
        let connected = callers
            .iter()
            .any(|caller| caller.principal.device() == Some(&device.id));
        view::device(device, connected)
    }

    async fn waiting(&self, id: &str) -> Result<DeviceRequest, Failure> {
        let now_ms = self.0.clock.now_ms();
        let requests = self.0.journal.run(move |j| j.device_requests(now_ms)).await;
        let mut requests = requests.map_err(|error| failed(&error))?.into_iter();
        let found = requests.find(|request| request.id == id);
        found.ok_or_else(|| Failure::invalid("unknown requestId"))
    }

    fn resolved(&self, request: &str, device: &str, decision: &str) {
        let now_ms = self.0.clock.now_ms();
        let payload = json!({"requestId": request, "deviceId": device, "decision": decision, "ts": now_ms});
        self.0.events.broadcast("device.pair.resolved", &payload);
    }

    /// Sends a device away. The caller's own connection goes a moment later, so that the answer arrives, or stays.
    fn dismiss(&self, device: &str, role: Option<&str>, caller: &Caller, stays: bool) {
        let (device, role) = (device.to_owned(), role.map(str::to_owned));
        let concerned = move |other: &Caller| {
            let principal = &other.principal;
            principal.device() == Some(&device)
                && role.as_ref().is_none_or(|role| principal.role().name() == role)
        };
        let own = caller.connection.clone();
        let others = |other: &Caller| other.connection != own && concerned(other);
        self.0.events.dismiss("device access revoked", others);
        if stays || !concerned(caller) {
            return;
        }
        let (events, own) = (self.0.events.clone(), caller.connection.clone());
        tokio::spawn(async move {
            time::sleep(GRACE).await;
            events.dismiss("device access revoked", |other| other.connection == own);
        });
    }
}

/// The scopes that a new token gets: those of the role, or fewer.
fn narrowed(role: &DeviceRole, wanted: Option<Vec<String>>) -> Result<Vec<String>, Failure> {
    let Some(wanted) = wanted else {
        return Ok(role.scopes.clone());
    };
    let held: Scopes = held(role);
    let all_held = wanted
        .iter()
        .all(|name| Scope::parse(name).is_some_and(|scope| held.permit(scope)));
    if all_held {
        return Ok(wanted);
    }
    Err(Failure::invalid(
        "a token can't be given more scopes than the device holds: pair the device again with more",
    ))
}

fn check_holds(caller: &Caller, scopes: &[String]) -> Result<(), Failure> {
    let mut scopes = scopes.iter().filter_map(|name| Scope::parse(name));
    let missing = scopes.find(|scope| !caller.principal.scopes().permit(*scope));
    missing.map_or(Ok(()), |scope| Err(Failure::missing_scope(scope)))
}

fn check_governs(caller: &Caller, device: &str) -> Result<(), Failure> {
    if caller.principal.governs(device) {
        return Ok(());
    }
    let message =
        "a device decides about itself only: use the gateway's token, or a device with operator.admin";
    Err(Failure::new(Code::Forbidden, message).with_details(json!({"code": "DEVICE_OWNERSHIP_MISMATCH"})))
}

fn unknown_device() -> Failure {
    Failure::invalid("unknown deviceId")
}

fn unknown_role() -> Failure {
    Failure::invalid("unknown device role")
}
