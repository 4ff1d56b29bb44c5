//! Where one request goes and how that service wants it: worked out once, read by both request builders.
//!
//! Invariant: the key of a variable goes to the service that the variable belongs to and nowhere else. Another address
//! gets the key that the host chose for it, or none.
use crate::{
    catalog::{self, Known},
    compat::{Compat, Quirks},
    history,
    proof::Origin,
    vendors::{OPENAI, VENDORS, Vendor},
};
use openclaw_plugin_api::{CacheRetention, Thinking, ToolSpec, prelude::*};
use serde_json::Map;
use url::Url;

/// Longest key of a cached prefix that OpenAI takes.
const MAX_CACHE_KEY: usize = 64;
/// Headers in which a service may want its key.
const KEY_HEADERS: &[&str] = &["authorization", "api-key", "x-api-key"];
/// Parameters that are ours: what reads the answer depends on them.
const RESERVED: &[&str] = &["compat", "input", "messages", "model", "n", "stream"];

/// Which of the two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `POST /responses`
    Responses,
    /// `POST /chat/completions`
    Completions,
}

/// One request's service.
#[derive(Debug)]
pub struct Service {
    /// How errors call it: the provider's id at its own address, else the host.
    pub name: String,
    /// Address without a slash at the end.
    pub base_url: String,
    /// Which API.
    pub api: Api,
    /// How it differs.
    pub compat: Compat,
    /// Where proofs are made.
    pub origin: Origin,
    /// The model, if it is OpenAI's and in the table.
    pub known: Option<&'static Known>,
    /// Whose address it is, if anybody's.
    owner: Option<&'static Vendor>,
    /// The provider that was asked.
    asked: &'static Vendor,
}

// === impl Service ===

impl Service {
    /// The service of a request to the provider `asked`.
    pub fn of(asked: &'static Vendor, request: &CompletionRequest) -> Result<Self> {
        let mut service = Self::at(asked, &request.base_url);
        let openai = service.is_openai();
        service.api = match request.api.as_str() {
            "openai-responses" => Api::Responses,
            "openai-completions" => Api::Completions,
            "" if openai => Api::Responses,
            "" => Api::Completions,
            other => {
                let text = format!(
                    "the API \"{other}\" is not spoken here; set models.providers.{}.api to openai-completions or openai-responses",
                    asked.id
                );
                return Err(Error::new(ErrorKind::Config, text));
            }
        };
        service.known = openai.then(|| catalog::known(&request.model)).flatten();
        let efforts = service.known.map_or(&[][..], |known| known.efforts);
        service.compat = Compat::new(service.compat.quirks, efforts, request.params.get("compat"));
        service.origin.model.clone_from(&request.model);
        Ok(service)
    }

    /// The service at an address, whatever the model.
    pub fn at(asked: &'static Vendor, base_url: &str) -> Self {
        let base_url = match base_url.trim().trim_end_matches('/') {
            "" => asked.base_url,
            url => url,
        };
        let host = host_of(base_url).unwrap_or_else(|| base_url.to_owned());
        let owner = if asked.host == host {
            Some(asked)
        } else {
            VENDORS.iter().find(|vendor| vendor.host == host)
        };
        // A vendor other than OpenAI that lives elsewhere is still itself, say Ollama on another machine.
        let quirks = match owner {
            Some(owner) => owner.quirks,
            None if asked.id != OPENAI.id => asked.quirks,
            None => Quirks::PLAIN,
        };
        Self {
            name: owner.map_or(host.as_str(), |owner| owner.id).to_owned(),
            base_url: base_url.to_owned(),
            api: Api::Completions,
            compat: Compat::new(quirks, &[], None),
            origin: Origin {
                service: host,
                model: String::new(),
            },
            known: None,
            owner,
            asked,
        }
    }

    /// Is it OpenAI's own?
    pub fn is_openai(&self) -> bool {
        self.owner.is_some_and(|owner| owner.id == OPENAI.id)
    }

    /// The key to send, if any. Fails where a key is a must and there is none.
    pub async fn key(&self, host: &Host, request: &CompletionRequest) -> Result<Option<Secret>> {
        if let Some(key) = trimmed(request.credential.as_ref()) {
            return Ok(Some(key));
        }
        let in_headers = |name: &&str| {
            request
                .headers
                .keys()
                .any(|header| header.eq_ignore_ascii_case(name))
        };
        if KEY_HEADERS.iter().any(in_headers) {
            return Ok(None);
        }
        self.own_key(host).await
    }

    /// The key of a variable.
    pub async fn own_key(&self, host: &Host) -> Result<Option<Secret>> {
        let local = self.asked.local.then_some(self.asked);
        let Some(vendor) = self.owner.or(local) else {
            return Ok(None);
        };
        let key = host.first_secret(vendor.keys).await?;
        if key.is_some() || vendor.local {
            return Ok(key);
        }
        let text = format!(
            "there is no key for {}; set {} or models.providers.{}.apiKey",
            self.name,
            vendor.keys.join(" or "),
            self.asked.id
        );
        Err(Error::new(ErrorKind::Auth, text).with("provider", self.asked.id))
    }

    /// Does the model think when asked for this much? Of models that are not in the table only the asker knows.
    pub fn thinks(&self, level: Thinking) -> bool {
        match self.known {
            Some(known) => !known.efforts.is_empty(),
            None => level != Thinking::Off || self.compat.efforts.is_some(),
        }
    }

