//! Every type of the boundary as C sees it, as a table: names and offsets, from which come the header and the hash.
use super::{
    super::{
        CallArgs, CreateArgs, Created, Fault, Fut, HostObj, HostVt, PluginObj, PluginVt, RawLogRecord, Reply,
        SinkObj, SinkVt, SourceObj, SourceVt,
    },
    CRoot,
};
use abi_stable::std_types::{ROption, RResult, RSlice, RStr, RString, RVec, UTypeId};
use async_ffi::{FfiContext, FfiPoll};
use std::{
    ffi::c_int,
    mem::{align_of, offset_of, size_of},
};

/// One type of the boundary.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Name in C.
    pub name: &'static str,
    /// Bytes. 0 for a vtable, which may grow.
    pub size: usize,
    /// Bytes.
    pub align: usize,
    /// In order.
    pub fields: &'static [Field],
}

/// One field of a [`Layout`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Declaration in C.
    pub declaration: &'static str,
    /// Bytes from the beginning.
    pub offset: usize,
}

// === private types of the crates below, as C sees them ===
// Their fields can't be named here. These mirrors have the same sizes, and the tests read the originals through them.

#[repr(C)]
pub(super) struct Vector {
    pub(super) data: *mut u8,
    pub(super) len: usize,
    pub(super) capacity: usize,
    pub(super) vt: *const VectorVt,
}

#[repr(C)]
pub(super) struct VectorVt {
    pub(super) present: u64,
    pub(super) layout: *const (),
    pub(super) type_id: extern "C" fn() -> UTypeId,
    pub(super) destroy: unsafe extern "C" fn(*mut Vector),
    pub(super) grow: unsafe extern "C" fn(*mut Vector, usize, c_int),
    pub(super) shrink: unsafe extern "C" fn(*mut Vector),
}

#[repr(C)]
pub(super) struct TypeId {
    library: *const (),
    id: [u8; 16],
}

#[repr(C)]
pub(super) struct Slice {
    pub(super) data: *const u8,
    pub(super) len: usize,
}

#[repr(C)]
pub(super) struct FutureOf<P> {
    pub(super) state: *mut (),
    pub(super) poll: unsafe extern "C" fn(*mut (), *mut ContextOf) -> P,
    pub(super) drop: unsafe extern "C" fn(*mut ()),
}

#[repr(C)]
pub(super) struct ContextOf {
    pub(super) waker: *const WakerOf,
}

#[repr(C)]
pub(super) struct WakerOf {
    pub(super) vt: *const WakerVt,
}

#[repr(C)]
pub(super) struct WakerVt {
    pub(super) clone: unsafe extern "C" fn(*const WakerOf) -> *const WakerOf,
    pub(super) wake: unsafe extern "C" fn(*const WakerOf),
    pub(super) wake_by_ref: unsafe extern "C" fn(*const WakerOf),
    pub(super) drop: unsafe extern "C" fn(*const WakerOf),
}

/// An enum with a payload: the tag, then whichever payload.
#[repr(C)]
pub(super) struct Tagged<T> {
    pub(super) tag: u8,
    pub(super) value: T,
}

/// A vtable of this module behind abi_stable's metadata.
#[repr(C)]
struct Table<T> {
    present: u64,
    layout: *const (),
    functions: T,
}

const fn same<A, B>() {
    assert!(size_of::<A>() == size_of::<B>() && align_of::<A>() == align_of::<B>());
}

const _: () = {
    same::<RVec<u8>, Vector>();
    same::<RString, Vector>();
    same::<UTypeId, TypeId>();
    same::<RStr<'static>, Slice>();
    same::<RSlice<'static, u8>, Slice>();
    same::<FfiContext<'static>, ContextOf>();
    same::<Fut<Reply>, FutureOf<FfiPoll<Reply>>>();
    same::<Fut<()>, FutureOf<FfiPoll<()>>>();
    same::<ROption<SinkObj>, Tagged<SinkObj>>();
    same::<ROption<SourceObj>, Tagged<SourceObj>>();
    same::<Reply, Tagged<Fault>>();
    same::<FfiPoll<Reply>, Tagged<Reply>>();
    same::<FfiPoll<()>, Tagged<()>>();
    same::<FfiPoll<bool>, Tagged<bool>>();
    same::<FfiPoll<ROption<Reply>>, Tagged<Tagged<Reply>>>();
    same::<RResult<Created, Fault>, Tagged<Fault>>();
    assert!(align_of::<Created>() == align_of::<Fault>() && align_of::<RVec<u8>>() == align_of::<Fault>());
};

