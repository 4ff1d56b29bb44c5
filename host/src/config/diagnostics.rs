//! `diagnostics`: what is measured of the gateway, and who is told.
use super::{opaque::Ignored, secrets::SecretInput};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How long spans wait for each other, if the file does not say, milliseconds.
const FLUSH_MS: u64 = 5_000;

/// `diagnostics`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DiagnosticsConfig {
    /// May the figures be asked for, at `/metrics`? Default: true.
    pub enabled: Option<bool>,
    /// Accepted, without effect: the levels of the log say what is logged in detail.
    pub flags: Option<Ignored>,
    /// Where traces go.
    pub otel: OtelConfig,
    /// Accepted, without effect: a trace of the prompt's cache.
    pub cache_trace: Option<Ignored>,
}

/// `diagnostics.otel`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct OtelConfig {
    /// Are traces sent? Default: false.
    pub enabled: bool,
    /// Address of the collector; `/v1/traces` is added to it.
    pub endpoint: Option<String>,
    /// Address for traces, as it is.
    pub traces_endpoint: Option<String>,
    /// Accepted, without effect: figures are fetched, from `/metrics`.
    pub metrics_endpoint: Option<Ignored>,
    /// Accepted, without effect: the log stays in its file.
    pub logs_endpoint: Option<Ignored>,
    /// `http/json` or `http/protobuf`; JSON is what is sent. Others are refused.
    pub protocol: Option<String>,
    /// Headers of each request.
    pub headers: BTreeMap<String, SecretInput>,
    /// Name of the service. Default: `openclaw`.
    pub service_name: Option<String>,
    /// Accepted, without effect.
    pub metric_name_prefix: Option<Ignored>,
    /// Are traces sent? Default: true.
    pub traces: Option<bool>,
    /// Accepted, without effect: figures are fetched.
    pub metrics: Option<Ignored>,
    /// Accepted, without effect: the log stays in its file.
    pub logs: Option<Ignored>,
    /// Accepted, without effect.
    pub logs_exporter: Option<Ignored>,
    /// Which part of all runs is traced, from 0 to 1. Default: 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_rate: Option<f64>,
    /// How long spans wait for each other, milliseconds. Default: 5000.
    pub flush_interval_ms: Option<u64>,
    /// Are answers and the arguments and results of tools sent, too? Default: false.
    pub capture_content: Option<bool>,
}

impl DiagnosticsConfig {
    /// The figures may be asked for.
    pub fn has_metrics(&self) -> bool {
        self.enabled != Some(false)
    }
}

impl OtelConfig {
    /// Where traces go, or why they go nowhere. `Ok(None)`: nobody wants them.
    pub fn traces_address(&self) -> Result<Option<String>, String> {
        if !self.enabled || self.traces == Some(false) {
            return Ok(None);
        }
        if let Some(protocol) = self
            .protocol
            .as_deref()
            .filter(|protocol| !protocol.starts_with("http/"))
        {
            return Err(format!(
                "diagnostics.otel.protocol \"{protocol}\" is not spoken here; write http/json, which collectors take at the \
                 same address"
            ));
        }
        let of_endpoint = |endpoint: &String| format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let address = self
            .traces_endpoint
            .clone()
            .or_else(|| self.endpoint.as_ref().map(of_endpoint));
        match address {
            Some(address) => Ok(Some(address)),
            None => Err("diagnostics.otel.enabled is true and there is no diagnostics.otel.endpoint; name the collector".into()),
        }
    }

    /// How long spans wait for each other, milliseconds.
    pub fn flush_ms(&self) -> u64 {
        self.flush_interval_ms.unwrap_or(FLUSH_MS).clamp(10, 600_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_where_the_file_says_or_it_says_why_not() {
        let otel = |value: serde_json::Value| serde_json::from_value::<OtelConfig>(value).expect("valid");
        let address = |value| otel(value).traces_address();
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(address(json("{}")), Ok(None));
        assert_eq!(
            address(json(r#"{"enabled":true,"endpoint":"http://c:4318/"}"#)),
            Ok(Some("http://c:4318/v1/traces".to_owned()))
        );
        assert_eq!(
            address(json(
                r#"{"enabled":true,"endpoint":"http://c","tracesEndpoint":"http://t/x"}"#
            )),
            Ok(Some("http://t/x".to_owned()))
        );
        assert_eq!(address(json(r#"{"enabled":true,"traces":false}"#)), Ok(None));
        assert!(address(json(r#"{"enabled":true}"#)).is_err());
        assert!(
            address(json(
                r#"{"enabled":true,"endpoint":"http://c","protocol":"grpc"}"#
            ))
            .is_err()
        );
    }
}
