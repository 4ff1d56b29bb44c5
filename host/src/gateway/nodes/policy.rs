//! Which commands may be sent to nodes at all, and what a caller needs for each.
use crate::gateway::scope::Scope;

/// Commands that look, listen or write where a person may not expect it: only where the owner names them.
const DELICATE: &[&str] = &[
    "calendar.add",
    "camera.clip",
    "camera.snap",
    "contacts.add",
    "reminders.add",
    "screen.record",
    "sms.search",
    "sms.send",
];

/// What begins like this runs programs of the node's machine, drives it, or reads and writes its files: it is for who owns
/// the gateway. OpenClaw asks less of those who send some of these and guards them by rules of its plugins, which are not
/// here.
const OF_OWNERS: &[&str] = &[
    "agent.cli.",
    "browser.proxy",
    "desktop.",
    "dir.",
    "file.",
    "fs.",
    "mcp.tools.call",
    "system.execApprovals.set",
    "system.run",
    "terminal.",
    "worker.",
    "workspace.",
];
/// Looks for programs. Everybody who may send commands may send it; only who owns the gateway lets a node offer it.
const WHICH: &str = "system.which";

/// `gateway.nodes.commands`: the owner's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodePolicy {
    /// Delicate commands that may be sent.
    pub allow: Vec<String>,
    /// Commands that may not be sent.
    pub deny: Vec<String>,
}

impl NodePolicy {
    pub(super) fn permits(&self, command: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == command);
        !named(&self.deny) && (!DELICATE.contains(&command) || named(&self.allow))
    }
}

/// What a caller needs to send this command.
pub(super) fn scope_to_send(command: &str) -> Scope {
    if is_of_owners(command) {
        Scope::Admin
    } else {
        Scope::Write
    }
}

/// What a caller needs to let a node offer these commands.
pub(super) fn scopes_to_approve(commands: &[String]) -> Vec<Scope> {
    let mut scopes = vec![Scope::Pairing];
    if commands
        .iter()
        .any(|command| is_of_owners(command) || command == WHICH)
    {
        scopes.push(Scope::Admin);
    } else if !commands.is_empty() {
        scopes.push(Scope::Write);
    }
    scopes
}

fn is_of_owners(command: &str) -> bool {
    OF_OWNERS.iter().any(|beginning| command.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delicate_commands_are_named_and_denied_ones_never_sent() {
        let policy = NodePolicy {
            allow: vec!["camera.snap".into(), "device.info".into()],
            deny: vec!["device.info".into()],
        };
        let table = [
            ("canvas.present", true),
            ("camera.snap", true),
            ("sms.send", false),
            ("device.info", false),
        ];
        for (command, permitted) in table {
            assert_eq!(policy.permits(command), permitted, "{command}");
        }
    }

    #[test]
    fn programs_and_files_take_more() {
        for command in [
            "system.run",
            "system.run.prepare",
            "file.write",
            "fs.listDir",
            "browser.proxy.upload.v1",
        ] {
            assert_eq!(scope_to_send(command), Scope::Admin, "{command}");
        }
        for command in ["canvas.present", "system.which", "system.notify", "location.get"] {
            assert_eq!(scope_to_send(command), Scope::Write, "{command}");
        }
        let needed =
            |names: &[&str]| scopes_to_approve(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(needed(&[]), [Scope::Pairing]);
        assert_eq!(needed(&["a"]), [Scope::Pairing, Scope::Write]);
        for command in ["system.run", "system.which", "file.fetch"] {
            assert_eq!(
                needed(&["a", command]),
                [Scope::Pairing, Scope::Admin],
                "{command}"
            );
        }
    }
}
