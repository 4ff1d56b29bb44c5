//! The one outbound client of the gateway: connection pools, and the loop that follows redirects.
//!
//! Redirects are followed here and not by `reqwest`, because each step has to pass the policy and the guard anew. There
//! is a pool for each reach (see `dns::Reach`): a connection that the guard did not check is never reused for a request
//! that it has to check.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::dns::{Lookup, Reach, Resolver, SystemResolver};
use super::error::{Denial, Error, Phase, Result, root_cause};
use super::failure::{UploadFailed, classify};
use super::guard::{self, Scheme};
use super::limits;
use super::policy::Egress;
use super::proxy::Proxy;
use super::redirect;
use super::request::{self, Body, Origin, Request};
use super::response::{Response, Rules};
use super::tls;

/// The one outbound client of the gateway. Clones share everything.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// How to build a [`Client`]; the default is right for the gateway.
pub struct Options {
    /// Authorities to trust beside the machine's, as PEM.
    pub extra_authorities: Option<Vec<u8>>,
    /// Where names are looked up.
    pub resolver: Arc<dyn Resolver>,
    /// Proxy for all traffic that does not bring its own.
    pub proxy: Option<Proxy>,
    /// Time to open one connection. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// `User-Agent` of requests that have none.
    pub user_agent: String,
}

pub(super) struct Shared {
    pub(super) tls: rustls::ClientConfig,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) connect_timeout: Duration,
    proxy: Option<Proxy>,
    user_agent: String,
    /// By [`Reach::index`].
    direct: [reqwest::Client; 3],
    proxied: Mutex<VecDeque<(Proxy, reqwest::Client)>>,
}

/// One step of an exchange; redirects change it.
struct Step {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: StepBody,
}

/// What of a request holds for every step. Not the request itself: its body may be used on one thread only.
#[derive(Clone, Copy)]
struct Hops<'a> {
    origin: Origin,
    limit: u8,
    proxy: Option<&'a Proxy>,
}

impl<'a> Hops<'a> {
    fn of(request: &'a Request) -> Self {
        Self {
            origin: request.origin,
            limit: request.redirect_limit(),
            proxy: request.proxy.as_ref(),
        }
    }
}

