//! Faults that `export_plugin!` makes impossible: manifests, roots and tables made by hand.
use abi_stable::std_types::{RErr, ROk, RResult};
use async_ffi::FutureExt;
use openclaw_plugin_api::{
    abi::{Call, Created, Fault, Fut, PluginDispatch, PluginHandle, Reply, plugin_object},
    surface::ids,
};
use std::mem;

/// A plugin whose one tool gives this reply, whatever it is.
pub struct Dispatch(pub fn() -> Reply);

impl PluginDispatch for Dispatch {
    fn call(&self, call: Call<'_>) -> Fut<Reply> {
        ready(if call.method == ids::tool::INVOKE {
            (self.0)()
        } else {
            ROk(b"null".to_vec().into())
        })
    }
}

/// A future that has its value already.
pub fn ready(reply: Reply) -> Fut<Reply> {
    async move { reply }.into_ffi()
}

/// What `create` gives for a plugin that registers the tool `tool`.
pub fn create(tool: &str, plugin: PluginHandle) -> RResult<Created, Fault> {
    let registrations = format!(
        r#"{{"registrations":[{{"capability":"tool/1","id":"{tool}","spec":{{"name":"{tool}","description":"Shows one fault.","parameters":{{"type":"object"}}}}}}],"methods":["{}"]}}"#,
        ids::tool::INVOKE
    );
    ROk(Created {
        plugin,
        registrations: registrations.into(),
    })
}

/// A plugin object whose table has these functions: drop, call, ping.
///
/// # Safety
/// None at all: whoever calls through it gets what the table says. That is the point.
pub unsafe fn table(functions: [*const (); 3]) -> PluginHandle {
    // Metadata as abi_stable lays it out before the functions: which of them are there, and a description of the type
    // for error messages, here of no type.
    static NO_LAYOUT: [usize; 8] = [0; 8];
    let [drop, call, ping] = functions.map(|function| function as usize);
    let table = Box::leak(Box::new([0b111, NO_LAYOUT.as_ptr() as usize, drop, call, ping]));
    // SAFETY: an object is a pointer to its state and a pointer to its table.
    unsafe { mem::transmute::<[usize; 2], PluginHandle>([1, table.as_ptr() as usize]) }
}

/// Copies a manifest into the array that its section needs.
pub const fn array<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            out[at] = parts[part][i];
            (i, at) = (i + 1, at + 1);
        }
        part += 1;
    }
    assert!(at == N, "the parts fill the array");
    out
}

/// An answer of a specimen that has no fault in its calls.
pub fn fine() -> PluginHandle {
    plugin_object(Dispatch(|| {
        ROk(br#"{"content":[{"type":"text","text":"fine"}]}"#.to_vec().into())
    }))
}

/// A fault with a code of one's own.
pub fn fault(code: &str) -> Reply {
    RErr(Fault::new(code, "on purpose"))
}

/// Puts bytes into the manifest's section, framed as they should be.
#[macro_export]
macro_rules! raw_manifest {
    ($($part:expr),+ $(,)?) => {
        const PARTS: &[&[u8]] = &[$($part),+];
        const LEN: usize = 0 $(+ $part.len())+;
        #[used]
        #[unsafe(link_section = ".openclaw.plugin")]
        static MANIFEST: $crate::__private::Blob<LEN> = $crate::__private::Blob::new($crate::array(PARTS));
    };
}

/// Exports a root with the text of [`raw_manifest!`] and a plugin object made by an expression.
#[macro_export]
macro_rules! raw_root {
    ($tool:literal, $plugin:expr) => {
        use $crate::__private as p;
        extern "C" fn create(_: p::CreateArgs<'_>) -> p::RResult<p::Created, p::Fault> {
            $crate::create($tool, $plugin)
        }
        fn root() -> p::PluginRootRef {
            let manifest = p::RStr::from_str(MANIFEST.as_str());
            p::PrefixTypeTrait::leak_into_prefix(p::PluginRoot { manifest, create })
        }
        $crate::raw_header!(p::PluginRootRef, root());
    };
    ($tool:literal) => {
        $crate::raw_root!($tool, $crate::fine());
    };
}

/// Exports a root of any type, with the header that abi_stable gives it.
#[macro_export]
macro_rules! raw_header {
    ($root:ty, $value:expr) => {
        extern "C" fn construct() -> $crate::__private::RootModuleResult {
            $crate::__private::__call_root_module_loader(|| $value)
        }
        #[unsafe(export_name = "openclaw_plugin_root_v1")]
        static ROOT: $crate::__private::LibHeader = unsafe {
            $crate::__private::LibHeader::from_constructor::<$root>(
                construct,
                $crate::__private::CheckTypeLayout::Yes,
            )
        };
    };
}
