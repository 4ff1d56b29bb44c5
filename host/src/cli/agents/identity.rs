//! `openclaw agents set-identity`: how an agent is called in chats, from flags or from its own file.
use super::find;
use crate::{
    cli::{
        Failure,
        config::{Place, edit},
        output,
    },
    config::{Agent, AgentPlace, Agents, Env, Identity},
};
use serde_json::json;
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

/// The file in which an agent says who it is.
const FILE: &str = "IDENTITY.md";
/// Most of it that is read, bytes.
const MAX_FILE: u64 = 64 << 10;

/// Says how an agent is called in chats: name, emoji, theme, picture
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without values it takes them from IDENTITY.md in the agent's workspace, whose lines look like `- **Name:** Ada`.")]
pub struct Args {
    /// The agent [default: the one with --workspace, else the default one]
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// The folder that tells the agent and has its IDENTITY.md; it is not changed
    #[arg(long, value_name = "FOLDER")]
    workspace: Option<PathBuf>,
    /// The file to take the values from
    #[arg(long, value_name = "FILE")]
    identity_file: Option<PathBuf>,
    /// Take the values from IDENTITY.md; what flags say wins
    #[arg(long)]
    from_identity: bool,
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// What it is like, in a few words
    #[arg(long)]
    theme: Option<String>,
    /// Emoji
    #[arg(long)]
    emoji: Option<String>,
    /// Picture: a path in the workspace, or an address
    #[arg(long)]
    avatar: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: &Args, place: &Place<'_>, env: &Env) -> Result<(), Failure> {
    let config = super::read(place, env)?;
    let agents = config.agents();
    let agent = meant(args, &agents, place)?;
    let folder = args.workspace.clone();
    let folder = folder.unwrap_or_else(|| agent.workspace(&place.paths));
    let given = [&args.name, &args.theme, &args.emoji, &args.avatar];
    let file = args.identity_file.clone().unwrap_or_else(|| folder.join(FILE));
    let reads =
        args.from_identity || args.identity_file.is_some() || given.iter().all(|value| value.is_none());
    let found = if reads {
        parsed(&file)?
    } else {
        Identity::default()
    };
    let fields = [
        ("name", args.name.clone().or(found.name)),
        ("theme", args.theme.clone().or(found.theme)),
        ("emoji", args.emoji.clone().or(found.emoji)),
        ("avatar", args.avatar.clone().or(found.avatar)),
    ];
    if fields.iter().all(|(_, value)| value.is_none()) {
        return Err(Failure::new(format_args!(
            "{} says nothing about who it is; write lines like `- **Name:** Ada` into it, or give --name",
            file.display()
        )));
    }
    let at = AgentPlace::of(config.value(), &agent.id);
    edit::create_if_missing(place)?;
    let edits = at.identity(fields.iter().map(|(name, value)| (*name, value.as_ref())));
    let changed = edit::apply(&edits, place)?;
    let path = at.path.key("identity");
    if args.json {
        let set = fields
            .iter()
            .filter_map(|(name, value)| Some(((*name).to_owned(), json!(value.as_ref()?))));
        return output::json(&json!({
            "agentId": agent.id, "identity": set.collect::<serde_json::Map<_, _>>(), "workspace": args.workspace,
            "storedWorkspace": agent.workspace(&place.paths), "identityFile": reads.then_some(file),
        }));
    }
    edit::report(&changed, "Set", &path, place);
    if !changed.written {
        anstream::println!("{path} was so already.");
    }
    Ok(())
}

fn meant<'a>(args: &Args, agents: &'a Agents, place: &Place<'_>) -> Result<&'a Agent, Failure> {
    let Some(folder) = args.workspace.as_ref().filter(|_| args.agent.is_none()) else {
        return find(agents, args.agent.as_deref());
    };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(&place.paths.expand(folder));
    let mut all = agents.agents.iter();
    let found = all.find(|agent| real(&agent.workspace(&place.paths)) == folder);
    found.ok_or_else(|| {
        Failure::new(format_args!(
            "{} is no agent's workspace; name the agent with --agent",
            folder.display()
        ))
    })
}

/// What the file in a workspace says; none where it says nothing.
pub(super) fn in_file(workspace: &Path) -> Option<Identity> {
    parsed(&workspace.join(FILE)).ok()
}

fn parsed(file: &Path) -> Result<Identity, Failure> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(MAX_FILE).read_to_string(&mut text));
    read.map_err(|error| Failure::io(format_args!("read {}", file.display()), error))?;
    Ok(parse(&text))
}

/// Lines like `- **Name:** Ada`, in any order. What an agent is like has several names.
fn parse(text: &str) -> Identity {
    let mut found = Identity::default();
    for line in text.lines() {
        let line = line.trim().trim_start_matches(['-', '*', ' ']);
        let Some((label, value)) = line.split_once(':') else {
            continue;
        };
        let plain = |text: &str| text.trim().trim_matches(['*', '_', '`', ' ']).to_owned();
        let value = plain(value);
        // a template has its hints in brackets
        if value.is_empty() || value.starts_with('(') {
            continue;
        }
        let field = match plain(label).to_lowercase().as_str() {
            "name" => &mut found.name,
            "emoji" => &mut found.emoji,
            "avatar" => &mut found.avatar,
            "theme" | "vibe" | "creature" => &mut found.theme,
            _ => continue,
        };
        field.get_or_insert(value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_who_an_agent_is_and_a_template_says_nothing() {
        let found = parse(
            "# Who am I\n\n- **Name:** Ada\n- **Vibe:** calm\n* Emoji: 🦞\nAvatar: `a.png`\nName: Bob\n",
        );
        let words = [&found.name, &found.theme, &found.emoji, &found.avatar];
        assert_eq!(
            words.map(|word| word.as_deref().unwrap_or_default()),
            ["Ada", "calm", "🦞", "a.png"]
        );
        assert_eq!(
            parse("- **Name:**\n- **Emoji:** _(your signature)_\nwords without end"),
            Identity::default()
        );
    }
}