// === the table ===

macro_rules! layout {
    ($name:literal, $type:ty, { $($fields:tt)* }) => {
        layout!($name, $type, size_of::<$type>(), { $($fields)* })
    };
    ($name:literal, $type:ty, $size:expr, { $($field:ident: $declaration:literal),* $(,)? }) => {
        Layout {
            name: $name,
            size: $size,
            align: align_of::<$type>(),
            fields: &[$(Field {
                declaration: $declaration,
                offset: offset_of!($type, $field),
            }),*],
        }
    };
}

/// A vtable: the metadata, then the functions of its first version.
macro_rules! table {
    ($name:literal, $type:ty, { $($field:ident: $declaration:literal),* $(,)? }) => {
        Layout {
            name: $name,
            size: 0,
            align: align_of::<Table<$type>>(),
            fields: &[
                Field { declaration: "uint64_t present", offset: offset_of!(Table<$type>, present) },
                Field { declaration: "const void *layout", offset: offset_of!(Table<$type>, layout) },
                $(Field {
                    declaration: $declaration,
                    offset: offset_of!(Table<$type>, functions) + offset_of!($type, $field),
                }),*
            ],
        }
    };
}

/// What the tags and codes mean.
#[rustfmt::skip]
pub const TAGS: &[(&str, u8)] = &[
    ("OC_SOME", 0), ("OC_NONE", 1),
    ("OC_OK", 0), ("OC_ERR", 1),
    ("OC_READY", 0), ("OC_PENDING", 1), ("OC_PANICKED", 2),
    ("OC_TAKEN", 0), ("OC_CLOSED", 1), ("OC_FULL", 2),
    ("OC_ERROR", 1), ("OC_WARN", 2), ("OC_INFO", 3), ("OC_DEBUG", 4), ("OC_TRACE", 5),
];

