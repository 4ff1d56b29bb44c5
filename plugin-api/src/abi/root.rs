//! The one exported symbol: what a host finds in a library, and how it makes an instance.
use super::{Fault, HostHandle, PluginHandle};
use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RErr, ROk, RResult, RStr, RString},
};

/// Name of the exported static. The major version of the ABI is part of it.
pub const SYMBOL: &str = "openclaw_plugin_root_v1";

/// What a new instance is given.
#[repr(C)]
#[derive(StableAbi)]
pub struct CreateArgs<'a> {
    pub host: HostHandle,
    /// Id under which this instance runs.
    pub instance: RStr<'a>,
    /// Its configuration, JSON, already valid against the schema of the manifest.
    pub config: RStr<'a>,
    /// JSON [`crate::Environment`]: the host's version and the method ids that it serves.
    pub environment: RStr<'a>,
}

/// What creating an instance gives.
#[repr(C)]
#[derive(StableAbi)]
pub struct Created {
    pub plugin: PluginHandle,
    /// JSON [`crate::Registrations`].
    pub registrations: RString,
}

/// The library's root.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef, prefix_fields = PluginRootPrefix)))]
#[sabi(missing_field(option))]
pub struct PluginRoot {
    /// The same text as in the manifest section.
    pub manifest: RStr<'static>,
    #[sabi(last_prefix_field)]
    pub create: extern "C" fn(CreateArgs<'_>) -> RResult<Created, Fault>,
}

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "openclaw_plugin";
    const NAME: &'static str = "openclaw_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// A root as safe code sees it, in whichever language it was written.
#[derive(Clone, Copy)]
pub struct RootHandle {
    pub(super) manifest: &'static str,
    pub(super) create: unsafe extern "C" fn(CreateArgs<'_>) -> RResult<Created, Fault>,
}

impl RootHandle {
    /// Wraps a root whose layout has been checked, or one that is linked statically.
    pub fn new(root: PluginRootRef) -> Self {
        Self {
            manifest: root.manifest().as_str(),
            create: root.create(),
        }
    }

    /// The manifest's text, as the library itself gives it.
    pub fn manifest(&self) -> &'static str {
        self.manifest
    }

    /// Makes an instance. Runs code of the plugin: call it where a stuck thread can be given up.
    pub fn create(
        &self,
        host: HostHandle,
        instance: &str,
        config: &str,
        environment: &str,
    ) -> Result<(PluginHandle, String), Fault> {
        let args = CreateArgs {
            host,
            instance: instance.into(),
            config: config.into(),
            environment: environment.into(),
        };
        // SAFETY: the layout of the root was compared by whoever made this handle.
        match unsafe { (self.create)(args) } {
            ROk(created) if !created.plugin.is_whole() => {
                // Not even its `drop` may be there.
                std::mem::forget(created.plugin);
                Err(Fault::new(
                    "internal",
                    "the plugin's table lacks a function that every version has",
                ))
            }
            ROk(created) => Ok((created.plugin, created.registrations.into())),
            RErr(fault) => Err(fault),
        }
    }
}

impl std::fmt::Debug for RootHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RootHandle").finish_non_exhaustive()
    }
}
