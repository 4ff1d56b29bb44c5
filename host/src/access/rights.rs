//! What the sender of an event that passes may do: give commands, own the gateway. Nobody by default.
use super::{Ask, Rights, place::Pass};
use crate::config::IdList;
use openclaw_plugin_api::Inbound;

/// The sender's rights. `*` never makes an owner and nobody known. It gives everybody commands in `commands.allowFrom`
/// and in the list that lets people write in the place; in groups that the configuration names that may be the
/// channel's `allowFrom`.
pub(super) fn of(ask: &Ask<'_>, event: &Inbound, pass: &Pass) -> Rights {
    let (people, commands, sender) = (ask.people(), ask.commands, &event.sender);
    let strict = super::People {
        names: false,
        ..people
    };
    let owner = strict.names(&commands.owner_allow_from, sender);
    let own = commands
        .allow_from
        .iter()
        .find(|(channel, _)| channel.eq_ignore_ascii_case(ask.channel));
    let alone = own.map(|(_, list)| list).or_else(|| commands.allow_from.get("*"));
    let commands = match alone {
        Some(list) => strict.admits(list, sender),
        None => {
            let unlisted = !commands.use_access_groups && !pass.has_list && !sender.id.trim().is_empty();
            owner || pass.listed || people.names(ask.policy.allow_from(), sender) || unlisted
        }
    };
    let named = |list: &IdList| strict.names(list, sender);
    let known = owner || pass.known || alone.is_some_and(named) || named(ask.policy.allow_from());
    Rights {
        commands,
        owner,
        known,
    }
}
