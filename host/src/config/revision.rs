//! Names of states of the configuration's files: the same for the same content, and without a hint on what it is.
//!
//! The names are keyed hashes: whoever sees one can't try out which secret the file may hold.
use super::Sources;
use ring::hmac;
use serde_json::Value;
use std::{fs, path::Path};

/// The file with the key, in the state directory.
const KEY_FILE: &str = "config-fingerprint.key";
/// Length of the key, bytes.
const KEY: usize = 32;

/// Gives states their names.
#[derive(Debug, Clone)]
pub struct Fingerprint(hmac::Key);

// === impl Fingerprint ===

impl Fingerprint {
    /// With the key of this state directory, so that names outlive the process. One is made if there is none; if it can't
    /// be kept, names last as long as the process.
    pub fn open(state_dir: &Path) -> Self {
        let path = state_dir.join(KEY_FILE);
        let key = match fs::read(&path) {
            Ok(key) if key.len() == KEY => key,
            _ => Self::make(&path),
        };
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }

    fn make(path: &Path) -> Vec<u8> {
        let mut key = vec![0; KEY];
        getrandom::fill(&mut key).expect("the operating system has random bytes");
        if let Err(error) = super::write::write_alone(path, &key) {
            tracing::warn!(target: "openclaw::config", %error, "{} can't be kept", path.display());
        }
        key
    }

    /// The name of the main file's text.
    pub fn of_text(&self, text: &[u8]) -> String {
        self.name(b"text", text)
    }

    /// The name of what the files say together, whatever their spacing and comments.
    pub fn of_sources(&self, sources: &Sources) -> String {
        self.of_value(sources.merged())
    }

    fn of_value(&self, value: &Value) -> String {
        self.name(b"value", value.to_string().as_bytes())
    }

    fn name(&self, kind: &[u8], content: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind);
        context.update(content);
        let tag = context.sign();
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("hmac-sha256:v1:{hex}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outlive_the_process_and_differ_between_gateways() {
        let (one, other) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        let name = |folder: &Path, text: &[u8]| Fingerprint::open(folder).of_text(text);
        assert_eq!(name(one.path(), b"{}"), name(one.path(), b"{}"));
        assert_ne!(name(one.path(), b"{}"), name(one.path(), b"{ }"));
        assert_ne!(name(one.path(), b"{}"), name(other.path(), b"{}"));
    }
}
