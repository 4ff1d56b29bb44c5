//! The process environment, taken once at the start. This is the only file that reads it, so that tests can hold it.
//!
//! Values may be secrets: no output of this type shows one.

use std::{collections::HashMap, fmt};

/// A snapshot of environment variables.
#[derive(Clone, Default)]
pub struct Env(HashMap<String, String>);

// === impl Env ===

impl Env {
    /// The variables of this process. Those that are not UTF-8 are left out: no variable that we read may be so.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of `name`. An empty variable counts as unset, as it does in shell scripts and compose files.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// With this value of `name` in the place of its own.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Env({} variables)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let env: Env = [("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(format!("{env:?}"), "Env(1 variables)");
    }

    #[test]
    fn empty_is_unset() {
        let env: Env = [("A", ""), ("B", "x")].into_iter().collect();
        assert_eq!(
            (env.var("A"), env.var("B"), env.var("C")),
            (None, Some("x"), None)
        );
    }
}
