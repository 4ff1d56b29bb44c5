//! What a library says of itself without being run: the record that hosts read, and the constants that authors write.
mod declare;
mod record;
#[cfg(test)]
mod tests;

pub use declare::{Blob, Declaration, Network, Package, manifest_json, manifest_len};
pub use record::{Manifest, NetworkPermission, PanicStrategy, Permissions};

/// First bytes of the section.
pub const MAGIC: &[u8; 8] = b"OCPLUG01";
/// Name of the section, in ELF, Mach-O and PE files.
pub const SECTIONS: [&str; 3] = [".openclaw.plugin", "__oc_plugin", ".ocplug"];
/// A manifest larger than this is refused. Bytes.
pub const MAX_LEN: usize = 1 << 20;
