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

/// Commands that run programs of the node's machine.
const PROGRAMS: &[&str] = &["system.run", "system.run.prepare", "system.which"];

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
    if is_program(command) {
        Scope::Admin
    } else {
        Scope::Write
    }
}

/// What a caller needs to let a node offer these commands.
pub(super) fn scopes_to_approve(commands: &[String]) -> Vec<Scope> {
    let mut scopes = vec![Scope::Pairing];
    if commands.iter().any(|command| is_program(command)) {
        scopes.push(Scope::Admin);
    } else if !commands.is_empty() {
        scopes.push(Scope::Write);
    }
    scopes
}

fn is_program(command: &str) -> bool {
    PROGRAMS.contains(&command)
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
    fn running_programs_takes_more() {
        assert_eq!(scope_to_send("system.run"), Scope::Admin);
        assert_eq!(scope_to_send("canvas.present"), Scope::Write);
        let needed =
            |names: &[&str]| scopes_to_approve(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(needed(&[]), [Scope::Pairing]);
        assert_eq!(needed(&["a"]), [Scope::Pairing, Scope::Write]);
        assert_eq!(needed(&["a", "system.run"]), [Scope::Pairing, Scope::Admin]);
    }
}