    /// The temperature, unless the model is known to refuse one.
    pub fn temperature(&self, request: &CompletionRequest) -> Option<f32> {
        let refuses = self.known.is_some_and(|known| !known.efforts.is_empty());
        request.temperature.filter(|_| !refuses)
    }

    /// Takes the model pictures? Of models that are not in the table it is assumed.
    pub fn takes_pictures(&self) -> bool {
        !self.compat.quirks.string_content && self.known.is_none_or(|known| known.images)
    }

    /// The role of the system prompt.
    pub fn system_role(&self, level: Thinking) -> &'static str {
        if self.compat.quirks.developer_role && self.thinks(level) {
            "developer"
        } else {
            "system"
        }
    }

    /// Adds what keeps the prefix of the prompt at the vendor.
    pub fn cache(&self, request: &CompletionRequest, body: &mut Map<String, Value>) {
        if request.cache == CacheRetention::None || request.session_id.is_empty() {
            return;
        }
        body.insert("prompt_cache_key".into(), cache_key(&request.session_id).into());
        if request.cache == CacheRetention::Long && self.known.is_some_and(|known| known.long_cache) {
            body.insert("prompt_cache_retention".into(), "24h".into());
        }
    }
}

/// Adds the operator's parameters as they are; null takes one of ours away.
pub fn add_params(body: &mut Map<String, Value>, params: &Map<String, Value>) {
    for (name, value) in params {
        if RESERVED.contains(&name.as_str()) {
            continue;
        }
        if value.is_null() {
            body.remove(name);
        } else {
            body.insert(name.clone(), value.clone());
        }
    }
}

/// A tool's schema. The vendors want an object with properties, be they none.
pub fn parameters(tool: &ToolSpec) -> Value {
    let mut schema = tool.parameters.clone();
    if !schema.is_object() {
        schema = json!({ "type": "object" });
    }
    if schema["type"].is_null() {
        schema["type"] = "object".into();
    }
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    schema
}

fn cache_key(session: &str) -> String {
    if session.len() <= MAX_CACHE_KEY {
        return session.to_owned();
    }
    format!("session-{:016x}", history::fnv(session))
}

fn trimmed(key: Option<&Secret>) -> Option<Secret> {
    let key = key?.expose().trim();
    (!key.is_empty()).then(|| Secret::new(key))
}

/// Host and port of an URL, read as the client reads it that goes there: a key must not go where another reading leads.
/// The scheme's own port is none.
fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(
        url.port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vendor(id: &str) -> &'static Vendor {
        VENDORS
            .iter()
            .find(|vendor| vendor.id == id)
            .expect("a known vendor")
    }

    fn request(base_url: &str, api: &str) -> CompletionRequest {
        CompletionRequest {
            model: "gpt-4o".into(),
            base_url: base_url.into(),
            api: api.into(),
            ..CompletionRequest::default()
        }
    }

    #[test]
    fn the_address_decides_whose_rules_hold() {
        let of = |id, base_url| Service::of(vendor(id), &request(base_url, "")).expect("a service");
        let own = of("openai", "");
        assert_eq!((own.api, own.name.as_str()), (Api::Responses, "openai"));
        assert!(own.known.is_some() && own.compat.quirks == Quirks::OPENAI);

        let custom = of("openai", "https://llm.example.org/v1/");
        assert_eq!(custom.base_url, "https://llm.example.org/v1");
        assert_eq!(
            (custom.api, custom.name.as_str()),
            (Api::Completions, "llm.example.org")
        );
        assert!(custom.known.is_none() && custom.compat.quirks == Quirks::PLAIN);

        let by_another_name = of("openai", "https://api.mistral.ai/v1");
        assert!(by_another_name.compat.quirks.short_call_ids);
        assert!(
            of("openai", "https://x@evil.example/api.openai.com")
                .known
                .is_none()
        );
    }

    #[test]
    fn an_address_is_whose_it_leads_to() {
        let is_openais = |base_url: &str| Service::at(OPENAI, base_url).is_openai();
        for own in [
            "https://api.openai.com:443/v1",
            "https://API.OpenAI.com",
            "https://x@api.openai.com/v1",
        ] {
            assert!(is_openais(own), "{own}");
        }
        for other in [
            r"https://evil.example\@api.openai.com",
            "https:evil.example/@api.openai.com/v1",
            "https://evil.example?@api.openai.com",
            "https://api.openai.com:8443/v1",
        ] {
            assert!(!is_openais(other), "{other}");
        }
        let ollama = Service::at(vendor("ollama"), "");
        assert!(ollama.owner.is_some(), "an address with a port: {}", ollama.name);
    }

    #[test]
    fn the_api_is_the_askers_choice() {
        let of = |api| Service::of(OPENAI, &request("", api));
        assert_eq!(of("openai-completions").expect("known").api, Api::Completions);
        let error = of("azure").expect_err("not spoken");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("models.providers.openai.api"), "{error}");
    }

    #[test]
    fn long_sessions_get_short_cache_keys() {
        assert_eq!(cache_key("agent:main:main"), "agent:main:main");
        assert!(cache_key(&"x".repeat(65)).len() <= MAX_CACHE_KEY);
    }
}
