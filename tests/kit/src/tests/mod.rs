//! The table of tests. To add one, write a function and a row in the file of its topic.
mod calls;
mod cancellation;
mod channel;
mod concurrency;
mod config;
mod faults;
mod garbage;
mod lifecycle;
mod manifest;
mod memory;
mod resources;
mod streams;

use crate::{Category, bench::Bench, outcome::Verdict};
use std::{fmt, future::Future, pin::Pin};

type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;
type Function = for<'a> fn(&'a Bench) -> Running<'a>;

/// One test: a rule and a function that proves a plugin to keep it.
#[derive(Clone, Copy)]
pub struct Test {
    /// Its name, in kebab case; a promise to those who name it on the command line.
    pub name: &'static str,
    /// What it looks at.
    pub category: Category,
    /// The rule.
    pub description: &'static str,
    run: Function,
}

/// All tests, in the order of a report.
pub fn tests() -> impl Iterator<Item = &'static Test> {
    TOPICS.iter().flat_map(|topic| topic.iter())
}

const TOPICS: &[&[Test]] = &[
    manifest::TESTS,
    config::TESTS,
    lifecycle::TESTS,
    calls::TESTS,
    garbage::TESTS,
    concurrency::TESTS,
    cancellation::TESTS,
    streams::TESTS,
    faults::TESTS,
    streams::MEMORY,
    memory::TESTS,
    resources::TESTS,
    channel::TESTS,
];

/// The test with this name.
pub(crate) fn find(name: &str) -> Option<&'static Test> {
    tests().find(|test| test.name == name)
}

/// The test of this name; if there is none, those whose name contains it or whose category it is.
pub(crate) fn chosen(filter: &str) -> Vec<&'static Test> {
    match find(filter) {
        Some(test) => vec![test],
        None => tests().filter(|test| test.matches(filter)).collect(),
    }
}

impl Test {
    const fn new(category: Category, name: &'static str, description: &'static str, run: Function) -> Self {
        Self {
            name,
            category,
            description,
            run,
        }
    }

    /// Is it meant by this part of a name, or by this category?
    pub fn matches(&self, filter: &str) -> bool {
        self.name.contains(filter) || self.category.as_str() == filter
    }

    pub(crate) fn run<'a>(&self, bench: &'a Bench) -> Running<'a> {
        (self.run)(bench)
    }
}

impl fmt::Debug for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Test")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn names_are_kebab_case_and_unique_and_every_test_has_its_rule() {
        let mut names = std::collections::HashSet::new();
        for test in tests() {
            let kebab = test.name.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
            assert!(kebab && !test.description.is_empty(), "{test:?}");
            assert!(names.insert(test.name), "{} is there twice", test.name);
        }
    }

    #[test]
    fn a_filter_means_names_and_categories() {
        let count = |filter: &str| chosen(filter).len();
        assert!(count("lifecycle") > 3 && count("") > count("lifecycle"));
        assert_eq!(
            (count("no-such-test"), count("creates"), count("create")),
            (0, 1, 3)
        );
    }
}
