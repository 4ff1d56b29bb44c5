//! Thoughts that the vendor wants back unchanged, as they travel in the host's signatures.
//!
//! The host joins the thoughts of one answer into one text and their signatures into another. So a signature is one JSON
//! text for each block of thought, and says how much of the joined text is its own. What is not ours is skipped, and
//! so is what another model made: a proof is worth something only where it was made.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most blocks of thought that one answer can hold.
const MAX_BLOCKS: usize = 256;

/// The proof of one block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The model that thought.
    model: String,
    /// What it thought.
    #[serde(flatten)]
    block: Block,
}

/// A block of thought.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "anthropic", rename_all = "camelCase")]
enum Block {
    /// Thoughts in the clear.
    Thinking {
        /// Bytes of the joined text.
        len: usize,
        /// The vendor's signature.
        signature: String,
    },
    /// Thoughts that only the vendor can read.
    Redacted {
        /// As the vendor sent it.
        data: String,
    },
}

/// The joined thoughts of one answer, from which blocks are cut off one by one.
#[derive(Debug)]
pub struct Thoughts<'a> {
    model: &'a str,
    rest: &'a str,
}

impl Proof {
    /// For thoughts in the clear.
    pub fn thinking(model: &str, len: usize, signature: &str) -> String {
        let signature = signature.to_owned();
        Self::text(model, Block::Thinking { len, signature })
    }

    /// For thoughts that only the vendor can read.
    pub fn redacted(model: &str, data: &str) -> String {
        let data = data.to_owned();
        Self::text(model, Block::Redacted { data })
    }

    fn text(model: &str, block: Block) -> String {
        let model = model.to_owned();
        serde_json::to_string(&Self { model, block }).expect("a record of texts and numbers is JSON")
    }
}

impl<'a> Thoughts<'a> {
    /// The thoughts of one answer.
    pub fn new(model: &'a str, joined: &'a str) -> Self {
        Self { model, rest: joined }
    }

    /// The blocks that this signature proves, as the API takes them.
    pub fn blocks(&mut self, signature: &str) -> Vec<Value> {
        let texts = serde_json::Deserializer::from_str(signature).into_iter::<Value>();
        let proofs = texts.map_while(Result::ok).take(MAX_BLOCKS);
        let proofs = proofs.filter_map(|value| Proof::deserialize(value).ok());
        proofs.filter_map(|proof| self.block(proof)).collect()
    }

    fn block(&mut self, proof: Proof) -> Option<Value> {
        let ours = proof.model == self.model;
        match proof.block {
            Block::Thinking { len, signature } => {
                let (thinking, rest) = self.rest.split_at_checked(len)?;
                self.rest = rest;
                let shown = ours && !signature.is_empty();
                shown.then(|| json!({ "type": "thinking", "thinking": thinking, "signature": signature }))
            }
            Block::Redacted { data } => ours.then(|| json!({ "type": "redacted_thinking", "data": data })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_thoughts_come_apart_again() {
        let signatures =
            Proof::thinking("m", 4, "s1") + &Proof::redacted("m", "xyz") + &Proof::thinking("m", 2, "s2");
        assert_eq!(
            Thoughts::new("m", "onéab").blocks(&signatures),
            [
                json!({"type": "thinking", "thinking": "oné", "signature": "s1"}),
                json!({"type": "redacted_thinking", "data": "xyz"}),
                json!({"type": "thinking", "thinking": "ab", "signature": "s2"}),
            ]
        );
    }

    #[test]
    fn what_another_made_is_skipped() {
        assert!(
            Thoughts::new("m", "abc")
                .blocks(&Proof::thinking("n", 3, "s"))
                .is_empty()
        );
        assert!(Thoughts::new("m", "abc").blocks("EqQBCgIYAhIM").is_empty());
        assert!(
            Thoughts::new("m", "abc")
                .blocks(r#"{"service":"x","kind":"field"}"#)
                .is_empty()
        );
        // A length that doesn't fit the text proves nothing, and breaks nothing.
        assert!(
            Thoughts::new("m", "é")
                .blocks(&Proof::thinking("m", 1, "s"))
                .is_empty()
        );
    }
}
