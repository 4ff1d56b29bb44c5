//! What can be set up with the plugins that are here: providers of models with the variables of their keys, and
//! channels with the key of their token. All of it from manifests; nothing of a plugin runs, and no name is known here.
use crate::{cli::channels::edit::token_key, config::provider_id};
use openclaw_plugin_api::Manifest;

/// How the choice of a provider ends, as scripts for OpenClaw write it.
pub(in crate::cli) const BY_KEY: &str = "-api-key";

/// A provider of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct ProviderOffer {
    /// Its id, as the plugin writes it.
    pub(in crate::cli) id: String,
    /// The plugin's name for people.
    pub(in crate::cli) plugin_name: String,
    /// Variables in which the plugin looks for its key.
    pub(in crate::cli) variables: Vec<String>,
    /// The plugin asks for no key at all.
    pub(in crate::cli) is_free: bool,
    /// The plugin names it first.
    pub(in crate::cli) is_first: bool,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct ChannelOffer {
    /// Its id.
    pub(in crate::cli) id: String,
    /// The plugin.
    pub(in crate::cli) plugin: String,
    /// The plugin's name for people.
    pub(in crate::cli) name: String,
    /// The key of its token in `channels.<id>`; None: it has none, or several.
    pub(in crate::cli) token: Option<String>,
    /// Variables in which the plugin looks for the token.
    pub(in crate::cli) variables: Vec<String>,
}

/// A plugin that nothing but its entry switches on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct PluginOffer {
    pub(in crate::cli) id: String,
    pub(in crate::cli) description: String,
    pub(in crate::cli) is_on: bool,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Offers {
    pub(in crate::cli) providers: Vec<ProviderOffer>,
    pub(in crate::cli) channels: Vec<ChannelOffer>,
    pub(in crate::cli) plugins: Vec<PluginOffer>,
    /// APIs that some plugin speaks to any address.
    pub(in crate::cli) apis: Vec<String>,
}

// === impl Offers ===

impl Offers {
    /// What plugins offer: each with whether it is on.
    pub(in crate::cli) fn of<'m>(plugins: impl IntoIterator<Item = (&'m Manifest, bool)>) -> Self {
        let mut offers = Self::default();
        for (manifest, is_on) in plugins {
            offers.providers.extend(providers(manifest));
            offers.channels.extend(channels(manifest));
            offers.apis.extend(manifest.apis.iter().cloned());
            if manifest.channels.is_empty() && manifest.providers.is_empty() {
                offers.plugins.push(PluginOffer {
                    id: manifest.id.clone(),
                    description: manifest.description.clone(),
                    is_on,
                });
            }
        }
        // those that plugins are named after, and those that need an account before those that don't
        offers
            .providers
            .sort_by_key(|offer| (!offer.is_first, offer.is_free));
        offers
    }

    /// The provider that a word of `--auth-choice` means: its id, `<id>-api-key`, or the name of its variable.
    pub(in crate::cli) fn provider(&self, choice: &str) -> Option<&ProviderOffer> {
        let by_id = |offer: &&ProviderOffer| {
            let id = provider_id(&offer.id);
            id == provider_id(choice)
                || choice
                    .strip_suffix(BY_KEY)
                    .is_some_and(|word| id == provider_id(word))
        };
        let by_variable = |offer: &&ProviderOffer| offer.variables.iter().any(|name| flag_of(name) == choice);
        let mut all = self.providers.iter();
        all.find(by_id)
            .or_else(|| self.providers.iter().find(by_variable))
    }

    /// Every word that [`Offers::provider`] is told to people as.
    pub(in crate::cli) fn choices(&self) -> Vec<String> {
        let of = |offer: &ProviderOffer| match offer.is_free {
            true => offer.id.clone(),
            false => format!("{}{BY_KEY}", offer.id),
        };
        self.providers.iter().map(of).collect()
    }

    /// The API that a word means: itself, or the first one of a family.
    pub(in crate::cli) fn api(&self, word: &str) -> Option<&str> {
        let family = format!("{word}-");
        let exact = self.apis.iter().find(|api| *api == word);
        exact
            .or_else(|| self.apis.iter().find(|api| api.starts_with(&family)))
            .map(String::as_str)
    }
}

