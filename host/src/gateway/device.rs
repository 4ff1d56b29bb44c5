//! A device's identity: an Ed25519 key, and a signature over what it asks for.
//!
//! It proves that the client has the key. Whether that device may do anything is not decided here.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{connect::Connect, failure::Failure, limits::DEVICE_SKEW_MS};

/// A device that has proved its key. Only [`verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifiedDevice {
    id: String,
}

impl VerifiedDevice {
    /// Hash of its public key.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Checks the proof in `connect`; `None` if the client brought no device.
pub(crate) fn verify(
    connect: &Connect,
    role: &str,
    nonce: &str,
    now_ms: i64,
) -> Result<Option<VerifiedDevice>, Failure> {
    let Some(device) = &connect.device else {
        return Ok(None);
    };
    let refuse = |code: &str, reason: &str, message: &str| {
        let details = json!({"code": format!("DEVICE_AUTH_{code}"), "reason": reason});
        Failure::invalid(message).with_details(details)
    };
    let key = URL_SAFE_NO_PAD
        .decode(&device.public_key)
        .ok()
        .filter(|key| key.len() == 32);
    let Some(key) = key else {
        return Err(refuse(
            "PUBLIC_KEY_INVALID",
            "device-public-key",
            "device public key invalid",
        ));
    };
    if device.id != hex(&Sha256::digest(&key)) {
        return Err(refuse(
            "DEVICE_ID_MISMATCH",
            "device-id-mismatch",
            "device identity mismatch",
        ));
    }
    if now_ms.abs_diff(device.signed_at) > DEVICE_SKEW_MS.unsigned_abs() {
        return Err(refuse(
            "SIGNATURE_EXPIRED",
            "device-signature-stale",
            "device signature expired",
        ));
    }
    if device.nonce.is_empty() {
        return Err(refuse(
            "NONCE_REQUIRED",
            "device-nonce-missing",
            "device nonce required",
        ));
    }
    if device.nonce != nonce {
        return Err(refuse(
            "NONCE_MISMATCH",
            "device-nonce-mismatch",
            "device nonce mismatch",
        ));
    }
    let signature = URL_SAFE_NO_PAD.decode(&device.signature).unwrap_or_default();
    let key = UnparsedPublicKey::new(&ED25519, key);
    let signed = [payload_v3(connect, role), payload_v2(connect, role)];
    if !signed
        .iter()
        .any(|payload| key.verify(payload.as_bytes(), &signature).is_ok())
    {
        return Err(refuse(
            "SIGNATURE_INVALID",
            "device-signature",
            "device signature invalid",
        ));
    }
    Ok(Some(VerifiedDevice {
        id: device.id.clone(),
    }))
}

/// What a current client signs.
pub(crate) fn payload_v3(connect: &Connect, role: &str) -> String {
    let client = &connect.client;
    let plain = |text: &str| text.trim().to_ascii_lowercase();
    let family = client.device_family.as_deref().unwrap_or_default();
    format!(
        "v3{}|{}|{}",
        common(connect, role),
        plain(&client.platform),
        plain(family)
    )
}

/// What an older client signs.
fn payload_v2(connect: &Connect, role: &str) -> String {
    format!("v2{}", common(connect, role))
}

fn common(connect: &Connect, role: &str) -> String {
    let Connect {
        client,
        device,
        scopes,
        auth,
        ..
    } = connect;
    let Some(device) = device else {
        return String::new();
    };
    let offered = [&auth.token, &auth.device_token, &auth.bootstrap_token];
    let token = offered
        .into_iter()
        .flatten()
        .next()
        .map_or("", |token| token.expose());
    let (id, mode, scopes) = (&client.id, &client.mode, scopes.join(","));
    let (device_id, signed_at, nonce) = (&device.id, device.signed_at, &device.nonce);
    format!("|{device_id}|{id}|{mode}|{role}|{scopes}|{signed_at}|{token}|{nonce}")
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};
    use serde_json::Value;

    pub(crate) const NOW: i64 = 1_795_193_904_000;

