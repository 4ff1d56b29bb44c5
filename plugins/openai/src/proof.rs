//! What a vendor wants back unchanged with the next request, as it travels in the host's signatures.
//!
//! A signature is one JSON text for each proof. The host may join the signatures of one answer, so proofs are read
//! from any number of texts, one after the other; what is not ours is skipped. A proof is worth something only where it
//! was made, so it names the model and the service.
use openclaw_plugin_api::Content;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most proofs that one answer can hold.
const MAX_PROOFS: usize = 256;

/// A proof and where it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Host of the service.
    service: String,
    /// The model.
    model: String,
    /// What it proves.
    #[serde(flatten)]
    pub claim: Claim,
}

/// What is proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Claim {
    /// A reasoning item of Responses, and the item that came right after it: it is refused without that one.
    Reasoning {
        /// As the vendor sent it.
        item: Value,
        /// The id of the call that follows; none: a message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
        /// The id of the item that follows.
        item_id: String,
        /// How much of the answer's text was said before it, bytes. The host keeps the text of an answer in one piece.
        #[serde(default, skip_serializing_if = "is_none")]
        said: usize,
    },
    /// The field of Chat Completions in which the thoughts came.
    Field {
        /// Its name.
        name: String,
    },
    /// An entry of `reasoning_details`.
    Detail {
        /// As the service sent it.
        detail: Value,
    },
}

/// Where proofs are made and accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Host of the service.
    pub service: String,
    /// The model as it was asked for.
    pub model: String,
}

fn is_none(bytes: &usize) -> bool {
    *bytes == 0
}

// === impl Origin ===

impl Origin {
    /// The text to hand to the host.
    pub fn sign(&self, claim: Claim) -> String {
        let proof = Proof {
            service: self.service.clone(),
            model: self.model.clone(),
            claim,
        };
        serde_json::to_string(&proof).expect("a record of texts and JSON is JSON")
    }

    /// The claims of a message that were made here.
    pub fn claims(&self, content: &[Content]) -> Vec<Claim> {
        let mut claims = Vec::new();
        for part in content {
            let (Content::Thinking { signature, .. } | Content::ToolCall { signature, .. }) = part else {
                continue;
            };
            let values = serde_json::Deserializer::from_str(signature).into_iter::<Value>();
            for value in values.map_while(Result::ok).take(MAX_PROOFS) {
                let Ok(proof) = Proof::deserialize(value) else {
                    continue;
                };
                if proof.service == self.service && proof.model == self.model {
                    claims.push(proof.claim);
                }
            }
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn origin(model: &str) -> Origin {
        Origin {
            service: "api.openai.com".into(),
            model: model.into(),
        }
    }

    #[test]
    fn joined_signatures_are_told_apart_and_strangers_skipped() {
        let field = Claim::Field {
            name: "reasoning".into(),
        };
        let detail = Claim::Detail {
            detail: json!({"data": "x"}),
        };
        let here = origin("a");
        let joined =
            here.sign(field.clone()) + &origin("b").sign(detail.clone()) + &here.sign(detail.clone());
        let content = [
            Content::Thinking {
                thinking: String::new(),
                signature: joined,
            },
            Content::Thinking {
                thinking: String::new(),
                signature: "EqQBCgIYAhIM".into(),
            },
        ];
        assert_eq!(here.claims(&content), [field, detail]);
    }
}
