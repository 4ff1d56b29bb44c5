//! The ABI for other languages: every boundary type as C sees it, a hash over that, and a root without Rust's
//! reflection.
//!
//! A library written in Rust carries abi_stable's description of its types, which is compared when it is opened. Other
//! compilers can't produce that. They include the header that is generated from [`LAYOUTS`], say `"abi": "c-1"` and
//! `"abiHash"` in their manifest, and export a [`CRoot`] under the same name. The objects behind it are the same to the
//! byte, so past [`RootHandle::from_c`] no host knows the difference.
//!
//! Only what may never change is in the table: whole structs, and of a vtable what its first version had. So a vtable
//! that grows keeps the hash, and whoever calls a later function looks at the bits of `present` first.
mod layout;
#[cfg(all(test, unix, target_pointer_width = "64", not(miri)))]
mod opened;
#[cfg(test)]
mod tests;

pub use layout::{Field, LAYOUTS, Layout, TAGS};

use super::{CreateArgs, Created, Fault, RootHandle};
use abi_stable::std_types::RResult;
use std::{fmt, mem::size_of};

/// What the manifest says under `abi` for a library with a [`CRoot`].
pub const ABI: &str = "c-1";
/// First bytes of a [`CRoot`]. Rust's roots begin otherwise.
pub const MAGIC: &[u8; 16] = b"openclaw root c1";
/// What the manifest says under `abiHash`, and the root again: 16 hexadecimal digits over [`TAGS`] and [`LAYOUTS`].
pub const ABI_HASH: &str = match std::str::from_utf8(&HASH) {
    Ok(text) => text,
    Err(_) => panic!("hexadecimal digits are text"),
};
const HASH: [u8; 16] = layout::hex(layout::hash(TAGS, LAYOUTS));

/// The exported root of a library that is not written in Rust.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CRoot {
    /// [`MAGIC`]
    pub magic: [u8; 16],
    /// Size of this struct as the library knows it. Bytes.
    pub size: usize,
    /// [`ABI_HASH`] of the header that it was built with.
    pub abi_hash: [u8; 16],
    /// The same text as in the manifest section.
    pub manifest: *const u8,
    /// Its length. Bytes.
    pub manifest_len: usize,
    /// Makes an instance.
    pub create: Option<unsafe extern "C" fn(CreateArgs<'_>) -> RResult<Created, Fault>>,
}

// SAFETY: a root is constant, and its manifest too.
unsafe impl Sync for CRoot {}

/// Why what a library exports is no root that this host can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CRootError {
    /// It begins with other bytes.
    Magic,
    /// It is smaller than the first version was. Bytes.
    Size(usize),
    /// It was built with another header: this is its hash.
    Hash(String),
    /// A pointer in it is null: this one.
    Null(&'static str),
    /// Its manifest is not text.
    Manifest,
}

impl RootHandle {
    /// A root of a library that is not written in Rust. Looks at everything that can be looked at.
    ///
    /// # Safety
    /// `root` is the address of the symbol [`super::SYMBOL`] in a library that is never unloaded, whose code keeps what
    /// the header asks for.
    pub unsafe fn from_c(root: *const CRoot) -> Result<Self, CRootError> {
        // SAFETY: the symbol is there. Its magic bytes come first, then its size: neither is read before the other says
        // that it is there.
        let magic = unsafe { (&raw const (*root).magic).read_unaligned() };
        if magic != *MAGIC || !root.is_aligned() {
            return Err(CRootError::Magic);
        }
        // SAFETY: as above.
        let size = unsafe { (&raw const (*root).size).read() };
        if size < size_of::<CRoot>() {
            return Err(CRootError::Size(size));
        }
        // SAFETY: it is as large as ours or larger, and every bit pattern is a valid `CRoot`.
        let root = unsafe { &*root };
        if root.abi_hash != HASH {
            return Err(CRootError::Hash(
                String::from_utf8_lossy(&root.abi_hash).into_owned(),
            ));
        }
        if root.manifest.is_null() {
            return Err(CRootError::Null("manifest"));
        }
        if root.manifest_len > crate::MAX_LEN {
            return Err(CRootError::Manifest);
        }
        // SAFETY: the library says that so many bytes are there, for ever.
        let manifest = unsafe { std::slice::from_raw_parts(root.manifest, root.manifest_len) };
        let manifest = std::str::from_utf8(manifest).map_err(|_| CRootError::Manifest)?;
        let create = root.create.ok_or(CRootError::Null("create"))?;
        Ok(Self { manifest, create })
    }

    /// Does the symbol at this address begin as a [`CRoot`] does?
    ///
    /// # Safety
    /// 16 bytes can be read there.
    pub unsafe fn is_c(root: *const CRoot) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (&raw const (*root).magic).read_unaligned() == *MAGIC }
    }
}

impl fmt::Display for CRootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("it begins with other bytes"),
            Self::Size(size) => write!(
                f,
                "it has {size} bytes, the first version has {}",
                size_of::<CRoot>()
            ),
            Self::Hash(hash) => write!(
                f,
                "its ABI hash is {:?}, this host's is {ABI_HASH}",
                hash.as_str()
            ),
            Self::Null(what) => write!(f, "its {what} is null"),
            Self::Manifest => f.write_str("its manifest is not text of at most 1 MiB"),
        }
    }
}

impl std::error::Error for CRootError {}
