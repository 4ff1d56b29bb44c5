//! The macro that turns a declaration and a function into a loadable library.
use super::{PluginRootRef, RootHandle};

/// A plugin that is linked into the program: the same glue without a library. Tests use it.
#[derive(Debug, Clone, Copy)]
pub struct StaticPlugin {
    manifest: &'static str,
    root: fn() -> PluginRootRef,
}

impl StaticPlugin {
    #[doc(hidden)]
    pub const fn new(manifest: &'static str, root: fn() -> PluginRootRef) -> Self {
        Self { manifest, root }
    }

    /// The manifest's JSON.
    pub fn manifest(&self) -> &'static str {
        self.manifest
    }

    /// The plugin's root, as a host would find it in the library.
    pub fn root(&self) -> RootHandle {
        RootHandle::new((self.root)())
    }
}

/// Makes a library a plugin: its manifest, its one exported symbol, and a `PLUGIN` for tests.
///
/// ```
/// # use openclaw_plugin_api::prelude::*;
/// fn start(api: &mut Registrar) -> Result<()> {
///     let _ = api.host();
///     Ok(())
/// }
/// export_plugin!(Declaration::new("empty", "Does nothing"), start);
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($declaration:expr, $start:expr $(,)?) => {
        /// This plugin, for tests that link it.
        pub static PLUGIN: $crate::StaticPlugin = {
            const __OPENCLAW_DECLARATION: $crate::Declaration = $declaration;
            const __OPENCLAW_PACKAGE: $crate::Package = $crate::Package {
                version: env!("CARGO_PKG_VERSION"),
                description: env!("CARGO_PKG_DESCRIPTION"),
                authors: env!("CARGO_PKG_AUTHORS"),
                license: env!("CARGO_PKG_LICENSE"),
                homepage: env!("CARGO_PKG_HOMEPAGE"),
                unwind: cfg!(panic = "unwind"),
            };
            #[allow(long_running_const_eval)]
            const __OPENCLAW_LEN: usize =
                $crate::__private::manifest_len(&__OPENCLAW_DECLARATION, &__OPENCLAW_PACKAGE);
            #[allow(long_running_const_eval)]
            const __OPENCLAW_JSON: [u8; __OPENCLAW_LEN] =
                $crate::__private::manifest_json(&__OPENCLAW_DECLARATION, &__OPENCLAW_PACKAGE);

            #[used]
            #[cfg_attr(
                not(any(target_vendor = "apple", windows)),
                unsafe(link_section = ".openclaw.plugin")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__oc_plugin"))]
            #[cfg_attr(windows, unsafe(link_section = ".ocplug"))]
            static __OPENCLAW_MANIFEST: $crate::__private::Blob<__OPENCLAW_LEN> =
                $crate::__private::Blob::new(__OPENCLAW_JSON);

            extern "C" fn create(
                args: $crate::__private::CreateArgs<'_>,
            ) -> $crate::__private::RResult<$crate::__private::Created, $crate::__private::Fault> {
                static __OPENCLAW_DECLARED: $crate::Declaration = __OPENCLAW_DECLARATION;
                $crate::__private::create(args, &__OPENCLAW_DECLARED, $start)
            }

            fn root() -> $crate::__private::PluginRootRef {
                use $crate::__private::PrefixTypeTrait as _;
                static ONCE: ::std::sync::OnceLock<$crate::__private::PluginRootRef> =
                    ::std::sync::OnceLock::new();
                *ONCE.get_or_init(|| {
                    let manifest = $crate::__private::RStr::from_str(__OPENCLAW_MANIFEST.as_str());
                    $crate::__private::PluginRoot { manifest, create }.leak_into_prefix()
                })
            }

            extern "C" fn construct() -> $crate::__private::RootModuleResult {
                $crate::__private::forward_panics();
                $crate::__private::__call_root_module_loader(root)
            }

            #[unsafe(export_name = "openclaw_plugin_root_v1")]
            static __OPENCLAW_ROOT: $crate::__private::LibHeader = unsafe {
                $crate::__private::LibHeader::from_constructor::<$crate::__private::PluginRootRef>(
                    construct,
                    $crate::__private::CheckTypeLayout::Yes,
                )
            };

            $crate::StaticPlugin::new(__OPENCLAW_MANIFEST.as_str(), root)
        };
    };
}

/// The __OPENCLAW_JSON Schema that the build script wrote with [`crate::build::config_schema`](../openclaw_plugin_api/build/fn.config_schema.html).
#[macro_export]
macro_rules! config_schema {
    () => {
        include_str!(concat!(env!("OUT_DIR"), "/config.schema.json"))
    };
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $name, ".schema.json"))
    };
}

/// The form hints that the build script took from the configuration's `x-ui` extensions.
#[macro_export]
macro_rules! ui_hints {
    () => {
        include_str!(concat!(env!("OUT_DIR"), "/ui-hints.json"))
    };
}
