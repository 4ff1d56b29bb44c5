//! A result on its way to an address that the operator chose, by HTTP. The address is checked where it is used: it leads
//! to no private network unless the operator says so.
use crate::http::{Body, Client, Egress, Origin, Request};
use openclaw_plugin_api::Secret;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// How long the other side may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of its answer; nobody reads them.
const ANSWER: u64 = 64 * 1024;

/// Posts results.
#[derive(Clone)]
pub struct Webhook {
    http: Client,
    public: Arc<Egress>,
    anywhere: Arc<Egress>,
}

impl Webhook {
    /// With this client.
    pub fn new(http: Client) -> Self {
        let egress = |private| {
            let made = Egress::new("cron", ["*"], private);
            Arc::new(made.expect("the pattern is valid"))
        };
        Self {
            http,
            public: egress(false),
            anywhere: egress(true),
        }
    }

    /// Posts one. The same run is posted twice at most where a process ended in between, and says so by its key.
    pub(super) async fn post(
        &self,
        url: &str,
        token: Option<&Secret>,
        private: bool,
        key: &str,
        body: &Value,
    ) -> Result<(), String> {
        let mut request = Request::new("POST", url, Origin::Untrusted);
        request.headers = vec![
            ("content-type".to_owned(), b"application/json".to_vec()),
            ("idempotency-key".to_owned(), key.as_bytes().to_vec()),
        ];
        if let Some(token) = token {
            let header = format!("Bearer {}", token.expose());
            request
                .headers
                .push(("authorization".to_owned(), header.into_bytes()));
        }
        request.body = Body::Bytes(body.to_string().into_bytes().into());
        request.total = Some(LIMIT);
        request.redirects = 0;
        request.max_response_bytes = ANSWER;
        let egress = if private { &self.anywhere } else { &self.public };
        let sent = self.http.send(egress, request).await;
        let status = sent
            .map_err(|error| format!("the webhook was not reached: {error}"))?
            .status();
        match status {
            200..300 => Ok(()),
            status => Err(format!("the webhook answered with status {status}")),
        }
    }
}