/// Every type of the boundary, each after those that it is made of.
#[rustfmt::skip]
pub const LAYOUTS: &[Layout] = &[
    layout!("oc_str", Slice, { data: "const char *data", len: "size_t len" }),
    layout!("oc_bytes", Slice, { data: "const uint8_t *data", len: "size_t len" }),
    layout!("oc_type_id", TypeId, { library: "const void *library", id: "uint8_t id[16]" }),
    layout!("oc_buf_vt", VectorVt, 0, {
        present: "uint64_t present", layout: "const void *layout", type_id: "oc_type_id (*type_id)(void)",
        destroy: "void (*destroy)(oc_buf *self)", grow: "void (*grow)(oc_buf *self, size_t to, int exactly)",
        shrink: "void (*shrink)(oc_buf *self)" }),
    layout!("oc_buf", Vector, { data: "uint8_t *data", len: "size_t len", capacity: "size_t capacity",
        vt: "const oc_buf_vt *vt" }),
    layout!("oc_fault", Fault, { code: "oc_buf code", message: "oc_buf message", detail: "oc_buf detail" }),
    layout!("oc_reply", Tagged<Fault>, { tag: "uint8_t tag", value: "union { oc_buf ok; oc_fault err; } value" }),
    layout!("oc_waker_vt", WakerVt, { clone: "const oc_waker *(*clone)(const oc_waker *self)",
        wake: "void (*wake)(const oc_waker *self)", wake_by_ref: "void (*wake_by_ref)(const oc_waker *self)",
        drop: "void (*drop)(const oc_waker *self)" }),
    layout!("oc_waker", WakerOf, { vt: "const oc_waker_vt *vt" }),
    layout!("oc_context", ContextOf, { waker: "const oc_waker *waker" }),
    layout!("oc_poll_unit", Tagged<()>, { tag: "uint8_t tag" }),
    layout!("oc_poll_bool", Tagged<bool>, { tag: "uint8_t tag", value: "bool value" }),
    layout!("oc_poll_reply", Tagged<Reply>, { tag: "uint8_t tag", value: "oc_reply value" }),
    layout!("oc_option_reply", Tagged<Reply>, { tag: "uint8_t tag", value: "oc_reply value" }),
    layout!("oc_poll_item", Tagged<Tagged<Reply>>, { tag: "uint8_t tag", value: "oc_option_reply value" }),
    layout!("oc_future_unit", FutureOf<FfiPoll<()>>, { state: "void *state",
        poll: "oc_poll_unit (*poll)(void *state, oc_context *context)", drop: "void (*drop)(void *state)" }),
    layout!("oc_future_reply", FutureOf<FfiPoll<Reply>>, { state: "void *state",
        poll: "oc_poll_reply (*poll)(void *state, oc_context *context)", drop: "void (*drop)(void *state)" }),
    table!("oc_sink_vt", SinkVt, { drop: "void (*drop)(void *self)",
        poll_ready: "oc_poll_bool (*poll_ready)(void *self, oc_context *context)",
        push: "uint8_t (*push)(void *self, oc_bytes bytes)" }),
    layout!("oc_sink", SinkObj, { this: "void *self", vt: "const oc_sink_vt *vt" }),
    layout!("oc_option_sink", Tagged<SinkObj>, { tag: "uint8_t tag", value: "oc_sink value" }),
    table!("oc_source_vt", SourceVt, { drop: "void (*drop)(void *self)",
        poll_next: "oc_poll_item (*poll_next)(void *self, oc_context *context)" }),
    layout!("oc_source", SourceObj, { this: "void *self", vt: "const oc_source_vt *vt" }),
    layout!("oc_option_source", Tagged<SourceObj>, { tag: "uint8_t tag", value: "oc_source value" }),
    layout!("oc_call", CallArgs<'static>, { method: "oc_str method", target: "oc_str target", meta: "oc_str meta",
        body: "oc_buf body", out: "oc_option_sink out", input: "oc_option_source input" }),
    layout!("oc_log_record", RawLogRecord<'static>, { level: "uint8_t level", target: "oc_str target",
        message: "oc_str message", fields: "oc_str fields", file: "oc_str file", line: "uint32_t line" }),
    table!("oc_host_vt", HostVt, { clone_ref: "void *(*clone_ref)(void *self)", drop: "void (*drop)(void *self)",
        call: "oc_future_reply (*call)(void *self, oc_call call)",
        spawn: "void (*spawn)(void *self, oc_future_unit task)",
        sleep_ms: "oc_future_unit (*sleep_ms)(void *self, uint64_t ms)",
        log_enabled: "bool (*log_enabled)(void *self, uint8_t level, oc_str target)",
        log: "void (*log)(void *self, const oc_log_record *record)" }),
    layout!("oc_host", HostObj, { this: "void *self", vt: "const oc_host_vt *vt" }),
    table!("oc_plugin_vt", PluginVt, { drop: "void (*drop)(void *self)",
        call: "oc_future_reply (*call)(void *self, oc_call call)",
        ping: "uint64_t (*ping)(void *self, uint64_t n)" }),
    layout!("oc_plugin", PluginObj, { this: "void *self", vt: "const oc_plugin_vt *vt" }),
    layout!("oc_create_args", CreateArgs<'static>, { host: "oc_host host", instance: "oc_str instance",
        config: "oc_str config", environment: "oc_str environment" }),
    layout!("oc_created", Created, { plugin: "oc_plugin plugin", registrations: "oc_buf registrations" }),
    layout!("oc_create_result", Tagged<Fault>, { tag: "uint8_t tag",
        value: "union { oc_created ok; oc_fault err; } value" }),
    layout!("oc_root", CRoot, 0, { magic: "char magic[16]", size: "size_t size", abi_hash: "char abi_hash[16]",
        manifest: "const char *manifest", manifest_len: "size_t manifest_len",
        create: "oc_create_result (*create)(oc_create_args args)" }),
];

// === the hash ===

/// FNV-1a, 64 bits. It finds mistakes, not attacks: whoever wants to lie can copy the right number.
pub(super) const fn hash(tags: &[(&str, u8)], layouts: &[Layout]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut i = 0;
    while i < tags.len() {
        hash = number(text(hash, tags[i].0), tags[i].1 as usize);
        i += 1;
    }
    i = 0;
    while i < layouts.len() {
        let layout = &layouts[i];
        hash = text(hash, layout.name);
        hash = number(number(hash, layout.size), layout.align);
        let mut j = 0;
        while j < layout.fields.len() {
            hash = number(text(hash, layout.fields[j].declaration), layout.fields[j].offset);
            j += 1;
        }
        i += 1;
    }
    hash
}

const fn text(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = byte(hash, bytes[i]);
        i += 1;
    }
    byte(hash, 0)
}

const fn number(mut hash: u64, number: usize) -> u64 {
    let bytes = (number as u64).to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = byte(hash, bytes[i]);
        i += 1;
    }
    hash
}

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

pub(super) const fn hex(number: u64) -> [u8; 16] {
    let mut out = [0; 16];
    let mut i = 0;
    while i < out.len() {
        out[i] = b"0123456789abcdef"[(number >> (60 - 4 * i)) as usize & 15];
        i += 1;
    }
    out
}
