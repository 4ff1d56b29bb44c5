//! Reads what a library says of itself, and judges whether it could be loaded here, without running any of its code.
//!
//! This pass stands before every `dlopen`: a truncated file would be a SIGBUS there, an executable would run, and a
//! library for another machine or a newer C library would fail with a text that helps nobody.
use object::{
    Architecture, BinaryFormat, File, Object, ObjectKind, ObjectSection, ObjectSegment,
    elf::FileHeader64,
    read::{ReadCache, ReadRef, elf::ElfFile},
};
use openclaw_plugin_api::{MAGIC, MAX_LEN, Manifest, PanicStrategy, SECTIONS, abi::c};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A library larger than this is not looked at. Bytes.
const MAX_FILE: u64 = 512 << 20;
/// Versions of symbols that are looked at; a library needs some dozens.
const MAX_VERSIONS: u32 = 10_000;

/// A library as its file describes it.
#[derive(Debug, Clone)]
pub struct Library {
    /// What the plugin says of itself.
    pub manifest: Manifest,
    /// Machine that it was built for.
    pub architecture: Architecture,
    /// ELF, Mach-O or PE.
    pub format: BinaryFormat,
    /// The newest glibc that it asks for, `(2, 36)`.
    pub needs_glibc: Option<(u32, u32)>,
    /// Size of the file, bytes.
    pub size: u64,
}

/// Why a file is no plugin, or none for this host.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum ManifestError {
    /// The file can't be read.
    #[error("can't read {path}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// It is something else than a shared library.
    #[error("{path} is not a shared library ({why}); build the plugin with crate-type = [\"cdylib\"]")]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// A part of it is missing.
    #[error("{path} is cut off: it should have {expected} bytes and has {actual}; copy it again")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where its last segment ends.
        expected: u64,
        /// Its size.
        actual: u64,
    },
    /// A library, but no plugin.
    #[error(
        "{path} is a library but no plugin: it has no manifest; use `export_plugin!` of openclaw-plugin-api"
    )]
    NoManifest {
        /// The file.
        path: PathBuf,
    },
    /// The manifest is damaged.
    #[error("the manifest of {path} is damaged ({why}); build the plugin again")]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Built for another machine.
    #[error("plugin {id} is built for {plugin}, this host is {host}; build it for the target {host}")]
    WrongTarget {
        /// The plugin.
        id: String,
        /// Its machine.
        plugin: String,
        /// Ours.
        host: String,
    },
    /// Built against a newer C library.
    #[error(
        "plugin {id} needs glibc {}.{}, this host has {}.{}; build it on an older system, such as Debian 12",
        needs.0, needs.1, has.0, has.1
    )]
    NewerGlibc {
        /// The plugin.
        id: String,
        /// What it asks for.
        needs: (u32, u32),
        /// What is here.
        has: (u32, u32),
    },
    /// Built with another major version of the API.
    #[error("plugin {id} is built with openclaw-plugin-api {plugin}, this host serves {host}; {advice}")]
    ApiVersion {
        /// The plugin.
        id: String,
        /// Its version.
        plugin: String,
        /// Ours.
        host: String,
        /// What to do.
        advice: &'static str,
    },
    /// Its description of the ABI is none that is known here.
    #[error(
        "plugin {id} describes its ABI as {plugin}, this host understands {host}; build it with the current header"
    )]
    Abi {
        /// The plugin.
        id: String,
        /// Its description.
        plugin: String,
        /// Ours.
        host: String,
    },
    /// A panic in it would end the gateway.
    #[error(
        "plugin {id} is built with panic = \"abort\", so a panic in it would end the gateway; \
         build it with panic = \"unwind\", or set plugins.entries.{id}.isolation to \"process\""
    )]
    PanicAbort {
        /// The plugin.
        id: String,
    },
}

/// Reads the headers and the one section of a library, for whatever machine it was built.
pub fn read(path: &Path) -> Result<Library, ManifestError> {
    let unreadable = |e: std::io::Error| ManifestError::Unreadable {
        path: path.into(),
        why: e.to_string(),
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ManifestError::Unreadable {
            path: path.into(),
            why: "not a regular file".into(),
        });
    }
    if metadata.len() > MAX_FILE {
        let why = format!("{} bytes, the limit is {MAX_FILE}", metadata.len());
        return Err(ManifestError::Unreadable {
            path: path.into(),
            why,
        });
    }
    let cache = ReadCache::new(file);
    parse(path, &cache, metadata.len())
}

/// Is this library one that could be loaded on this host? Isolation tells whether it may abort on a panic.
pub fn check_host(library: &Library, isolated: bool) -> Result<(), ManifestError> {
    let id = &library.manifest.id;
    let host = host_target();
    if library.architecture != host_architecture() || library.format != host_format() {
        let plugin = format!("{:?} {:?}", library.architecture, library.format);
        return Err(ManifestError::WrongTarget {
            id: id.clone(),
            plugin,
            host,
        });
    }
    if !library.manifest.target.is_empty() && library.manifest.target != host {
        let plugin = library.manifest.target.clone();
        return Err(ManifestError::WrongTarget {
            id: id.clone(),
            plugin,
            host,
        });
    }
    if let (Some(needs), Some(has)) = (library.needs_glibc, host_glibc())
        && needs > has
    {
        return Err(ManifestError::NewerGlibc {
            id: id.clone(),
            needs,
            has,
        });
    }
    check_api(&library.manifest)?;
    check_abi(&library.manifest)?;
    if library.manifest.panic == PanicStrategy::Abort && !isolated {
        return Err(ManifestError::PanicAbort { id: id.clone() });
    }
    Ok(())
}

