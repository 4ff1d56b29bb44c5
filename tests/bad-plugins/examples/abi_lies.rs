//! The manifest says version 1, the header inside says 2.
use abi_stable::{
    StableAbi, library::RootModule, prefix_type::PrefixTypeTrait, sabi_types::VersionStrings, std_types::RStr,
};
use openclaw_bad_plugins::{raw_header, raw_manifest};

raw_manifest!(br#"{"manifestVersion":1,"id":"abi-lies","name":"abi-lies","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind"}"#);

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef, prefix_fields = PluginRootPrefix)))]
pub struct PluginRoot {
    #[sabi(last_prefix_field)]
    pub manifest: RStr<'static>,
}
impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "openclaw_plugin";
    const NAME: &'static str = "openclaw_plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("2.0.0");
}
raw_header!(
    PluginRootRef,
    PluginRoot {
        manifest: MANIFEST.as_str().into()
    }
    .leak_into_prefix()
);
