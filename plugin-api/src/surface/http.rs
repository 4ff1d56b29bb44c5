//! `http/1`: routes on the gateway's port. The host owns the socket: limits and authentication come first, and what
//! reaches the plugin has passed them.
use crate::{Error, ErrorKind, Registrar, Result, Sink, WsReceiver, WsSender};
use serde::{Deserialize, Serialize};
use std::{future::Future, sync::Arc};

/// Method ids. Target: path of the route.
pub mod ids {
    /// Body: [`super::HttpCall`], without the request's body; reply: null. Asked before the request's body is read, on
    /// routes that have `checkHead` set.
    pub const CHECK: &str = "http/1/check";
    /// Body: [`super::HttpCall`]; in: the request's body, if large; out: [`super::HttpHead`] as JSON, then the body of
    /// the answer; reply: null.
    pub const HANDLE: &str = "http/1/handle";
    /// Body: [`super::HttpCall`]; in and out: tagged messages; reply: null.
    pub const WEBSOCKET: &str = "http/1/websocket";
}

/// Routes on the gateway's port.
pub trait HttpRoutes: Send + Sync + 'static {
    /// The routes. Each path is declared in the manifest too.
    fn routes(&self) -> Vec<Route>;

    /// For routes with [`Route::check_head`]: may this request send its body? Called with the head alone, before anything
    /// of the body is read. It can only refuse: [`Route::auth`] holds beside it. Compare in constant time. An error of
    /// kind [`ErrorKind::Auth`] is answered with 401. Refuses by default.
    fn check(&self, _head: &HttpCall) -> Result<()> {
        Err(Error::new(
            ErrorKind::Auth,
            "this plugin declares that it checks heads but checks none",
        ))
    }

    /// For routes with [`RouteAuth::Signature`]: is the request genuine? Called with the whole body before anything of
    /// it is parsed. Compare in constant time. Refuses by default.
    fn verify(&self, _call: &HttpCall) -> Result<()> {
        Err(Error::new(
            ErrorKind::Auth,
            "this plugin declares signed requests but verifies none",
        ))
    }

    /// Answers one request.
    fn handle(&self, call: HttpCall, answer: Answer) -> impl Future<Output = Result<()>> + Send;

    /// Serves one WebSocket, on routes that have `websocket` set.
    fn websocket(
        &self,
        _call: HttpCall,
        _messages: WsReceiver,
        _out: WsSender,
    ) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::unsupported("this route has no WebSocket")) }
    }
}

/// One route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Route {
    /// Exact path, or the beginning of one if `prefix` is set.
    pub path: String,
    /// Everything below the path too.
    pub prefix: bool,
    /// Methods; `GET` and `HEAD` by default.
    pub methods: Vec<String>,
    /// Who may ask. There is no default that lets anybody in.
    pub auth: RouteAuth,
    /// [`HttpRoutes::check`] is asked before the body is read. For secrets that stand in a header: who lacks it has sent
    /// its body in vain.
    pub check_head: bool,
    /// Longest body, or message of a WebSocket, bytes. 64 KiB by default.
    pub max_body_bytes: u64,
    /// Time for the body to arrive, milliseconds. 5,000 by default.
    pub body_timeout_ms: u64,
    /// Time for the answer to begin, milliseconds; the host's own limit is 15 minutes. 30,000 by default.
    pub answer_timeout_ms: u64,
    /// A WebSocket may be opened here, with `GET` whatever the methods are. Nobody gets one who has proved nothing: a
    /// route with [`RouteAuth::Signature`] needs `check_head` for it, and a public route has none.
    pub websocket: bool,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RouteAuth {
    /// The gateway's own credentials; checked by the host.
    #[default]
    Gateway,
    /// Whoever can sign: [`HttpRoutes::verify`] decides.
    Signature,
    /// Anybody, for pages and pictures: `GET` and `HEAD` without a body only.
    Public,
}

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpCall {
    /// `GET`, `POST`, …
    pub method: String,
    /// Decoded path.
    pub path: String,
    /// Raw query without `?`; empty if none.
    pub query: String,
    /// The address that the other side used, as far as the host could establish it by its own rules.
    pub url: String,
    /// Header names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Address of the client, after trusted proxies.
    pub peer: String,
    /// Id of this request in the logs.
    pub request_id: String,
    /// Who asks may do everything: with [`RouteAuth::Gateway`], the gateway's secret or the scope `operator.admin`. False:
    /// somebody who may only write, or somebody whom the host did not look at.
    pub caller_is_owner: bool,
    /// The body.
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HttpHead {
    /// Status code.
    pub status: u16,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
}

/// Where an answer is written.
#[derive(Debug)]
pub struct Answer {
    sink: Sink,
}

/// The body of an answer.
#[derive(Debug)]
pub struct AnswerBody {
    sink: Sink,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            path: String::new(),
            prefix: false,
            methods: vec!["GET".into(), "HEAD".into()],
            auth: RouteAuth::Gateway,
            check_head: false,
            max_body_bytes: 64 * 1024,
            body_timeout_ms: 5000,
            answer_timeout_ms: 30_000,
            websocket: false,
        }
    }
}

impl HttpCall {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Answer {
    /// Sends the head; what follows is the body.
    pub async fn start(mut self, status: u16, headers: &[(&str, &str)]) -> Result<AnswerBody> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let head = serde_json::to_vec(&HttpHead { status, headers })?;
        match self.sink.send(&head).await {
            true => Ok(AnswerBody { sink: self.sink }),
            false => Err(Error::new(ErrorKind::Cancelled, "the client went away")),
        }
    }

    /// A whole answer at once.
    pub async fn send(self, status: u16, content_type: &str, body: &[u8]) -> Result<()> {
        let mut out = self.start(status, &[("content-type", content_type)]).await?;
        if !body.is_empty() {
            out.write(body).await?;
        }
        Ok(())
    }
}

impl AnswerBody {
    /// More of the body.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self.sink.send(bytes).await {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Cancelled, "the client went away")),
        }
    }
}

pub(crate) fn http_register<H: HttpRoutes>(api: &mut Registrar, routes: H) {
    let table = routes.routes();
    let routes = Arc::new(routes);
    for route in table {
        api.declare("http/1", &route.path, &route);
        if route.check_head {
            let routes = routes.clone();
            api.unary(ids::CHECK, &route.path, move |head: HttpCall| {
                let outcome = routes.check(&head);
                async move { outcome }
            });
        }
        let (handler, sockets, auth) = (routes.clone(), routes.clone(), route.auth);
        api.handle(ids::HANDLE, &route.path, move |request| {
            let routes = handler.clone();
            async move {
                let (mut call, input, out) = request.streams::<HttpCall>()?;
                if let Some(mut input) = input {
                    while let Some(chunk) = input.next().await {
                        call.body
                            .extend_from_slice(&chunk.map_err(|fault| Error::from_fault(&fault))?);
                    }
                }
                if auth == RouteAuth::Signature {
                    routes.verify(&call)?;
                }
                crate::to_json(&routes.handle(call, Answer { sink: out }).await?)
            }
        });
        api.handle(ids::WEBSOCKET, &route.path, move |request| {
            let routes = sockets.clone();
            async move {
                let (call, input, out) = request.streams::<HttpCall>()?;
                let input = input.ok_or_else(|| Error::invalid("a WebSocket needs a stream of messages"))?;
                if auth == RouteAuth::Signature {
                    routes.verify(&call)?;
                }
                crate::to_json(
                    &routes
                        .websocket(call, WsReceiver::served(input), WsSender::served(out))
                        .await?,
                )
            }
        });
    }
}
