//! `openclaw agents bind`, `unbind` and `bindings`: which chats go to whom.
use super::find;
use crate::{
    cli::{
        Failure,
        config::{Place, edit},
        output,
        setting::Setting,
    },
    config::{Config, Edit, Env, JsonPath, agent_id, bindings_of, remove_bindings},
};
use serde_json::{Value, json};

/// Shows which chats go to which agent
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Only those of this agent
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Sends a channel, or an account of one, to an agent
#[derive(Debug, clap::Args)]
pub struct Bind {
    /// The agent [default: the default one]
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// What goes to it: a channel's id, or one with an account; can be repeated
    #[arg(long, value_name = "CHANNEL[:ACCOUNT]", required = true)]
    bind: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Takes channels, or accounts of them, back from an agent
#[derive(Debug, clap::Args)]
pub struct Unbind {
    /// The agent [default: the default one]
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// What goes to it no more: a channel's id, or one with an account; can be repeated
    #[arg(long, value_name = "CHANNEL[:ACCOUNT]", required_unless_present = "all")]
    bind: Vec<String>,
    /// Everything that goes to it
    #[arg(long, conflicts_with = "bind")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A channel, or an account of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Source {
    channel: String,
    account: Option<String>,
}

/// What would become of some bindings.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) added: Vec<Source>,
    /// They go there already.
    pub(super) skipped: Vec<Source>,
    /// They go to somebody else.
    pub(super) conflicts: Vec<String>,
}

/// Runs `bindings`.
pub(super) fn show(args: &Show, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    let only = args
        .agent
        .as_deref()
        .map(|id| find(&agents, Some(id)))
        .transpose()?;
    let all = config.value()["bindings"].as_array().into_iter().flatten();
    let shown: Vec<_> = all
        .map(|binding| {
            (
                agent_id(binding["agentId"].as_str().unwrap_or_default()),
                &binding["match"],
            )
        })
        .filter(|(id, _)| only.is_none_or(|only| only.id == *id))
        .collect();
    if args.json {
        let row = |(id, rule): &(String, &Value)| json!({ "agentId": id, "match": rule, "description": told(rule) });
        return output::json(&shown.iter().map(row).collect::<Vec<_>>());
    }
    if shown.is_empty() {
        let usual = &agents.default_id;
        anstream::println!("Nothing is bound; every chat goes to {usual}.");
    }
    for (id, rule) in shown {
        anstream::println!("{id} <- {}", told(rule));
    }
    Ok(())
}

/// Runs `bind`.
pub(super) fn bind(args: &Bind, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    let id = find(&agents, args.agent.as_deref())?.id.clone();
    let plan = Plan::of(&config, &id, &sources(&args.bind, &config, env)?);
    if !plan.added.is_empty() {
        edit::create_if_missing(place)?;
        edit::apply(&plan.edits(&config, &id), place)?;
    }
    if args.json {
        let mut facts = plan.facts();
        facts["agentId"] = json!(id);
        output::json(&facts)?;
    } else {
        for (done, sources) in [("goes", &plan.added), ("went already", &plan.skipped)] {
            for source in sources {
                anstream::println!("{} {done} to {id}.", source.told());
            }
        }
    }
    plan.refuse_conflicts(args.json)
}

/// Runs `unbind`.
pub(super) fn unbind(args: &Unbind, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    let id = find(&agents, args.agent.as_deref())?.id.clone();
    let own = bindings_of(config.value(), &id);
    let rule = |number: usize| &config.value()["bindings"][number]["match"];
    let (mut gone, mut missing) = (Vec::new(), Vec::new());
    if args.all {
        gone.clone_from(&own);
    }
    for written in &args.bind {
        let source = Source::parse(written)?;
        let found = own.iter().copied().filter(|number| source.is(rule(*number)));
        let before = gone.len();
        gone.extend(found);
        if gone.len() == before {
            missing.push(source.told());
        }
    }
    gone.sort_unstable();
    gone.dedup();
    let removed: Vec<_> = gone.iter().map(|number| told(rule(*number))).collect();
    if !gone.is_empty() {
        edit::apply(&remove_bindings(&gone), place)?;
    }
    if args.json {
        return output::json(
            &json!({ "agentId": id, "removed": removed, "missing": missing, "conflicts": [] }),
        );
    }
    removed
        .iter()
        .for_each(|told| anstream::println!("{told} goes to {id} no more."));
    missing
        .iter()
        .for_each(|told| anstream::println!("{told} did not go to {id}."));
    Ok(())
}

/// The channels and accounts that somebody wrote. Each has to be one that a plugin offers or the file knows.
pub(super) fn sources(written: &[String], config: &Config, env: &Env) -> Result<Vec<Source>, Failure> {
    let sources: Vec<_> = written
        .iter()
        .map(|text| Source::parse(text))
        .collect::<Result<_, _>>()?;
    let setting = Setting::of(config.clone(), env)?;
    let offered = |channel: &String| {
        let mut specs = setting.assembly.specs.iter();
        specs.any(|spec| spec.manifest.channels.contains(channel))
    };
    let known = |source: &&Source| offered(&source.channel) || config.channels().contains(&source.channel);
    match sources.iter().find(|source| !known(source)) {
        None => Ok(sources),
        Some(source) => Err(Failure::new(format_args!(
            "no plugin offers the channel {}; `openclaw channels list --all` shows what there is",
            source.channel
        ))),
    }
}

