//! Where the page for browsers is. A route for everything (`/` and below) is a page; the operator says below which path
//! it is found.
//!
//! Invariant: what is outside of that path is not found, whoever offers it.

/// The path of a route for everything.
const EVERYTHING: &str = "/";

/// Below which path a page is found: `gateway.controlUi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePlace {
    /// Without a slash at its end; empty for all paths.
    base: String,
}

impl PagePlace {
    /// Below this path.
    pub fn below(path: &str) -> Self {
        let base = path.trim_matches('/');
        let base = match base {
            "" => String::new(),
            base => format!("/{base}"),
        };
        Self { base }
    }

    /// May the route with this path of its own answer for `path`?
    pub(super) fn permits(&self, route: &str, path: &str) -> bool {
        !is_page(route)
            || path
                .strip_prefix(self.base.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Where the page is, for whoever asks for its folder without the slash.
    pub(super) fn folder(&self, path: &str) -> Option<String> {
        let base = &self.base;
        (!base.is_empty() && path == base).then(|| format!("{base}/"))
    }
}

/// Is the route with this path a page?
pub(super) fn is_page(route: &str) -> bool {
    route == EVERYTHING
}

impl Default for PagePlace {
    fn default() -> Self {
        Self::below(EVERYTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_below_its_path_is_a_page() {
        let root = PagePlace::below("/");
        assert!(root.permits("/", "/") && root.permits("/", "/chat") && root.folder("/").is_none());
        for written in ["/ui", "ui/", "/ui/"] {
            let below = PagePlace::below(written);
            assert!(
                below.permits("/", "/ui/") && below.permits("/", "/ui/assets/a.js"),
                "{written}"
            );
            for path in ["/", "/ui", "/uix/", "/chat"] {
                assert!(!below.permits("/", path), "{path}");
            }
            assert_eq!(below.folder("/ui").as_deref(), Some("/ui/"));
            assert!(below.permits("/hook", "/hook"), "other routes are where they are");
        }
    }
}
