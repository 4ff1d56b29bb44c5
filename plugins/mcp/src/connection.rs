//! One connection to a server, from hello to goodbye.
use crate::{
    config,
    http::{ThroughHost, WANTS_TOKEN},
    process::{self, Process},
    stdio::{MAX_LINE, Pipes},
};
use ::http::{HeaderName, HeaderValue};
use openclaw_plugin_api::prelude::*;
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams, ServerCapabilities, Tool,
    },
    service::{NotificationContext, Peer, RunningService, ServiceError, serve_client},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Pages of a list that are asked for.
const MAX_PAGES: usize = 20;
/// Tools that are read of a server, before its filter.
const MAX_TOLD: usize = 1_000;
/// Time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A server that said hello.
pub struct Connection {
    peer: Peer<RoleClient>,
    service: Mutex<Option<RunningService<RoleClient, Ear>>>,
    process: Mutex<Option<Process>>,
    /// When it said hello.
    pub since: Instant,
}

/// What we listen to.
struct Ear {
    changed: Arc<Notify>,
}

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        let own = Implementation::new("openclaw", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), own)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

// === impl Connection ===

impl Connection {
    /// Starts the server, or calls it, and says hello. The caller sets the deadline; dropping this ends everything.
    pub async fn open(
        name: &str,
        config: &config::Server,
        host: &Host,
        changed: Arc<Notify>,
    ) -> Result<Self> {
        let ear = Ear { changed };
        let refused = |error: &dyn std::fmt::Display| {
            let text = format!("the MCP server {name} does not say hello: {}", brief(error));
            Error::new(ErrorKind::Server, text)
        };
        let (service, process) = match way(name, config)? {
            Way::Stdio => {
                let (process, stdout, stdin) = Process::start(name, config, process::inherited(host).await?)?;
                let said = serve_client(ear, Pipes::new(stdout, stdin)).await;
                (said.map_err(|error| refused(&error))?, Some(process))
            }
            Way::Http(url) => {
                let timeout = Duration::from_millis(config.request_timeout_ms);
                let mut settings = StreamableHttpClientTransportConfig::with_uri(url);
                settings.custom_headers = headers(name, config)?;
                settings.max_sse_event_size = MAX_LINE;
                let client = ThroughHost::new(host.clone(), timeout);
                let transport = StreamableHttpClientTransport::with_client(client, settings);
                let said = serve_client(ear, transport).await;
                (said.map_err(|error| refused(&error))?, None)
            }
        };
        Ok(Self {
            peer: service.peer().clone(),
            service: Mutex::new(Some(service)),
            process: Mutex::new(process),
            since: Instant::now(),
        })
    }

    /// Asks it.
    pub fn peer(&self) -> &Peer<RoleClient> {
        &self.peer
    }

    /// Did it end?
    pub fn has_ended(&self) -> bool {
        self.peer.is_transport_closed()
    }

    /// What it says it can do.
    pub fn capabilities(&self) -> ServerCapabilities {
        self.peer
            .peer_info()
            .map(|info| info.capabilities.clone())
            .unwrap_or_default()
    }

    /// Its tools, page by page.
    pub async fn tools(&self) -> Result<Vec<Tool>, ServiceError> {
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let told = self.peer.list_tools(Some(page)).await?;
            tools.extend(told.tools);
            cursor = told.next_cursor;
            if cursor.is_none() || tools.len() > MAX_TOLD {
                break;
            }
        }
        tools.truncate(MAX_TOLD);
        Ok(tools)
    }

    /// Ends it at once.
    pub fn kill(&self) {
        drop(take(&self.process));
        drop(take(&self.service));
    }

    /// Ends it in good order.
    pub async fn close(&self) {
        if let Some(mut service) = take(&self.service) {
            let _ = service.close_with_timeout(GOODBYE).await;
        }
        if let Some(process) = take(&self.process) {
            process.stop().await;
        }
    }
}

/// How a server is spoken to.
enum Way<'c> {
    Stdio,
    Http(&'c str),
}

fn way<'c>(name: &str, config: &'c config::Server) -> Result<Way<'c>> {
    let wrong = |what: &str| {
        Err(Error::new(
            ErrorKind::Config,
            format_args!("mcp.servers.{name} {what}"),
        ))
    };
    if config.auth.as_deref().is_some_and(|auth| auth != "none") {
        return wrong(
            "has auth, and logging in by OAuth is not supported; take auth out and set headers.Authorization to \
             \"Bearer <token>\", which may be a secret's reference",
        );
    }
    let url = config.url.as_deref().filter(|url| !url.is_empty());
    let command = config.command.as_deref().filter(|command| !command.is_empty());
    match (config.transport.as_deref(), command, url) {
        (Some("sse"), ..) => {
            wrong("has the transport \"sse\", which the protocol has given up; use \"streamable-http\"")
        }
        (Some("stdio") | None, Some(_), None) | (Some("stdio"), Some(_), Some(_)) => Ok(Way::Stdio),
        (Some("streamable-http" | "http") | None, None, Some(url)) => Ok(Way::Http(url)),
        (Some("streamable-http" | "http"), Some(_), Some(url)) => Ok(Way::Http(url)),
        (None, Some(_), Some(_)) => {
            wrong("has a command and a url; set transport to \"stdio\" or \"streamable-http\"")
        }
        (Some("stdio" | "streamable-http" | "http") | None, ..) => {
            wrong("has no command and no url; set one of them")
        }
        (Some(_), ..) => wrong("has an unknown transport; it is \"stdio\" or \"streamable-http\""),
    }
}

fn headers(name: &str, config: &config::Server) -> Result<HashMap<HeaderName, HeaderValue>> {
    let pairs = config.headers.iter().map(|(key, value)| {
        let wrong = || {
            let text = format!("mcp.servers.{name}.headers.{key} is no header that HTTP permits");
            Error::new(ErrorKind::Config, text)
        };
        let key = HeaderName::try_from(key.as_str()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value.0.expose()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((key, value))
    });
    pairs.collect()
}

/// The beginning of what went wrong; servers can be wordy.
pub fn brief(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    // what there is to do stands behind the names of many layers
    if text.contains(WANTS_TOKEN) {
        return WANTS_TOKEN.to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_told_or_found() {
        let server = |config: Value| serde_json::from_value::<config::Server>(config).expect("a server");
        let found = |config: Value| match way("x", &server(config)) {
            Ok(Way::Stdio) => "stdio".to_owned(),
            Ok(Way::Http(url)) => url.to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found(json!({"command": "a"})), "stdio");
        assert_eq!(found(json!({"url": "http://x/"})), "http://x/");
        assert_eq!(
            found(json!({"command": "a", "url": "http://x/", "transport": "stdio"})),
            "stdio"
        );
        for (wrong, words) in [
            (json!({}), "no command and no url"),
            (json!({"command": "a", "url": "b"}), "a command and a url"),
            (json!({"url": "b", "transport": "sse"}), "streamable-http"),
            (json!({"url": "b", "transport": "carrier"}), "unknown transport"),
            (json!({"url": "b", "transport": "stdio"}), "no command"),
        ] {
            assert!(found(wrong).contains(words), "{words}");
        }
    }
}
