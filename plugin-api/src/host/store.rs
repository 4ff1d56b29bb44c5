//! What a plugin keeps over restarts: bytes by key, in the gateway's own database, each plugin in a space of its own.
use super::{Meta, host_ids, parse};
use crate::{Error, ErrorKind, Host, Result, abi::Call};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Bytes by key; see [`Host::store`]. Keys have up to 512 bytes, values up to 1 MiB.
#[derive(Debug, Clone)]
pub struct Store {
    host: Host,
}

impl Store {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// The value, if there is one.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        match self
            .host
            .call_raw(Call::new(host_ids::STORE_GET, key, Vec::new()))
            .await
        {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The value as a record, if there is one.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.get(key)
            .await?
            .map(|value| serde_json::from_slice(&value).map_err(Error::from))
            .transpose()
    }

    /// Sets a value. Durable when this returns.
    pub async fn put(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write(host_ids::STORE_PUT, key, value.into(), None)
            .await
            .map(drop)
    }

    /// Sets a value from a record. Durable when this returns.
    pub async fn put_json(&self, key: &str, value: &impl Serialize) -> Result<()> {
        self.put(key, serde_json::to_vec(value)?).await
    }

    /// Sets a value if the key is free, and says whether it was; forgets it after `ttl`. For "have I seen this?".
    pub async fn add(&self, key: &str, value: impl Into<Vec<u8>>, ttl: Option<Duration>) -> Result<bool> {
        parse(&self.write(host_ids::STORE_ADD, key, value.into(), ttl).await?)
    }

    /// Removes a value.
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.host
            .call_raw(Call::new(host_ids::STORE_DELETE, key, Vec::new()))
            .await
            .map(drop)
    }

    /// The keys that begin with `prefix`, sorted; at most 10,000.
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        parse(
            &self
                .host
                .call_raw(Call::new(host_ids::STORE_LIST, prefix, Vec::new()))
                .await?,
        )
    }

    async fn write(&self, method: &str, key: &str, value: Vec<u8>, ttl: Option<Duration>) -> Result<Vec<u8>> {
        let ttl_ms = ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let meta = match ttl_ms {
            Some(_) => serde_json::to_string(&Meta {
                ttl_ms,
                ..Meta::default()
            })?,
            None => String::new(),
        };
        self.host
            .call_raw(Call {
                method,
                target: key,
                meta: &meta,
                body: value,
                out: None,
                input: None,
            })
            .await
    }
}