enum StepBody {
    None,
    Bytes(Bytes),
    Stream(reqwest::Body),
    /// A stream that was sent.
    Spent,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            extra_authorities: None,
            resolver: Arc::new(SystemResolver),
            proxy: None,
            connect_timeout: limits::CONNECT_TIMEOUT,
            user_agent: concat!("openclaw/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

// === impl Client ===

impl Client {
    /// Builds the client: opens no connection, and reads the machine's trusted authorities with the first over TLS.
    pub fn new(options: Options) -> Result<Self> {
        let mut tls = tls::config(options.extra_authorities.as_deref())?;
        let build = |reach, tls: &rustls::ClientConfig| {
            let lookup = Lookup::new(Arc::clone(&options.resolver), reach);
            build_pool(lookup, tls, None, options.connect_timeout, &options.user_agent)
        };
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let [any, public, private] = Reach::ALL.map(|reach| build(reach, &tls));
        let direct = [any?, public?, private?];
        let Options {
            resolver,
            proxy,
            connect_timeout,
            user_agent,
            ..
        } = options;
        let proxied = Mutex::new(VecDeque::new());
        Ok(Self {
            shared: Arc::new(Shared {
                tls,
                resolver,
                connect_timeout,
                proxy,
                user_agent,
                direct,
                proxied,
            }),
        })
    }

    /// Sends a request for a caller and waits for the head of the final response.
    ///
    /// Dropping the future or the response ends the exchange: the connection (HTTP/1) is closed, the stream (HTTP/2) reset.
    pub async fn send(&self, egress: &Arc<Egress>, request: Request) -> Result<Response> {
        egress.count_request();
        self.exchange(egress, request)
            .await
            .map_err(|error| egress.count_error(error))
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn exchange(&self, egress: &Arc<Egress>, mut request: Request) -> Result<Response> {
        let started = Instant::now();
        let url = guard::parse(&request.url, Scheme::Http)?;
        let streamed = matches!(request.body, Body::Stream(_));
        let mut headers = request::headers(&request.headers, streamed)?;
        let decompress = request.decompress && !headers.contains_key(ACCEPT_ENCODING);
        if decompress {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let ends = request.total_limit().map(|total| started + total);
        let head = started + request.deadline;
        let rules = Rules {
            ends,
            idle: request.idle_timeout,
            max: request.max_response_bytes,
            decompress,
        };
        let body = StepBody::new(std::mem::take(&mut request.body), egress);
        let first = Step {
            url: url.clone(),
            method: request.method()?,
            headers,
            body,
        };
        let (response, url) = timeout_at(
            ends.map_or(head, |ends| ends.min(head)),
            self.follow(egress, Hops::of(&request), first),
        )
        .await
        .map_err(|_| Error::timeout(&url, Phase::Head))??;
        Response::new(response, url, Arc::clone(egress), rules)
    }

    /// Sends the step and those that redirects make of it.
    async fn follow(
        &self,
        egress: &Egress,
        hops: Hops<'_>,
        mut step: Step,
    ) -> Result<(reqwest::Response, Url)> {
        let first = step.url.origin();
        let limit = hops.limit;
        let mut followed = 0;
        loop {
            // where a redirect leads is the server's choice: only hosts that the policy names are as good as the caller's own
            let chosen =
                hops.origin == Origin::Trusted && (step.url.origin() == first || egress.names(&step.url));
            let origin = if chosen {
                Origin::Trusted
            } else {
                Origin::Untrusted
            };
            let (reach, proxy) = self.shared.route(egress, &step.url, origin, hops.proxy)?;
            let pool = self.shared.pool(reach, proxy)?;
            let response = pool
                .execute(step.message(egress))
                .await
                .map_err(|error| classify(&step.url, error))?;
            if limit == 0 {
                return Ok((response, step.url));
            }
            let Some(next) = redirect::target(&step.url, response.status(), response.headers())? else {
                return Ok((response, step.url));
            };
            if followed == limit {
                return Err(Error::protocol(
                    &step.url,
                    format_args!("more than {limit} redirects"),
                ));
            }
            followed += 1;
            step.redirect(response.status(), next)?;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("proxy", &self.shared.proxy)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// Checks one URL by policy and guard; gives the reach of its connection and the proxy, if any, to use.
    pub(super) fn route<'a>(
        &'a self,
        egress: &Egress,
        url: &Url,
        origin: Origin,
        proxy: Option<&'a Proxy>,
    ) -> Result<(Reach, Option<&'a Proxy>)> {
        egress.check(url)?;
        let proxy = proxy.or(self.proxy.as_ref());
        if origin == Origin::Trusted {
            return Ok((Reach::Any, proxy));
        }
        guard::check(url, egress.allow_private())?;
        if proxy.is_some() && !egress.allow_private() {
            return Err(Error::guard(url, Denial::Proxied));
        }
        Ok((Reach::guarded(egress.allow_private()), proxy))
    }

    fn pool(&self, reach: Reach, proxy: Option<&Proxy>) -> Result<reqwest::Client> {
        let Some(proxy) = proxy else {
            return Ok(self.direct[reach.index()].clone());
        };
        // a panic can't leave the list half changed
        let mut pools = self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pool)) = pools.iter().find(|(known, _)| known == proxy) {
            return Ok(pool.clone());
        }
        // the proxy's own address is the operator's choice
        let lookup = Lookup::new(Arc::clone(&self.resolver), Reach::Any);
        let pool = build_pool(
            lookup,
            &self.tls,
            Some(proxy),
            self.connect_timeout,
            &self.user_agent,
        )?;
        if pools.len() == limits::MAX_PROXY_POOLS {
            pools.pop_front();
        }
        pools.push_back((proxy.clone(), pool.clone()));
        Ok(pool)
    }
}

fn build_pool(
    lookup: Lookup,
    tls: &rustls::ClientConfig,
    proxy: Option<&Proxy>,
    connect_timeout: Duration,
    user_agent: &str,
) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(lookup)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(user_agent)
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .tcp_keepalive(limits::TCP_KEEPALIVE)
        .pool_idle_timeout(limits::POOL_IDLE)
        .pool_max_idle_per_host(limits::POOL_IDLE_PER_HOST)
        .http2_adaptive_window(true)
        .http2_max_header_list_size(limits::MAX_RESPONSE_HEADER_BYTES)
        .http2_keep_alive_interval(limits::HTTP2_PING_INTERVAL)
        .http2_keep_alive_timeout(limits::HTTP2_PING_TIMEOUT);
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.for_reqwest()?);
    }
    builder.build().map_err(|error| Error::Setup {
        reason: root_cause(&error.without_url()),
    })
}

// === impl Step ===

impl Step {
    /// The message of this step. A stream is handed over and can't be sent again.
    fn message(&mut self, egress: &Egress) -> reqwest::Request {
        let mut message = reqwest::Request::new(self.method.clone(), self.url.clone());
        *message.headers_mut() = self.headers.clone();
        *message.body_mut() = match std::mem::replace(&mut self.body, StepBody::Spent) {
            StepBody::None => {
                self.body = StepBody::None;
                None
            }
            StepBody::Bytes(bytes) => {
                egress.count_out(bytes.len());
                self.body = StepBody::Bytes(bytes.clone());
                Some(bytes.into())
            }
            StepBody::Stream(stream) => Some(stream),
            StepBody::Spent => None,
        };
        message
    }

    fn redirect(&mut self, status: reqwest::StatusCode, next: Url) -> Result<()> {
        let (method, keeps_body) = redirect::method(status, &self.method);
        if keeps_body && matches!(self.body, StepBody::Spent) {
            return Err(Error::protocol(
                &self.url,
                "it redirects a streamed body, which can't be sent twice",
            ));
        }
        redirect::strip(&mut self.headers, next.origin() == self.url.origin(), keeps_body);
        if !keeps_body {
            self.body = StepBody::None;
        }
        self.method = method;
        self.url = next;
        Ok(())
    }
}

impl StepBody {
    fn new(body: Body, egress: &Arc<Egress>) -> Self {
        match body {
            Body::None => Self::None,
            Body::Bytes(bytes) => Self::Bytes(bytes),
            Body::Stream(stream) => {
                let egress = Arc::clone(egress);
                let stream = stream
                    .inspect_ok(move |chunk| egress.count_out(chunk.len()))
                    .map_err(|error| UploadFailed(root_cause(&*error)));
                Self::Stream(reqwest::Body::wrap_stream(stream))
            }
        }
    }
}
