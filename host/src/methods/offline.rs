//! Methods that only read, answered where no gateway runs: from what its files say.
use super::{basis::Basis, models, sessions};
use crate::{
    agent::{Desk, Survey},
    clock::Clock,
    config::{Config, Paths},
    gateway::Failure,
    journal::{Glance, JournalError, Session, glance},
    models::{Catalogue, Cooldowns, Offer, Snapshot},
};
use serde_json::Value;
use std::{path::Path, sync::Arc};

/// A gateway that does not run, as its files show it.
pub struct Offline {
    config: Arc<Config>,
    paths: Paths,
    survey: Arc<Survey>,
    cooldowns: Cooldowns,
    sessions: Vec<Session>,
    clock: Clock,
}

// === impl Offline ===

impl Offline {
    /// Of this configuration, these plugins' offers and the journal at this place, which is looked at and left as it is.
    pub fn new(
        config: Config,
        offers: Vec<Offer>,
        paths: Paths,
        journal: &Path,
        clock: Clock,
    ) -> Result<Self, JournalError> {
        let config = Arc::new(config);
        let Glance { sessions, kept } = glance(journal, sessions::MAX_LIMIT, Desk::RESTING)?;
        let resting = kept.and_then(|value| serde_json::from_slice::<Snapshot>(&value).ok());
        let rules = config.auth.cooldowns.clone();
        let catalogue = Arc::<Catalogue>::default();
        let survey = Survey::new(config.clone(), offers, &paths, catalogue, clock.clone());
        Ok(Self {
            config,
            survey: Arc::new(survey),
            cooldowns: Cooldowns::new(clock.clone(), rules, resting.unwrap_or_default()),
            paths,
            sessions,
            clock,
        })
    }

    /// Answers as the running gateway would, as far as files tell.
    pub fn answer(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let basis = Basis {
            config: self.config.clone(),
            survey: self.survey.clone(),
            paths: &self.paths,
            live: None,
            now_ms: self.clock.now_ms(),
        };
        match method {
            "sessions.list" => sessions::list_of(&basis, self.sessions.clone(), params),
            "models.list" => models::list_of(&basis, &self.cooldowns, params),
            "models.authStatus" => models::auth_status_of(&basis, params),
            other => Err(Failure::unavailable(format!("{other} needs a running gateway"))),
        }
    }
}

impl std::fmt::Debug for Offline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offline").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use serde_json::json;

    fn offline(folder: &Path, config: Value) -> Offline {
        let offer = Offer {
            plugin: "plugin-v".into(),
            providers: vec!["v".into()],
            variables: vec!["V_KEY".into()],
            ..Offer::default()
        };
        let paths = Paths {
            config_file: folder.join("openclaw.json"),
            state_dir: folder.to_owned(),
            home: None,
            include_roots: Vec::new(),
        };
        let config = Config::from_value(config).expect("valid");
        let clock = Clock::from_fn(|| 10_000_000);
        Offline::new(config, vec![offer], paths, &folder.join("state.db"), clock).expect("it is read")
    }

    #[test]
    fn conversations_are_those_of_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let none = offline(folder.path(), json!({}));
        let none = none.answer("sessions.list", json!({})).expect("an answer");
        assert_eq!((&none["count"], &none["sessions"]), (&json!(0), &json!([])));
        assert!(!folder.path().join("state.db").exists(), "nothing is made");
        // a gateway has it open meanwhile
        let journal = Journal::open(&folder.path().join("state.db")).expect("opened");
        for (key, at) in [("agent:main:main", 1_000_000), ("agent:work:main", 9_000_000)] {
            let agent = key.split(':').nth(1).expect("an agent");
            journal.session(key, agent, "id", at).expect("made");
        }
        let offline = offline(folder.path(), json!({"agents": {"defaults": {"model": "v/m"}}}));
        let all = offline
            .answer("sessions.list", json!({"limit": 1}))
            .expect("an answer");
        assert_eq!(
            (
                &all["count"],
                &all["totalCount"],
                &all["limitApplied"],
                &all["hasMore"]
            ),
            (&json!(1), &json!(2), &json!(1), &json!(true))
        );
        let row = &all["sessions"][0];
        assert_eq!(
            (
                &row["key"],
                &row["agentId"],
                &row["ageMs"],
                &row["modelProvider"],
                &row["model"]
            ),
            (
                &json!("agent:work:main"),
                &json!("work"),
                &json!(1_000_000),
                &json!("v"),
                &json!("m")
            )
        );
        for key in [
            "sessionId",
            "updatedAt",
            "kind",
            "contextTokens",
            "inputTokens",
            "outputTokens",
        ] {
            assert!(!row[key].is_null(), "{key}: {row:#}");
        }
        let named = offline
            .answer("sessions.list", json!({"agentId": "main"}))
            .expect("an answer");
        assert_eq!(named["totalCount"], 1);
        let recent = offline
            .answer("sessions.list", json!({"activeMinutes": 20}))
            .expect("an answer");
        assert_eq!(recent["sessions"][0]["agentId"], "work");
        assert_eq!(recent["totalCount"], 1);
        offline
            .answer("sessions.delete", json!({}))
            .expect_err("it only reads");
    }

    #[test]
    fn a_model_without_a_key_is_missed_and_one_with_a_key_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = json!({"primary": "best", "fallbacks": ["own/small"]});
        let mut config = json!({
            "agents": {"defaults": {"model": model, "models": {"v/m": {"alias": "best"}}, "imageModel": "v/eyes"}},
            "models": {"providers": {"own": {"baseUrl": "http://127.0.0.1:1/v1", "apiKey": "hunter2", "models": []}}},
        });
        let status = |config: &Value| {
            let offline = offline(folder.path(), config.clone());
            offline.answer("models.authStatus", json!({})).expect("an answer")
        };
        let told = status(&config);
        assert_eq!(
            (&told["defaultModel"], &told["resolvedDefault"]),
            (&json!("best"), &json!("v/m"))
        );
        assert_eq!(
            (&told["imageModel"], &told["imageFallbacks"]),
            (&json!("v/eyes"), &json!([]))
        );
        // nobody speaks what the other service asks for
        assert_eq!(told["auth"]["missingProvidersInUse"], json!(["own", "v"]));
        assert!(!told.to_string().contains("hunter2"), "{told:#}");
        config["models"]["providers"] = json!({"v": {"apiKey": "hunter2", "models": []}});
        config["agents"]["defaults"]["model"] = json!("best");
        let told = status(&config);
        assert_eq!(told["auth"]["missingProvidersInUse"], json!([]));
        assert_eq!(told["auth"]["providers"][0]["effective"]["kind"], "models.json");
        assert!(!told.to_string().contains("hunter2"), "{told:#}");
    }
}
