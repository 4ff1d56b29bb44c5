//! Who a client of ours is to gateways that want to know: a key that never leaves its file.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
};

use crate::gateway::{
    connect::Connect,
    device::{hex, payload_v3},
};

/// Bytes of a key's seed.
const SEED: usize = 32;

/// A device's key.
pub struct Identity {
    pair: Ed25519KeyPair,
    id: String,
}

impl Identity {
    /// The key in this file, which is made if there is none.
    pub fn load(file: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(file)?;
                fs::read_to_string(file)?
            }
            read => read?,
        };
        let seed = URL_SAFE_NO_PAD.decode(text.trim()).ok();
        let pair = seed.and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&seed).ok());
        let pair = pair.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "it holds no key; remove it to get a new one",
            )
        })?;
        let id = hex(&Sha256::digest(pair.public_key().as_ref()));
        Ok(Self { pair, id })
    }

    /// Signs what a client asks for.
    pub(super) fn sign(&self, params: &mut Map<String, Value>, nonce: &str, at_ms: i64) {
        let mut device = json!({
            "id": self.id,
            "publicKey": URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref()),
            "signature": "-",
            "signedAt": at_ms,
            "nonce": nonce,
        });
        params.insert("device".into(), device.clone());
        let connect = Connect::parse(Value::Object(params.clone())).expect("parameters of ours are valid");
        let role = connect.role.clone().unwrap_or_default();
        let signature = self.pair.sign(payload_v3(&connect, &role).as_bytes());
        device["signature"] = json!(URL_SAFE_NO_PAD.encode(signature));
        params.insert("device".into(), device);
    }
}

/// Puts a new key there, whole at once: of two commands that come at the same time both use the key of the first.
fn make(file: &Path) -> io::Result<()> {
    let mut seed = [0_u8; SEED];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    // readable by its user only, whatever the umask
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(URL_SAFE_NO_PAD.encode(seed).as_bytes())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::device;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_kept_private_and_proves_the_same_device_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("device.key");
        let first = Identity::load(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Identity::load(&file).unwrap().id, first.id);
        let params = json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read"],
            "client": {"id": "cli", "version": "1", "platform": "linux", "mode": "cli"}, "auth": {"token": "t"},
        });
        let Value::Object(mut params) = params else {
            unreachable!()
        };
        first.sign(&mut params, "nonce", 1000);
        let connect = Connect::parse(Value::Object(params)).unwrap();
        assert!(
            device::verify(&connect, "operator", "nonce", 1000)
                .unwrap()
                .is_some()
        );
        make(&file).unwrap();
        assert_eq!(
            Identity::load(&file).unwrap().id,
            first.id,
            "who comes second finds it"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "and leaves nothing"
        );
        fs::write(&file, "nothing").unwrap();
        assert!(Identity::load(&file).is_err());
    }
}
