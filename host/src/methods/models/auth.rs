//! How the gateway proves to providers who asks: the overview of `models.authStatus`. No secret stands in it.
use crate::{
    agent::{Auth, DEFAULT_MODEL, ProviderState},
    config::Agent,
    methods::basis::Basis,
    models::{Login, ModelRef},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How long before its end a login is told to end, milliseconds.
const WARN_MS: i64 = 24 * 60 * 60 * 1000;
/// How the logins of a provider stand, the worst first.
const STATES: [&str; 4] = ["expired", "expiring", "ok", "static"];

/// All providers that can be asked or are to be.
pub(super) fn overview(basis: &Basis<'_>, agent: &Agent, states: &[ProviderState]) -> Value {
    let logins = basis.survey.logins(agent);
    let models = in_use(basis, agent);
    let used: BTreeSet<_> = models.iter().map(|model| model.provider.as_str()).collect();
    let missing = states
        .iter()
        .filter(|state| used.contains(state.provider.as_str()) && !state.auth.is_there());
    let signed: BTreeSet<_> = logins.iter().map(|login| &login.provider).collect();
    let with_logins = signed.iter().map(|provider| {
        let count = logins.iter().filter(|login| login.provider == **provider).count();
        format!("{provider} ({count})")
    });
    let there = states.iter().filter(|state| has_key(state.auth));
    let profiles = logins.iter().map(|login| told(login, basis.now_ms));
    let by_provider = signed.iter().map(|provider| {
        let own = logins.iter().filter(|login| login.provider == **provider);
        let found: Vec<_> = own.map(|login| state(login, basis.now_ms)).collect();
        let worst = STATES.into_iter().find(|state| found.contains(state));
        json!({ "provider": provider, "status": worst.unwrap_or("missing"), "inUse": used.contains(provider.as_str()) })
    });
    json!({
        "storePath": agent.agent_dir(basis.paths).join("auth-profiles.json"),
        // the variables of a shell's own files are nobody's here
        "shellEnvFallback": { "enabled": false, "appliedKeys": [] },
        "providersWithOAuth": with_logins.collect::<Vec<_>>(),
        "modelsInUse": models.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "missingProvidersInUse": missing.map(|state| &state.provider).collect::<Vec<_>>(),
        "modelRouteIssues": [], "runtimeAuthRoutes": [],
        "providers": there.map(|state| provider(state, &logins)).collect::<Vec<_>>(),
        "unusableProfiles": [],
        "oauth": {
            "warnAfterMs": WARN_MS, "profiles": profiles.collect::<Vec<_>>(),
            "providers": by_provider.collect::<Vec<_>>(),
        },
    })
}

/// The default model and the fallbacks, each once.
fn in_use(basis: &Basis<'_>, agent: &Agent) -> Vec<ModelRef> {
    let default = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let fallbacks = agent.model.fallbacks.iter().flatten().map(String::as_str);
    let mut models = Vec::new();
    for written in std::iter::once(default).chain(fallbacks) {
        if let Some(model) = basis.survey.reference(agent, written)
            && !models.contains(&model)
        {
            models.push(model);
        }
    }
    models
}

fn has_key(auth: Auth) -> bool {
    matches!(auth, Auth::Profile | Auth::Env | Auth::Config)
}

fn provider(state: &ProviderState, logins: &[Login]) -> Value {
    let of_kind = |kind: &str| {
        let own = logins.iter().filter(|login| login.provider == state.provider);
        own.filter(|login| login.kind == kind).count()
    };
    // the other names of keys are `provider#env` and `provider#config`
    let labels = state.credentials.iter().filter(|id| !id.contains('#'));
    let labels: Vec<_> = labels.collect();
    let (oauth, token) = (of_kind("oauth"), of_kind("token"));
    let keys = labels
        .iter()
        .filter(|id| !logins.iter().any(|login| login.id == ***id));
    let (kind, detail) = match state.auth {
        Auth::Profile => ("profiles", labels.first().map_or("", |id| id.as_str())),
        Auth::Env => ("env", "environment"),
        _ => ("models.json", "models.providers"),
    };
    let mut row = json!({
        "provider": state.provider, "effective": { "kind": kind, "detail": detail },
        "profiles": {
            "count": oauth + token + keys.clone().count(), "oauth": oauth, "token": token,
            "apiKey": keys.count(), "labels": labels,
        },
    });
    let has = |end: &str| state.credentials.iter().any(|id| id.ends_with(end));
    if state.auth == Auth::Env || state.auth == Auth::Profile && has("#env") {
        row["env"] = json!({ "source": format!("env: {}", state.variables.join(" or ")) });
    }
    if has("#config") {
        let id = &state.provider;
        row["modelsJson"] = json!({ "source": format!("openclaw.json: models.providers.{id}.apiKey") });
    }
    row
}

fn told(login: &Login, now_ms: i64) -> Value {
    let left = login.expires_ms.map(|end| end.saturating_sub(now_ms));
    json!({
        "profileId": login.id, "provider": login.provider, "type": login.kind, "status": state(login, now_ms),
        "expiresAt": login.expires_ms, "remainingMs": left,
    })
}

fn state(login: &Login, now_ms: i64) -> &'static str {
    match login.expires_ms.map(|end| end.saturating_sub(now_ms)) {
        None => "static",
        Some(..=0) => "expired",
        Some(..=WARN_MS) => "expiring",
        Some(_) => "ok",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_ends_within_a_day_is_told_to() {
        let login = |expires_ms| Login {
            id: "v:login".into(),
            provider: "v".into(),
            kind: "oauth",
            expires_ms,
        };
        let now = 1_000_000;
        let of = |expires_ms| state(&login(expires_ms), now);
        assert_eq!(of(None), "static");
        assert_eq!(of(Some(now)), "expired");
        assert_eq!(of(Some(now + WARN_MS)), "expiring");
        assert_eq!(of(Some(now + WARN_MS + 1)), "ok");
        assert_eq!(told(&login(Some(now + 5)), now)["remainingMs"], 5);
    }

    #[test]
    fn a_key_is_named_by_its_place_alone() {
        let state = ProviderState {
            provider: "v".into(),
            plugin: "v".into(),
            auth: Auth::Profile,
            credentials: vec![
                "v:login".into(),
                "v:key".into(),
                "v#env".into(),
                "v#config".into(),
            ],
            variables: vec!["V_KEY".into()],
            problem: String::new(),
        };
        let login = Login {
            id: "v:login".into(),
            provider: "v".into(),
            kind: "oauth",
            expires_ms: None,
        };
        assert_eq!(
            provider(&state, &[login]),
            json!({
                "provider": "v", "effective": { "kind": "profiles", "detail": "v:login" },
                "profiles": { "count": 2, "oauth": 1, "token": 0, "apiKey": 1, "labels": ["v:login", "v:key"] },
                "env": { "source": "env: V_KEY" },
                "modelsJson": { "source": "openclaw.json: models.providers.v.apiKey" },
            })
        );
    }
}