/// A rule in a line.
pub(super) fn told(rule: &Value) -> String {
    let text = |key: &str| rule[key].as_str().filter(|text| !text.is_empty());
    let mut words = vec![text("channel").unwrap_or("?").to_owned()];
    for (key, label) in [
        ("accountId", "accountId"),
        ("guildId", "guild"),
        ("teamId", "team"),
    ] {
        words.extend(text(key).map(|value| format!("{label}={value}")));
    }
    let peer = &rule["peer"];
    if let (Some(kind), Some(id)) = (peer["kind"].as_str(), peer["id"].as_str()) {
        words.push(format!("peer={kind}:{id}"));
    }
    let roles: Vec<_> = rule["roles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !roles.is_empty() {
        words.push(format!("roles={}", roles.join(",")));
    }
    words.join(" ")
}

// === impl Source ===

impl Source {
    fn parse(written: &str) -> Result<Self, Failure> {
        let (channel, account) = match written.trim().split_once(':') {
            Some((channel, account)) => (channel, Some(account.trim())),
            None => (written.trim(), None),
        };
        if channel.is_empty() || account == Some("") {
            return Err(Failure::usage(format_args!(
                "\"{written}\" is no channel; write the id of one, or <channel>:<account>"
            )));
        }
        Ok(Self {
            channel: channel.to_lowercase(),
            account: account.map(str::to_owned),
        })
    }

    fn rule(&self) -> Value {
        match &self.account {
            Some(account) => json!({ "channel": self.channel, "accountId": account }),
            None => json!({ "channel": self.channel }),
        }
    }

    pub(super) fn told(&self) -> String {
        told(&self.rule())
    }

    /// Is this rule about just that, and nothing narrower?
    fn is(&self, rule: &Value) -> bool {
        let narrows = ["peer", "guildId", "teamId", "roles"];
        let same_channel = rule["channel"]
            .as_str()
            .is_some_and(|channel| channel.eq_ignore_ascii_case(&self.channel));
        same_channel
            && rule["accountId"].as_str() == self.account.as_deref()
            && narrows.iter().all(|key| rule[*key].is_null())
    }
}

// === impl Plan ===

impl Plan {
    /// What would become of these sources if they went to this agent.
    pub(super) fn of(config: &Config, id: &str, sources: &[Source]) -> Self {
        let mut plan = Self::default();
        for source in sources {
            let all = config.value()["bindings"].as_array().into_iter().flatten();
            let mut same = all.filter(|binding| binding["type"] != "acp" && source.is(&binding["match"]));
            match same.next().and_then(|binding| binding["agentId"].as_str()) {
                Some(other) if agent_id(other) == id => plan.skipped.push(source.clone()),
                Some(other) => plan.conflicts.push(format!("{} (agent={other})", source.told())),
                None if plan.added.contains(source) => plan.skipped.push(source.clone()),
                None => plan.added.push(source.clone()),
            }
        }
        plan
    }

    /// What is added, behind what is there.
    pub(super) fn edits(&self, config: &Config, id: &str) -> Vec<Edit> {
        let all = JsonPath::root().key("bindings");
        let entry = |source: &Source| json!({ "agentId": id, "match": source.rule() });
        match config.value()["bindings"].as_array() {
            None => vec![Edit::Set {
                path: all,
                value: self.added.iter().map(entry).collect(),
            }],
            Some(there) => (there.len()..)
                .zip(&self.added)
                .map(|(number, source)| Edit::Set {
                    path: all.index(number),
                    value: entry(source),
                })
                .collect(),
        }
    }

    /// The same for machines.
    pub(super) fn facts(&self) -> Value {
        let told = |sources: &[Source]| sources.iter().map(Source::told).collect::<Vec<_>>();
        json!({
            "added": told(&self.added), "updated": [], "skipped": told(&self.skipped), "conflicts": self.conflicts,
        })
    }

    /// What goes to somebody else stays there, and the command fails.
    pub(super) fn refuse_conflicts(&self, is_told: bool) -> Result<(), Failure> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let failure = Failure::new(format_args!(
            "these go to another agent, and stay there: {}; `openclaw agents unbind` frees them",
            self.conflicts.join(", ")
        ));
        Err(if is_told { failure.quiet() } else { failure })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(bindings: Value, written: &[&str]) -> Plan {
        let config = Config::from_value(json!({
            "agents": {"entries": {"a": {"default": true}, "b": {}}}, "bindings": bindings,
        }))
        .expect("valid");
        let sources: Vec<_> = written
            .iter()
            .map(|text| Source::parse(text).expect("a channel"))
            .collect();
        Plan::of(&config, "b", &sources)
    }

    #[test]
    fn what_goes_to_somebody_else_is_a_conflict_and_a_narrower_rule_is_none() {
        let there = json!([
            {"agentId": "a", "match": {"channel": "chat", "accountId": "work"}},
            {"agentId": "a", "match": {"channel": "rooms", "guildId": "1"}},
            {"agentId": "B", "match": {"channel": "Rooms"}},
        ]);
        let plan = plan(there, &["chat:work", "chat", "chat", "rooms"]);
        assert_eq!(plan.conflicts, ["chat accountId=work (agent=a)"]);
        assert_eq!(plan.added, [Source::parse("chat").expect("a channel")]);
        assert_eq!(plan.skipped.len(), 2);
        assert!(Source::parse(":x").is_err() && Source::parse("x:").is_err());
    }

    #[test]
    fn a_rule_is_told_with_all_that_narrows_it() {
        let rule = json!({"channel": "rooms", "accountId": "*", "guildId": "1", "roles": ["x", "y"],
            "peer": {"kind": "direct", "id": "7"}});
        assert_eq!(told(&rule), "rooms accountId=* guild=1 peer=direct:7 roles=x,y");
    }
}
