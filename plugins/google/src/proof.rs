//! Proofs of thoughts that the vendor wants back on the same part, as they travel in the host's signatures.
//!
//! The host may join several signatures, so a signature is one JSON text for each proof. What is not ours is skipped,
//! and so is what another model made.
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most proofs that one signature can hold.
const MAX_PROOFS: usize = 256;

/// The proof of one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Proof {
    /// `thoughtSignature` as it came.
    google: String,
    /// The model that made it.
    model: String,
    /// What kind of part it was on.
    on: Part,
}

/// What a proof is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The text of the answer.
    Text,
    /// The call before it.
    Call,
}

/// The text to hand to the host.
pub fn sign(model: &str, on: Part, signature: &str) -> String {
    let (google, model) = (signature.to_owned(), model.to_owned());
    serde_json::to_string(&Proof { google, model, on }).expect("a record of texts is JSON")
}

/// The last proof for that kind of part that this model made.
pub fn find(model: &str, on: Part, signature: &str) -> Option<String> {
    let texts = serde_json::Deserializer::from_str(signature).into_iter::<Value>();
    let proofs = texts.map_while(Result::ok).take(MAX_PROOFS);
    let mut proofs = proofs.filter_map(|value| Proof::deserialize(value).ok());
    let mut found = None;
    while let Some(proof) = proofs.find(|proof| proof.on == on && proof.model == model) {
        found = Some(proof.google);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_proofs_come_apart_and_strangers_are_skipped() {
        let joined = sign("m", Part::Text, "t") + r#"{"anthropic":"thinking"}"# + &sign("n", Part::Call, "x");
        let joined = joined + &sign("m", Part::Call, "c");
        assert_eq!(find("m", Part::Text, &joined).as_deref(), Some("t"));
        assert_eq!(find("m", Part::Call, &joined).as_deref(), Some("c"));
        assert_eq!(find("m", Part::Call, "EqQB"), None);
    }
}
