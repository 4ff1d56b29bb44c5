//! One command of one plugin, where no gateway runs.
//!
//! The plugin meets its own state, and there is no office: what waits in the journal, for itself or for others, waits on
//! for a gateway that has all plugins. No job is run and no end of a process is judged.
use super::ground::{Ground, Plan};
use crate::{
    clock::Clock,
    config::Env,
    http,
    journal::{Journal, JournalError},
    plugins::plugin::Spec,
};
use openclaw_plugin_api::{CommandCall, CommandReply, Error, Secret, surface::ids};
use std::path::PathBuf;

/// Threads that poll the plugin.
const POLL_THREADS: usize = 1;
/// What it hears that asks for an agent, a device or another plugin.
const ABSENT: &str = "no gateway runs, and this needs one; start it with `openclaw gateway`";

/// What is run.
pub struct AloneOptions {
    /// The plugin that has the command.
    pub spec: Spec,
    /// The state directory. It exists, and no gateway uses it as long as this takes.
    pub state: PathBuf,
    /// This program, to be started for an isolated plugin.
    pub program: PathBuf,
    /// The environment.
    pub env: Env,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The outbound client can't be made.
    #[error("{0}")]
    Http(http::Error),
    /// The plugin does not start, or says no.
    #[error("{0}")]
    Plugin(Error),
}

/// Starts the plugin, runs the command and ends the plugin.
pub async fn run(options: AloneOptions, call: &CommandCall) -> Result<CommandReply, AloneError> {
    let (state, env) = (options.state, options.env);
    let id = options.spec.manifest.id.clone();
    // what a damaged journal means, and that the last gateway did not end well, is for the next gateway to say
    let journal = Journal::open_beside(&state.join("state.db"))?;
    let plan = Plan {
        specs: vec![options.spec],
        state,
        program: options.program,
        journal,
        secrets: Box::new(move |variable| env.var(variable).map(Secret::new)),
        clock: Clock::system(),
        threads: POLL_THREADS,
        absent: ABSENT,
    };
    // that it did not start is what the call tells
    let (ground, _) = Ground::lay(plan).await.map_err(AloneError::Http)?;
    let reply = match ground.registry.get(&id) {
        Some(plugin) => plugin.call(ids::command::RUN, &call.name, call).await,
        None => Err(Error::invalid(format_args!("plugin {id} is not there"))),
    };
    ground.registry.stop().await;
    reply.map_err(AloneError::Plugin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Delivery, NewDelivery, Pending, Settled},
        plugins::{
            discover::Origin,
            ladder::Reason,
            settings::{ChildLimits, Deadlines, Isolation, Settings},
            stage::Integrity,
        },
    };
    use openclaw_plugin_api::{Inbound, Manifest, Permissions};
    use serde_json::json;
    use std::{collections::BTreeMap, path::Path};

    fn spec() -> Spec {
        let settings = Settings {
            moved_routes: BTreeMap::new(),
            config: json!({}),
            isolation: Isolation::None,
            integrity: Integrity::default(),
            permissions: Permissions::default(),
            required: false,
            deadlines: Deadlines::default(),
            limits: ChildLimits::default(),
            accounts: Vec::new(),
            allow_private_network: false,
        };
        Spec {
            manifest: Manifest {
                id: "bird".into(),
                commands: vec!["sing".into()],
                ..Manifest::default()
            },
            path: "/nowhere/bird.so".into(),
            origin: Origin::Bundled,
            reason: Reason::EnabledInConfig,
            settings,
        }
    }

    /// Something that was accepted, and something that is to be sent, both of a channel that is not there.
    fn leave(journal: &Journal) {
        let event = serde_json::to_vec(&Inbound {
            event_id: "e1".into(),
            account_id: "default".into(),
            text: "hello".into(),
            ..Inbound::default()
        });
        let event = event.expect("JSON");
        journal
            .accept("pigeon", "default", "e1", &event, 1)
            .expect("written");
        let reply = NewDelivery {
            lane: "pigeon default 7".into(),
            channel: "pigeon".into(),
            body: "{}".into(),
            key: String::new(),
        };
        journal
            .reply(&[], &Settled::Done, &[reply], "s", &[], 1)
            .expect("written");
    }

    fn left(state: &Path) -> (Vec<Pending>, Option<Delivery>) {
        let journal = Journal::open_beside(&state.join("state.db")).expect("opened");
        let waiting = journal.pending(0, 9).expect("read");
        (waiting, journal.next_delivery("pigeon default 7").expect("read"))
    }

    #[tokio::test]
    async fn what_waits_for_others_waits_on() {
        let folder = tempfile::tempdir().expect("a folder");
        leave(&Journal::open(&folder.path().join("state.db")).expect("made"));
        let before = left(folder.path());
        assert!(before.0.len() == 1 && before.1.is_some(), "{before:?}");
        let options = AloneOptions {
            spec: spec(),
            state: folder.path().to_owned(),
            program: PathBuf::new(),
            env: Env::default(),
        };
        let call = CommandCall {
            name: "sing".into(),
            ..CommandCall::default()
        };
        let error = run(options, &call).await.expect_err("there is no library");
        assert!(error.to_string().contains("bird did not start"), "{error}");
        assert_eq!(left(folder.path()), before);
    }
}