/// Same major version, any minor, in either direction.
fn check_api(manifest: &Manifest) -> Result<(), ManifestError> {
    let host =
        semver::Version::parse(openclaw_plugin_api::API_VERSION).expect("the crate's own version is semver");
    let plugin = semver::Version::parse(&manifest.api_version).ok();
    let advice = match &plugin {
        Some(version) if version.major == host.major => return Ok(()),
        Some(version) if version.major > host.major => "update the gateway",
        Some(_) => "update the plugin",
        None => "its manifest names no valid version; build the plugin again",
    };
    Err(ManifestError::ApiVersion {
        id: manifest.id.clone(),
        plugin: manifest.api_version.clone(),
        host: host.to_string(),
        advice,
    })
}

/// A description of the ABI that this host understands.
fn check_abi(manifest: &Manifest) -> Result<(), ManifestError> {
    let ours = match manifest.abi.as_str() {
        openclaw_plugin_api::ABI => String::new(),
        c::ABI => c::ABI_HASH.to_owned(),
        _ => format!("{} or {}", openclaw_plugin_api::ABI, c::ABI),
    };
    // A manifest that says nothing is judged by the library's own root.
    if manifest.abi.is_empty()
        || manifest.abi == openclaw_plugin_api::ABI
        || (manifest.abi == c::ABI && manifest.abi_hash == ours)
    {
        return Ok(());
    }
    let plugin = format!("{} {}", manifest.abi, manifest.abi_hash)
        .trim_end()
        .to_owned();
    Err(ManifestError::Abi {
        id: manifest.id.clone(),
        plugin,
        host: ours,
    })
}

fn parse<'a, R: ReadRef<'a>>(path: &Path, data: R, size: u64) -> Result<Library, ManifestError> {
    let not_a_library = |why: String| ManifestError::NotALibrary {
        path: path.into(),
        why,
    };
    let file = File::parse(data).map_err(|e| not_a_library(e.to_string()))?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(not_a_library(format!("{:?}", file.kind()).to_lowercase()));
    }
    for segment in file.segments() {
        let (offset, length) = segment.file_range();
        let end = offset.saturating_add(length);
        if end > size {
            return Err(ManifestError::Truncated {
                path: path.into(),
                expected: end,
                actual: size,
            });
        }
    }
    let manifest = section(path, &file)?;
    let needs_glibc = match &file {
        File::Elf64(elf) => needed_glibc(elf),
        _ => None,
    };
    Ok(Library {
        manifest,
        architecture: file.architecture(),
        format: file.format(),
        needs_glibc,
        size,
    })
}

fn section<'a, R: ReadRef<'a>>(path: &Path, file: &File<'a, R>) -> Result<Manifest, ManifestError> {
    let bad = |why: String| ManifestError::BadManifest {
        path: path.into(),
        why,
    };
    let section = SECTIONS
        .iter()
        .find_map(|name| file.section_by_name(name))
        .ok_or_else(|| ManifestError::NoManifest { path: path.into() })?;
    let data = section.data().map_err(|e| bad(e.to_string()))?;
    let rest = data
        .strip_prefix(MAGIC)
        .ok_or_else(|| bad("it begins with other bytes".into()))?;
    let (length, rest) = rest
        .split_first_chunk::<4>()
        .ok_or_else(|| bad("no length".into()))?;
    let length = u32::from_le_bytes(*length) as usize;
    let json = rest
        .get(..length)
        .filter(|_| length <= MAX_LEN)
        .ok_or_else(|| bad("wrong length".into()))?;
    let manifest: Manifest = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
    if !is_id(&manifest.id) {
        return Err(bad(format!(
            "\"{}\" is not a plugin id",
            manifest.id.escape_debug()
        )));
    }
    Ok(manifest)
}

/// What a plugin id may look like: 1 to 64 lower-case letters, digits and `-`, beginning with a letter.
pub fn is_id(id: &str) -> bool {
    let mut bytes = id.bytes();
    id.len() <= 64
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The newest `GLIBC_x.y` among the versions of the symbols that it needs.
fn needed_glibc<'a, R: ReadRef<'a>>(
    elf: &ElfFile<'a, FileHeader64<object::Endianness>, R>,
) -> Option<(u32, u32)> {
    let endian = elf.endian();
    let sections = elf.elf_section_table();
    let (mut needed, link) = sections.gnu_verneed(endian, elf.data()).ok()??;
    let strings = sections.strings(endian, elf.data(), link).ok()?;
    let (mut newest, mut left) = (None, MAX_VERSIONS);
    // lists that overlap can be made as long as one likes
    while let (Ok(Some((_, mut versions))), 1..) = (needed.next(), left) {
        left -= 1;
        while let (Ok(Some(version)), 1..) = (versions.next(), left) {
            left -= 1;
            let name = version
                .name(endian, strings)
                .ok()
                .and_then(|name| std::str::from_utf8(name).ok());
            newest = newest.max(name.and_then(|name| glibc_version(name.strip_prefix("GLIBC_")?)));
        }
    }
    newest
}

fn glibc_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn host_glibc() -> Option<(u32, u32)> {
    glibc_version(super::load::glibc_version()?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn host_glibc() -> Option<(u32, u32)> {
    None
}

fn host_architecture() -> Architecture {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => Architecture::Unknown,
    }
}

fn host_format() -> BinaryFormat {
    BinaryFormat::native_object()
}

/// The target triple of this host, as the API crate in it was built.
pub fn host_target() -> String {
    openclaw_plugin_api::TARGET.to_owned()
}

#[cfg(test)]
mod tests;
