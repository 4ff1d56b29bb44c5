//! What the vendor's own description says of bodies, and what it doesn't say.
use super::Api;
use crate::spec;
use jsonschema::Validator;
use serde_json::Value;
use std::{collections::BTreeSet, sync::LazyLock};

/// The schema file.
const FILE: &str = "openai_core.json";

static SCHEMAS: LazyLock<Option<Value>> = LazyLock::new(|| {
    let mut components = spec::read(FILE)?["components"].take();
    spec::translate(&mut components);
    Some(components)
});
static RESPONSES: LazyLock<Option<Validator>> = LazyLock::new(|| validator("CreateResponse"));
static COMPLETIONS: LazyLock<Option<Validator>> = LazyLock::new(|| validator("CreateChatCompletionRequest"));

/// A check for one of the vendor's schemas.
pub(super) fn validator(name: &str) -> Option<Validator> {
    SCHEMAS
        .as_ref()
        .map(|components| spec::component(components, name))
}

/// Would the vendor take the body? If not: why.
pub(super) fn check(api: Api, body: &Value) -> Result<(), String> {
    let validator = match api {
        Api::Responses => RESPONSES.as_ref(),
        Api::Completions => COMPLETIONS.as_ref(),
    };
    match validator {
        Some(validator) => spec::judge(validator, body),
        None => Ok(()),
    }
}

/// Has each call its result, and each result its call? The schema can't say it, the vendor insists on it.
pub(super) fn check_calls(api: Api, body: &Value) -> Result<(), String> {
    let list = match api {
        Api::Responses => &body["input"],
        Api::Completions => &body["messages"],
    };
    let mut open = BTreeSet::new();
    for item in list.as_array().into_iter().flatten() {
        let (asked, answered) = match api {
            Api::Responses if item["type"] == "function_call" => (vec![&item["call_id"]], None),
            Api::Responses if item["type"] == "function_call_output" => (vec![], Some(&item["call_id"])),
            Api::Completions if item["role"] == "tool" => (vec![], Some(&item["tool_call_id"])),
            Api::Completions => {
                let calls = item["tool_calls"].as_array().into_iter().flatten();
                (calls.map(|call| &call["id"]).collect(), None)
            }
            Api::Responses => (vec![], None),
        };
        if let Some(id) = answered {
            if !open.remove(id.as_str().unwrap_or_default()) {
                return Err(format!("there is no call for the result {id}"));
            }
        } else if api == Api::Completions && !open.is_empty() {
            return Err(format!("the calls {open:?} have no results behind them"));
        }
        open.extend(
            asked
                .into_iter()
                .map(|id| id.as_str().unwrap_or_default().to_owned()),
        );
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("the calls {open:?} have no results"))
    }
}
