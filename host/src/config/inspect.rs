//! Looks at a configuration as a whole, also at one that can't be used, and says everything that is wrong with it.
//!
//! It fetches no secrets, for that may need programs; and a variable that is not set here, but may be where the gateway
//! runs, does not hide other faults.
use super::{
    Config, Env, Fault, IncludeError, JsonPath, Paths, Problem, Sources, Variables, redact::names_a_variable,
    substitute::MissingVariable, substitute::substitute, warnings,
};
use serde_json::Value;

/// Stands for the value of a variable that is not set.
const UNSET: &str = "unset";

/// Stands there a secret that only a gateway has: a reference to a variable, or the word for one that is not set here?
/// `written` is what stands in the file.
pub fn is_unfilled(written: &Value, text: &str) -> bool {
    let has_variable = written.as_str().is_some_and(|written| written.contains("${"));
    names_a_variable(text) || (text == UNSET && has_variable)
}

/// A configuration and what there is to say about it.
#[derive(Debug)]
pub struct Inspected {
    /// What it says, with secrets left out; if it can be read at all.
    pub config: Option<Config>,
    /// The files, as written.
    pub sources: Sources,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Keys that OpenClaw knows and that have no effect here.
    pub without_effect: Vec<JsonPath>,
}

impl Inspected {
    /// Reads the files and judges them.
    pub fn read(paths: &Paths, env: &Env) -> Result<Self, IncludeError> {
        let sources = Sources::read(&paths.config_file, &paths.include_roots)?;
        Ok(Self::of(sources, env))
    }

    /// Judges these files.
    pub(super) fn of(sources: Sources, env: &Env) -> Self {
        let variables = Variables::new(sources.merged(), env);
        let missing = substitute(sources.merged(), &|name| variables.get(name)).err();
        let mut faults: Vec<_> = missing
            .into_iter()
            .flatten()
            .map(MissingVariable::into_fault)
            .collect();
        let value = substitute(sources.merged(), &|name| variables.get(name).or(Some(UNSET)))
            .expect("every variable has a value now");
        let (config, without_effect) = match Config::judged(value) {
            Ok((config, without_effect)) => (Some(config), without_effect),
            Err(others) => {
                faults.extend(others);
                (None, Vec::new())
            }
        };
        Self {
            config,
            sources,
            faults,
            without_effect,
        }
    }

    /// What is wrong, with places.
    pub fn problems(&self) -> Vec<Problem> {
        let faults = self.faults.iter().cloned();
        faults
            .map(|fault| Problem::of_fault(fault, &self.sources))
            .collect()
    }

    /// What need not be corrected, with places.
    pub fn warnings(&self) -> Vec<Problem> {
        warnings(self.without_effect.clone(), &self.sources)
    }
}
