//! What a library says of itself without being run: the record that hosts read, and the constants that authors write.
#[cfg(feature = "plugin")]
mod declare;
mod record;
#[cfg(all(test, feature = "plugin"))]
mod tests;
#[cfg(feature = "plugin")]
mod write;

#[cfg(feature = "plugin")]
pub use declare::{Declaration, Network, Package};
pub use record::{Manifest, NetworkPermission, PanicStrategy, Permissions};
#[cfg(feature = "plugin")]
pub use write::{Blob, manifest_json, manifest_len};

/// First bytes of the section.
pub const MAGIC: &[u8; 8] = b"OCPLUG01";
/// Name of the section, in ELF, Mach-O and PE files.
pub const SECTIONS: [&str; 3] = [".openclaw.plugin", "__oc_plugin", ".ocplug"];
/// A manifest larger than this is refused. Bytes.
pub const MAX_LEN: usize = 1 << 20;
