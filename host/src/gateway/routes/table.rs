//! Which route a path belongs to.
//!
//! Invariants: a path has one route or none; none has a path of the gateway's own; a path that is not in its one
//! reading (see `path`) can't be offered. A route is remembered while its plugin is being replaced, so that a request
//! waits for it or is told to come back, and does not find its place empty.
use openclaw_plugin_api::{Route, RouteAuth};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{path::canonical, socket};

/// Paths that the gateway answers itself.
const OWN: [&str; 7] = [
    "/api/diagnostics/prometheus",
    "/health",
    "/healthz",
    "/metrics",
    "/ready",
    "/readyz",
    "/startupz",
];

/// A path that a plugin has declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Id of the plugin.
    pub plugin: String,
    /// The path, where the operator wants it.
    pub path: String,
    /// The path as the plugin declares it.
    pub declared: String,
    /// What it has registered; `None` while it doesn't run.
    pub route: Option<Route>,
}

/// All routes.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: HashMap<String, Arc<Offer>>,
    /// The longest first.
    prefixes: Vec<Arc<Offer>>,
}

impl Table {
    /// From what is offered now, and what was known before.
    pub(super) fn new(offers: Vec<Offer>, before: &Self) -> Self {
        let mut table = Self::default();
        let mut taken = HashSet::new();
        for mut offer in offers {
            let (plugin, path) = (&offer.plugin, &offer.path);
            if is_own(path) || canonical(path).as_deref() != Some(path) || path.contains(['?', '#']) {
                tracing::warn!(target: "openclaw::routes", plugin, path, "this path can't be a plugin's; not served");
                continue;
            }
            if !taken.insert(path.clone()) {
                tracing::warn!(target: "openclaw::routes", plugin, path, "another plugin has this path; not served");
                continue;
            }
            offer.route = match offer.route.take() {
                Some(route) => Some(within_its_rights(route)),
                None => before.known(&offer),
            };
            table.insert(Arc::new(offer));
        }
        table
            .prefixes
            .sort_by_key(|offer| std::cmp::Reverse(offer.path.len()));
        table
    }

    /// The route of a path in its one reading.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<Offer>> {
        if is_own(path) {
            return None;
        }
        self.exact.get(path).or_else(|| {
            let mut prefixes = self.prefixes.iter();
            prefixes.find(|offer| is_below(path, &offer.path))
        })
    }

    fn insert(&mut self, offer: Arc<Offer>) {
        if offer.route.as_ref().is_some_and(|route| route.prefix) {
            self.prefixes.push(offer.clone());
        }
        self.exact.insert(offer.path.clone(), offer);
    }

    fn known(&self, offer: &Offer) -> Option<Route> {
        let known = self.exact.get(&offer.path)?;
        (known.plugin == offer.plugin).then(|| known.route.clone())?
    }
}

/// Who lets anybody in serves pages, and takes nothing.
fn within_its_rights(mut route: Route) -> Route {
    if route.auth == RouteAuth::Public {
        route
            .methods
            .retain(|method| matches!(method.as_str(), "GET" | "HEAD"));
        route.max_body_bytes = 0;
    }
    if route.websocket && !socket::permitted(&route) {
        let path = &route.path;
        tracing::warn!(target: "openclaw::routes", path, "a WebSocket that nobody has to prove anything for is not opened");
        route.websocket = false;
    }
    route
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.ends_with('/'))
}

fn is_own(path: &str) -> bool {
    OWN.iter().any(|own| is_below(path, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(plugin: &str, path: &str, change: impl FnOnce(&mut Route)) -> Offer {
        let mut route = Route {
            path: path.into(),
            ..Route::default()
        };
        change(&mut route);
        Offer {
            plugin: plugin.into(),
            path: path.into(),
            declared: path.into(),
            route: Some(route),
        }
    }

    fn owner<'a>(table: &'a Table, path: &str) -> Option<&'a str> {
        table.find(path).map(|offer| offer.plugin.as_str())
    }

    #[test]
    fn paths_are_exact_and_the_longest_prefix_wins() {
        let prefix = |route: &mut Route| route.prefix = true;
        let offers = vec![
            offer("a", "/a", prefix),
            offer("b", "/a/b", prefix),
            offer("c", "/a/b/c", |_| {}),
            offer("d", "/a", |_| {}),
        ];
        let table = Table::new(offers, &Table::default());
        for (path, plugin) in [
            ("/a", Some("a")),
            ("/a/", Some("a")),
            ("/ab", None),
            ("/a/bc", Some("a")),
            ("/a/b", Some("b")),
            ("/a/b/x", Some("b")),
            ("/a/b/c", Some("c")),
            ("/a/b/c/", Some("b")),
            ("/A", None),
            ("/", None),
        ] {
            assert_eq!(owner(&table, path), plugin, "{path}");
        }
    }

    #[test]
    fn a_path_of_the_gateway_is_nobody_elses() {
        let everything = offer("a", "/", |route| route.prefix = true);
        let mut offers: Vec<_> = OWN.iter().map(|path| offer("a", path, |_| {})).collect();
        offers.extend(["/x/../y", "/x//y", "x", "/x%2fy", "/x?y"].map(|path| offer("a", path, |_| {})));
        offers.push(everything);
        let table = Table::new(offers, &Table::default());
        assert_eq!(table.exact.len(), 1, "{table:?}");
        assert_eq!(owner(&table, "/anything"), Some("a"));
        for path in OWN {
            assert_eq!(owner(&table, path), None);
            assert_eq!(owner(&table, &format!("{path}/x")), None);
        }
    }

    #[test]
    fn a_route_is_remembered_while_its_plugin_is_replaced() {
        let begun = offer("a", "/a", |route| route.prefix = true);
        let absent = Offer {
            route: None,
            ..begun.clone()
        };
        let never = Table::new(vec![absent.clone()], &Table::default());
        assert_eq!(never.find("/a").map(|offer| offer.route.is_none()), Some(true));
        let before = Table::new(vec![begun], &never);
        let between = Table::new(vec![absent.clone()], &before);
        assert_eq!(owner(&between, "/a/below"), Some("a"));
        let other = Offer {
            plugin: "b".into(),
            ..absent
        };
        let other = Table::new(vec![other], &before);
        assert_eq!(owner(&other, "/a/below"), None, "another plugin's is not its own");
        assert!(Table::new(Vec::new(), &before).find("/a").is_none());
    }

    #[test]
    fn what_is_public_takes_nothing() {
        let public = offer("a", "/a", |route| {
            route.auth = RouteAuth::Public;
            route.methods = ["GET", "POST", "HEAD"].map(String::from).to_vec();
        });
        let table = Table::new(vec![public], &Table::default());
        let route = table
            .find("/a")
            .and_then(|offer| offer.route.clone())
            .expect("it");
        assert_eq!(
            (route.methods.join(" "), route.max_body_bytes),
            ("GET HEAD".into(), 0)
        );
    }
}
