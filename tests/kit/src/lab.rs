//! How the kit reaches a plugin.
use openclaw_plugin_api::{
    Environment, Manifest, Registrations,
    abi::{Fault, HostHandle, PluginHandle},
};
use serde_json::Value;
use std::path::Path;

/// How the kit reaches a plugin. The gateway implements it with its loader, the kit's own tests with plugins that are
/// linked into them.
///
/// Every function may run code of the plugin except [`Lab::manifest`], and may be called from any thread; the kit
/// calls them where a thread that never comes back can be given up.
pub trait Lab: Send + Sync + 'static {
    /// Reads the manifest from the file. Runs nothing of it.
    fn manifest(&self, library: &Path) -> Result<Manifest, String>;

    /// Opens the library, with every symbol resolved at once and every check of header, version and layout, and gives
    /// the manifest's text as the library itself tells it. Called again for an open library, it only answers.
    fn open(&self, library: &Path) -> Result<String, String>;

    /// Makes an instance, opening the library if need be. Neither validates the configuration nor compares what is
    /// registered with the manifest: both are the kit's to test.
    fn create(
        &self,
        library: &Path,
        host: HostHandle,
        config: &Value,
        environment: &Environment,
    ) -> Result<(PluginHandle, Registrations), Fault>;
}