/// `ACME_API_KEY` → `acme-api-key`
pub(in crate::cli) fn flag_of(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

fn providers(manifest: &Manifest) -> Vec<ProviderOffer> {
    let ids = &manifest.providers;
    let own = |id: &String| -> Vec<String> {
        let mut names: Vec<_> = manifest
            .secrets
            .iter()
            .filter(|name| ids.len() == 1 || owner(name, ids) == Some(id))
            .cloned()
            .collect();
        // a key of the vendor's API is what people have; logins of other programs come after
        names.sort_by_key(|name| !name.ends_with("_API_KEY"));
        names
    };
    ids.iter()
        .enumerate()
        .map(|(index, id)| ProviderOffer {
            id: id.clone(),
            plugin_name: manifest.name.clone(),
            variables: own(id),
            is_free: manifest.secrets.is_empty(),
            is_first: index == 0,
        })
        .collect()
}

/// Whose key a variable holds: that of the provider with the longest id that it begins with.
fn owner<'i>(variable: &str, ids: &'i [String]) -> Option<&'i String> {
    let bare = |text: &str| text.to_ascii_lowercase().replace(['_', '-', '.'], "");
    let name = bare(variable);
    ids.iter()
        .filter(|id| name.starts_with(&bare(id)))
        .max_by_key(|id| id.len())
}

fn channels(manifest: &Manifest) -> Vec<ChannelOffer> {
    let of = |id: &String| ChannelOffer {
        id: id.clone(),
        plugin: manifest.id.clone(),
        name: manifest.name.clone(),
        token: token_key(manifest.channel_schemas.get(id)).ok(),
        variables: manifest.secrets.clone(),
    };
    manifest.channels.iter().map(of).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A plugin of a family of vendors, one of a single vendor, a free one, a messenger and a tool.
    pub(in crate::cli::onboard) fn offers() -> Offers {
        let manifest = |value: serde_json::Value| serde_json::from_value(value).expect("a manifest");
        let manifests: [Manifest; 5] = [
            manifest(json!({"id": "free", "name": "Free", "providers": ["free"]})),
            manifest(
                json!({"id": "family", "name": "Family", "providers": ["one", "one-two", "local"],
                "apis": ["one-words", "one-more"], "secrets": ["ONE_TOKEN", "ONE_API_KEY", "ONE_TWO_API_KEY"]}),
            ),
            manifest(
                json!({"id": "acme", "name": "Acme", "providers": ["acme"], "apis": ["acme-chat"],
                "secrets": ["OTHER_NAME_KEY"]}),
            ),
            manifest(
                json!({"id": "post", "name": "Post", "channels": ["post"], "secrets": ["POST_TOKEN"],
                "channelSchemas": {"post": {"type": "object", "properties": {"botToken": {}, "apiRoot": {}}}}}),
            ),
            manifest(json!({"id": "saw", "name": "Saw", "tools": ["saw"], "description": "Saws."})),
        ];
        Offers::of(manifests.iter().map(|manifest| (manifest, false)))
    }

    #[test]
    fn a_variable_belongs_to_the_provider_that_it_is_named_after() {
        let offers = offers();
        let variables = |id: &str| offers.provider(id).expect("there").variables.clone();
        assert_eq!(variables("one"), ["ONE_API_KEY", "ONE_TOKEN"]);
        assert_eq!(variables("one-two"), ["ONE_TWO_API_KEY"]);
        assert_eq!(variables("acme"), ["OTHER_NAME_KEY"]);
        assert!(variables("local").is_empty());
        let order: Vec<_> = offers.providers.iter().map(|offer| offer.id.as_str()).collect();
        assert_eq!(order, ["one", "acme", "free", "one-two", "local"]);
    }

    #[test]
    fn a_choice_is_written_in_several_ways_and_told_in_one() {
        let offers = offers();
        let of = |word: &str| offers.provider(word).map(|offer| offer.id.clone());
        for (word, id) in [
            ("one-two-api-key", Some("one-two")),
            ("Acme", Some("acme")),
            ("other-name-key", Some("acme")),
            ("free", Some("free")),
            ("strange-api-key", None),
            ("", None),
        ] {
            assert_eq!(of(word).as_deref(), id, "{word}");
        }
        assert!(
            offers.choices().contains(&"acme-api-key".to_owned())
                && offers.choices().contains(&"free".to_owned())
        );
        assert_eq!(
            (offers.api("one"), offers.api("one-more"), offers.api("on")),
            (Some("one-words"), Some("one-more"), None)
        );
    }

    #[test]
    fn channels_have_a_place_for_their_token_and_the_rest_is_plugins() {
        let offers = offers();
        assert_eq!(offers.channels[0].token.as_deref(), Some("botToken"));
        assert_eq!(offers.plugins.len(), 1);
        assert_eq!(offers.plugins[0].id, "saw");
    }
}
