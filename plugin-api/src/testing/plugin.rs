//! A plugin instance in a test, called as the gateway calls it.
use super::ServedSocket;
use crate::{
    Account, CommandCall, CommandReply, Completion, CompletionRequest, Delta, Error, HttpCall, HttpHead,
    MethodCall, Outbound, Receipt, Registrations, Result, Sink, Source, ToolCall, ToolOutput,
    abi::{Call, PluginHandle, sink_pair, source_pair},
    surface::ids,
};
use serde::{Serialize, de::DeserializeOwned};

use serde_json::{Value, json};
use std::future::Future;

/// A live plugin. Dropping it destroys the instance.
#[derive(Debug)]
pub struct TestPlugin {
    handle: PluginHandle,
    registered: Registrations,
}

impl TestPlugin {
    pub(super) fn new(handle: PluginHandle, registered: Registrations) -> Self {
        Self { handle, registered }
    }

    /// What it registered.
    pub fn registered(&self) -> &Registrations {
        &self.registered
    }

    /// Calls any method id whose body and reply are records.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let call = self
            .handle
            .call(Call::new(method, target, serde_json::to_vec(body)?));
        let reply = call.await.map_err(|fault| Error::from_fault(&fault))?;
        Ok(serde_json::from_slice(&reply)?)
    }

    /// Invokes a tool.
    pub async fn tool(&self, name: &str, arguments: Value) -> Result<ToolOutput> {
        let call = ToolCall {
            arguments,
            ..ToolCall::default()
        };
        self.call(ids::tool::INVOKE, name, &call).await
    }

    /// Starts the default account of a channel.
    pub async fn start_channel(&self, channel: &str, config: Value) -> Result<()> {
        self.call(
            ids::channel::START,
            channel,
            &Account {
                id: "default".into(),
                config,
            },
        )
        .await
    }

    /// Delivers a message.
    pub async fn send(&self, channel: &str, message: &Outbound) -> Result<Receipt> {
        self.call(ids::channel::SEND, channel, message).await
    }

    /// Asks a model: the steps of its answer, and how it ended.
    pub async fn complete(
        &self,
        provider: &str,
        request: &CompletionRequest,
    ) -> Result<(Vec<Delta>, Completion)> {
        let body = serde_json::to_vec(request)?;
        let (reply, chunks) = self.streamed(ids::provider::COMPLETE, provider, body).await?;
        let mut deltas = Vec::new();
        for chunk in chunks {
            deltas.extend(Delta::decode(&chunk)?);
        }
        Ok((deltas, serde_json::from_slice(&reply)?))
    }

    /// Runs a command.
    pub async fn command(&self, call: &CommandCall) -> Result<CommandReply> {
        self.call(ids::command::RUN, &call.name, call).await
    }

    /// Calls a gateway method.
    pub async fn method(&self, name: &str, params: Value) -> Result<Value> {
        let call = MethodCall {
            method: name.into(),
            params,
            ..MethodCall::default()
        };
        self.call(ids::method::CALL, name, &call).await
    }

    /// Sends a request to a route, whose head is checked first if the route wants it: head and whole body of the answer.
    pub async fn http(&self, route: &str, call: &HttpCall) -> Result<(HttpHead, Vec<u8>)> {
        let mut routes = self.registered.registrations.iter();
        let registered = routes.find(|r| r.capability == "http/1" && r.id == route);
        if registered.is_some_and(|r| r.spec["checkHead"] == true) {
            self.call::<()>(ids::http::CHECK, route, call).await?;
        }
        let (mut feed, input) = source_pair(1);
        feed.send(Ok(call.body.clone())).await;
        drop(feed);
        let (out, mut chunks) = sink_pair(64);
        let body = serde_json::to_vec(call)?;
        let reply = self.handle.call(Call {
            method: ids::http::HANDLE,
            target: route,
            meta: "",
            body,
            out: Some(out),
            input: Some(input),
        });
        let mut parts = Vec::new();
        let ((), reply) = tokio::join!(
            async {
                while let Some(chunk) = chunks.next().await {
                    parts.push(chunk);
                }
            },
            reply
        );
        reply.map_err(|fault| Error::from_fault(&fault))?;
        let mut parts = parts.into_iter();
        let head = parts
            .next()
            .ok_or_else(|| Error::invalid("the route answered nothing"))?;
        Ok((serde_json::from_slice(&head)?, parts.flatten().collect()))
    }

    /// Opens a WebSocket on a route, whose head is checked first if the route wants it: the client's end, and the
    /// plugin's call, which runs while it is awaited.
    pub async fn websocket(
        &self,
        route: &str,
        call: &HttpCall,
    ) -> Result<(
        ServedSocket,
        impl Future<Output = Result<()>> + Send + 'static + use<>,
    )> {
        let mut routes = self.registered.registrations.iter();
        let registered = routes.find(|r| r.capability == "http/1" && r.id == route);
        if registered.is_some_and(|r| r.spec["checkHead"] == true) {
            self.call::<()>(ids::http::CHECK, route, call).await?;
        }
        let (socket, input, out) = ServedSocket::pair();
        let served = self.handle.call(Call {
            method: ids::http::WEBSOCKET,
            target: route,
            meta: "",
            body: serde_json::to_vec(call)?,
            out: Some(out),
            input: Some(input),
        });
        let served = async move { served.await.map(drop).map_err(|fault| Error::from_fault(&fault)) };
        Ok((socket, served))
    }

    /// Tells the plugin that its configuration changed.
    pub async fn configure(&self, config: &Value) -> Result<()> {
        self.call(ids::plugin::CONFIG, "", config).await
    }

    /// Asks the plugin to stop.
    pub async fn stop(&self) -> Result<()> {
        self.call(ids::plugin::STOP, "", &json!(null)).await
    }

    /// Calls any method id with streams: what comes in, where the answer goes.
    pub async fn streamed_call(
        &self,
        method: &str,
        target: &str,
        body: Vec<u8>,
        input: Option<Source>,
        out: Option<Sink>,
    ) -> Result<Vec<u8>> {
        let call = self.handle.call(Call {
            method,
            target,
            meta: "",
            body,
            out,
            input,
        });
        call.await.map_err(|fault| Error::from_fault(&fault))
    }

    async fn streamed(&self, method: &str, target: &str, body: Vec<u8>) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
        let (out, mut chunks) = sink_pair(16);
        let reply = self.handle.call(Call {
            method,
            target,
            meta: "",
            body,
            out: Some(out),
            input: None,
        });
        let mut all = Vec::new();
        let ((), reply) = tokio::join!(
            async {
                while let Some(chunk) = chunks.next().await {
                    all.push(chunk);
                }
            },
            reply
        );
        Ok((reply.map_err(|fault| Error::from_fault(&fault))?, all))
    }
}
