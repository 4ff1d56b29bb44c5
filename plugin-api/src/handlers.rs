//! What a plugin answers, by method id and target.
use crate::{
    abi::{Fut, Reply},
    fnv::Fnv,
    registrar::Request,
    surface,
};
use std::{collections::HashMap, hash::BuildHasherDefault};

/// Answers a call.
pub(crate) type Handler = Box<dyn Fn(Request) -> Fut<Reply> + Send + Sync>;

/// By method id.
pub(crate) type Handlers = HashMap<String, Targets, Hash>;
/// The keys are the author's own, so the hash needs to be fast and nothing else.
type Hash = BuildHasherDefault<Fnv>;

/// The handlers of one method id.
#[derive(Default)]
pub(crate) struct Targets {
    /// For calls without a target, which many methods are. It is no key of the table: comparing two empty strings costs
    /// more than a call where the C library loads with AVX-512 masks, from addresses that stand for "nothing".
    none: Option<Handler>,
    by_id: HashMap<String, Handler, Hash>,
}

impl Targets {
    pub(crate) fn insert(&mut self, target: &str, handler: Handler) {
        match target {
            "" => self.none = Some(handler),
            _ => drop(self.by_id.insert(target.to_owned(), handler)),
        }
    }

    /// The handler of a target, and the target where it is one of many.
    pub(crate) fn find(&self, target: &str) -> Option<(&Handler, String)> {
        if target.is_empty() {
            return self.none.as_ref().map(|handler| (handler, String::new()));
        }
        if let Some(handler) = self.by_id.get(target) {
            return Some((handler, String::new()));
        }
        let any = self.by_id.get(surface::OFFERED_TOOLS)?;
        Some((any, target.to_owned()))
    }
}
