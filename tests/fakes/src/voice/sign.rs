//! Signatures as the carriers make them.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};

/// A key of Telnyx'.
#[derive(Debug)]
pub struct Ed25519(Ed25519KeyPair);

// === impl Ed25519 ===

impl Ed25519 {
    /// Always the same.
    pub fn known() -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("32 bytes are a seed"))
    }

    /// The public half, as the portal shows it.
    pub fn public(&self) -> String {
        base64(self.0.public_key().as_ref())
    }

    /// The signature of a body at a time.
    pub fn sign(&self, seconds: u64, body: &[u8]) -> String {
        let mut message = format!("{seconds}|").into_bytes();
        message.extend_from_slice(body);
        base64(self.0.sign(&message).as_ref())
    }
}

/// Twilio's signature of a form that it posts to an address.
pub fn twilio_form(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_by_key(|(key, _)| *key);
    let mut text = url.to_owned();
    for (key, value) in sorted {
        text.push_str(key);
        text.push_str(value);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    base64(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// Plivo's signature, version 3, of a form that it posts to an address whose query's keys are in order.
pub fn plivo_v3(token: &str, url: &str, fields: &[(&str, &str)], nonce: &str) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let fields: String = sorted.iter().flat_map(|(key, value)| [*key, *value]).collect();
    let mark = match (url.contains('?'), fields.is_empty()) {
        (true, false) => ".",
        (false, false) => "?",
        (_, true) => "",
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    base64(hmac::sign(&key, format!("{url}{mark}{fields}.{nonce}").as_bytes()).as_ref())
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twilios_own_example_comes_out() {
        let fields = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
            ("Caller", "+14158675309"),
        ];
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(twilio_form("12345", url, &fields), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }
}
