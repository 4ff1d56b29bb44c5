//! One request before it is sent: where it goes, what it carries, how long it may take and whether it may be repeated.
use super::Route;
use openclaw_plugin_api::{MediaRef, Multipart, Result};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{fmt, time::Duration};

/// Longest wait for one request, the waits for its turn included, but not its files; below the host's own for a call.
const DEADLINE: Duration = Duration::from_secs(25);
/// Longest reason for the audit log, characters.
const MAX_REASON: usize = 512;

/// One request.
pub(crate) struct Request {
    pub(super) method: &'static str,
    pub(super) route: Route,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) files: Vec<FilePart>,
    pub(super) reason: Option<String>,
    pub(super) deadline: Duration,
    pub(super) repeatable: bool,
}

/// One file of a request, streamed from the host's store.
#[derive(Debug, Clone)]
pub(super) struct FilePart {
    pub(super) field: String,
    pub(super) media: MediaRef,
    pub(super) file_name: String,
}

impl Request {
    fn new(method: &'static str, route: Route, repeatable: bool) -> Self {
        Self {
            method,
            route,
            query: Vec::new(),
            body: None,
            fields: Vec::new(),
            files: Vec::new(),
            reason: None,
            deadline: DEADLINE,
            repeatable,
        }
    }

    /// Reads something.
    pub(crate) fn get(route: Route) -> Self {
        Self::new("GET", route, true)
    }

    /// Makes something. Never repeated when it is not known whether it happened, unless [`Request::repeatable`].
    pub(crate) fn post(route: Route) -> Self {
        Self::new("POST", route, false)
    }

    /// Changes something. Twice is as good as once.
    pub(crate) fn patch(route: Route) -> Self {
        Self::new("PATCH", route, true)
    }

    /// Sets something. Twice is as good as once.
    pub(crate) fn put(route: Route) -> Self {
        Self::new("PUT", route, true)
    }

    /// Removes something. The second time it is gone, which the caller takes for done.
    pub(crate) fn delete(route: Route) -> Self {
        Self::new("DELETE", route, true)
    }

    /// Carries JSON; with files it goes along as `payload_json`.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds to the query.
    pub(crate) fn query(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Carries the next file of a message, `files[n]`.
    pub(crate) fn file(self, media: MediaRef, file_name: impl Into<String>) -> Self {
        let field = format!("files[{}]", self.files.len());
        self.part(field, media, file_name)
    }

    /// Carries a file in a field of this name.
    pub(crate) fn part(
        mut self,
        field: impl Into<String>,
        media: MediaRef,
        file_name: impl Into<String>,
    ) -> Self {
        self.files.push(FilePart {
            field: field.into(),
            media,
            file_name: file_name.into(),
        });
        self
    }

    /// Carries a text beside files, where the route takes a form instead of `payload_json`.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Why, for the guild's audit log.
    pub(crate) fn reason(mut self, reason: &str) -> Self {
        let reason: String = reason.trim().chars().take(MAX_REASON).collect();
        self.reason = (!reason.is_empty()).then_some(reason);
        self
    }

    /// What a request with files carries.
    pub(super) fn form(&self) -> Result<Multipart> {
        let mut form = Multipart::new();
        if let Some(body) = &self.body {
            form = form.json("payload_json", body)?;
        }
        for (name, value) in &self.fields {
            form = form.text(*name, value);
        }
        Ok(self.files.iter().fold(form, |form, part| {
            form.file(&part.field, part.media.clone(), &part.file_name)
        }))
    }

    /// How much longer than others it may take for its files.
    pub(super) fn sending_time(&self) -> Duration {
        MediaRef::sending_time(self.files.iter().map(|part| &part.media))
    }

    /// Gives up after this time instead of 25 seconds.
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Discord itself sees to it that a second one has no effect.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Method and template, for people and as the name of its limit.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.route.template())
    }

    pub(super) fn url(&self, base: &str) -> String {
        let mut url = format!("{base}/{}", self.route.path());
        for (n, (name, value)) in self.query.iter().enumerate() {
            url.push(if n == 0 { '?' } else { '&' });
            url += &format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        url
    }

    /// The reason as a header carries it.
    pub(super) fn encoded_reason(&self) -> Option<String> {
        let reason = self.reason.as_deref()?;
        Some(utf8_percent_encode(reason, NON_ALPHANUMERIC).to_string())
    }
}

/// Without the body, which people wrote.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("name", &self.name())
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}