    /// Parameters of a terminal, with a signed device.
    pub(crate) fn signed(token: Option<&str>, nonce: &str, now_ms: i64) -> Value {
        Asked {
            token,
            nonce,
            now_ms,
            ..Asked::default()
        }
        .sign(7)
    }

    /// Parameters of the same terminal that asks for these scopes in this role.
    pub(crate) fn asking(token: Option<&str>, scopes: &[&str], role: &str) -> Value {
        Asked {
            token,
            scopes,
            role,
            ..Asked::default()
        }
        .sign(7)
    }

    /// What a device of a test asks for.
    #[derive(Clone, Copy)]
    pub(crate) struct Asked<'a> {
        pub(crate) token: Option<&'a str>,
        pub(crate) nonce: &'a str,
        pub(crate) now_ms: i64,
        pub(crate) scopes: &'a [&'a str],
        pub(crate) role: &'a str,
        pub(crate) client: (&'a str, &'a str),
        pub(crate) commands: &'a [&'a str],
    }

    impl Default for Asked<'_> {
        fn default() -> Self {
            Self {
                token: None,
                nonce: "n",
                now_ms: NOW,
                scopes: &["operator.read", "operator.write"],
                role: "operator",
                client: ("openclaw-tui", "ui"),
                commands: &[],
            }
        }
    }

    impl Asked<'_> {
        /// Signed by the device of this number.
        pub(crate) fn sign(self, device: u8) -> Value {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[device; 32]).unwrap();
            let public = pair.public_key().as_ref();
            let (id, mode) = self.client;
            let mut params = json!({
                "minProtocol": 4, "maxProtocol": 4, "role": self.role, "scopes": self.scopes,
                "commands": self.commands,
                "client": {"id": id, "version": "1", "platform": "Linux", "deviceFamily": "Linux", "mode": mode},
                "device": {
                    "id": hex(&Sha256::digest(public)), "publicKey": URL_SAFE_NO_PAD.encode(public), "signature": "x",
                    "signedAt": self.now_ms, "nonce": self.nonce,
                },
            });
            if let Some(token) = self.token {
                params["auth"] = json!({"token": token});
            }
            let payload = payload_v3(&Connect::parse(params.clone()).unwrap(), self.role);
            params["device"]["signature"] = json!(URL_SAFE_NO_PAD.encode(pair.sign(payload.as_bytes())));
            params
        }
    }

    fn code(params: Value) -> Option<String> {
        let connect = Connect::parse(params).unwrap();
        let failure = verify(&connect, "operator", "n", NOW).err()?;
        Some(
            failure.details.unwrap()["code"]
                .as_str()
                .unwrap()
                .trim_start_matches("DEVICE_AUTH_")
                .to_owned(),
        )
    }

    #[test]
    fn each_fault_of_a_proof_has_its_code() {
        let base = || signed(Some("t"), "n", NOW);
        assert_eq!(code(base()), None);
        let table: [(&str, Value, &str); 6] = [
            ("/device/id", json!("00"), "DEVICE_ID_MISMATCH"),
            ("/device/publicKey", json!("AA"), "PUBLIC_KEY_INVALID"),
            (
                "/device/signedAt",
                json!(NOW - DEVICE_SKEW_MS - 1),
                "SIGNATURE_EXPIRED",
            ),
            ("/device/nonce", json!(""), "NONCE_REQUIRED"),
            ("/device/nonce", json!("m"), "NONCE_MISMATCH"),
            ("/device/signature", json!("AAAA"), "SIGNATURE_INVALID"),
        ];
        for (pointer, value, expected) in table {
            let mut params = base();
            *params.pointer_mut(pointer).unwrap() = value;
            assert_eq!(code(params).as_deref(), Some(expected), "{pointer}");
        }
        // what is signed can't be exchanged
        for (pointer, value) in [
            ("/scopes/0", json!("operator.admin")),
            ("/auth/token", json!("other")),
            ("/client/platform", json!("darwin")),
            ("/device/signedAt", json!(NOW + 1)),
        ] {
            let mut params = base();
            *params.pointer_mut(pointer).unwrap() = value;
            assert_eq!(code(params).as_deref(), Some("SIGNATURE_INVALID"), "{pointer}");
        }
    }
}
