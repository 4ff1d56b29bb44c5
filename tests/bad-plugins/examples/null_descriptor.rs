//! A root in the form of C plugins, whose pointers are null.
use openclaw_bad_plugins::{array, prelude::*};
use openclaw_plugin_api::abi::c::{ABI_HASH, CRoot, MAGIC};

raw_manifest!(
    br#"{"manifestVersion":1,"id":"null-descriptor","name":"null-descriptor","version":"0.1.0","apiVersion":"1.0.0","#,
    br#""abi":"c-1","panic":"unwind","tools":["null_descriptor"],"abiHash":""#,
    ABI_HASH.as_bytes(),
    br#""}"#
);

#[unsafe(export_name = "openclaw_plugin_root_v1")]
static ROOT: CRoot = CRoot {
    magic: *MAGIC,
    size: size_of::<CRoot>(),
    abi_hash: array(&[ABI_HASH.as_bytes()]),
    manifest: std::ptr::null(),
    manifest_len: 0,
    create: None,
};
