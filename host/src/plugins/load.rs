//! Opens a library that has passed every check, and finds its root. The only `unsafe` of the host; so what tells that
//! code of a library ends the process is here too.
//!
//! A library is never closed: wakers, vtables and destructors of thread locals may point into it as long as the process
//! lives. Constructors of the library run inside [`open`], so it is called where a stuck thread can be given up.
#![allow(unsafe_code)]

use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::check_layout_compatibility,
    library::{AbiHeaderRef, LibHeader, RootModule},
};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use openclaw_plugin_api::abi::{
    PluginRootRef, RootHandle, SYMBOL,
    c::{CRoot, CRootError},
};
use std::{
    mem::{ManuallyDrop, MaybeUninit},
    path::{Path, PathBuf},
    ptr,
    sync::OnceLock,
};

/// Signals by which code ends the process it runs in.
const FATAL: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];
/// What was done at each of them before; no more than there are signals, and written before the first can come.
static BEFORE: [OnceLock<libc::sigaction>; FATAL.len()] = [const { OnceLock::new() }; FATAL.len()];
/// Told of the end.
static TOLD: OnceLock<fn(bool)> = OnceLock::new();

/// How much of a layout difference is shown; abi_stable writes up to 30 KB.
const MAX_DETAIL: usize = 400;

/// Why a library can't be opened.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum LoadError {
    /// The dynamic linker refused it.
    #[error("the system can't load {path}: {why}")]
    Dlopen {
        /// The file.
        path: PathBuf,
        /// What the linker said.
        why: String,
    },
    /// It doesn't export the root.
    #[error("{path} exports no {SYMBOL}; use `export_plugin!` of openclaw-plugin-api")]
    NoSymbol {
        /// The file.
        path: PathBuf,
    },
    /// What it exports is no root.
    #[error("{SYMBOL} of {path} is not what it should be ({why}); build the plugin again")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another major version.
    #[error(
        "{path} speaks version {plugin} of the ABI, this host {host}; build it with the host's major version"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        plugin: String,
        /// Ours.
        host: String,
    },
    /// The version fits and the layout does not: somebody changed the ABI.
    #[error("{path} was built with a changed openclaw-plugin-api: {why}; build it with the published one")]
    Layout {
        /// The file.
        path: PathBuf,
        /// The beginning of the difference.
        why: String,
    },
}

impl LoadError {
    /// At which stage, in a word.
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Layout { .. } => "layout",
            _ => "header",
        }
    }
}

/// Opens a library and checks its header, its version and its layout.
pub fn open(path: &Path) -> Result<RootHandle, LoadError> {
    let dlopen = |why: String| LoadError::Dlopen {
        path: path.into(),
        why,
    };
    // A name without a slash would be searched for in the system's folders.
    let path = path.canonicalize().map_err(|e| dlopen(e.to_string()))?;
    // SAFETY: the file passed `manifest::read`, so it is a whole library for this machine. That its constructors do no
    // harm is what loading a plugin into this process means; a plugin that is not trusted runs in a child.
    let library =
        unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) }.map_err(|e| dlopen(e.to_string()))?;
    // also one without a root: its constructors have run, and may have left threads
    let library = ManuallyDrop::new(library);
    // SAFETY: the symbol is a static; what it begins with is looked at before anything else of it.
    let symbol = unsafe { library.get::<*const CRoot>(SYMBOL.as_bytes()) };
    let root = *symbol.map_err(|_| LoadError::NoSymbol { path: path.clone() })?;
    // SAFETY: as above.
    let header = unsafe { library.get::<AbiHeaderRef>(SYMBOL.as_bytes()) };
    let header = *header.map_err(|_| LoadError::NoSymbol { path: path.clone() })?;
    // SAFETY: both forms of a root are longer than the 16 bytes that are read here.
    if unsafe { RootHandle::is_c(root) } {
        // SAFETY: the library stays mapped for ever; that its code keeps what the header asks for is what loading a
        // plugin into this process means.
        return unsafe { RootHandle::from_c(root) }.map_err(|e| not_a_root(e, &path));
    }
    let header = header.upgrade().map_err(|e| LoadError::Header {
        path: path.clone(),
        why: short(&e),
    })?;
    check(header, &path)
}

/// Has `note` called on the thread whose code ends this process, by a fatal signal or by `exit`. What happens then is
/// what would have happened without it. `note` is told whether it is a signal, may write to an open file and read memory, and nothing else. Once for a
/// process; later calls have no effect.
pub fn at_fatal_end(note: fn(bool)) {
    if TOLD.set(note).is_err() {
        return;
    }
    for (signal, before) in FATAL.into_iter().zip(&BEFORE) {
        let mut old = MaybeUninit::zeroed();
        // SAFETY: zero is a valid `sigaction`, and each field that counts is set.
        let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        ours.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        // on the thread's spare stack: the usual one may be what has run out
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: both point to what lives as long as the call, and the system writes the second when it gives 0.
        unsafe {
            if libc::sigaction(signal, ptr::null(), old.as_mut_ptr()) == 0 {
                let _ = before.set(old.assume_init());
                libc::sigaction(signal, &raw const ours, ptr::null_mut());
            }
        }
    }
    // SAFETY: the function lives as long as the process.
    unsafe { libc::atexit(on_exit) };
}

/// Gives back the memory of this program's code and constants, most of which only its start has needed: the system maps
/// 64 KB around each page that is touched, and the table of relocations has done its work. What is needed again is
/// mapped again from the system's cache of the file, some pages at a time. The heap's free pages go with it: reading
/// the configuration and making schemas has left many. Gives whether the system did it; nothing depends on it.
pub fn give_back_start() -> bool {
    unsafe extern "C" {
        /// Where the program begins in memory; the linker makes it.
        static __executable_start: u8;
        /// Where its code ends; what is written to, relocated constants among it, comes behind.
        static etext: u8;
    }
    // SAFETY: it only asks. (rustix's own way reads what valgrind hides.)
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    let (start, end) = ((&raw const __executable_start).addr(), (&raw const etext).addr());
    let length = end.saturating_sub(start) / page * page;
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0)
    };
    // SAFETY: it begins with a page and ends before one that can be written to. Nothing in between differs from the file:
    // the linker refuses relocations of code (`-z text`), and data is never placed before `etext`.
    unsafe {
        libc::madvise(
            (&raw const __executable_start).cast_mut().cast(),
            length,
            libc::MADV_DONTNEED,
        ) == 0
    }
}

extern "C" fn on_exit() {
    tell(false);
}

fn tell(fault: bool) {
    if let Some(note) = TOLD.get() {
        note(fault);
    }
}

/// Notes it, puts back what was there before, and lets the fault happen again.
extern "C" fn on_signal(signal: libc::c_int, info: *const libc::siginfo_t, _: *mut libc::c_void) {
    tell(true);
    let at = FATAL.iter().position(|fatal| *fatal == signal);
    let before = at.and_then(|at| BEFORE[at].get());
    // SAFETY: `sigaction` and `raise` may be called in a handler; the system gives a valid `info`. A fault comes again by
    // itself when this returns, what somebody has sent does not.
    unsafe {
        if let Some(before) = before {
            libc::sigaction(signal, before, ptr::null_mut());
        }
        if (*info).si_code <= 0 {
            libc::raise(signal);
        }
    }
}

fn not_a_root(error: CRootError, path: &Path) -> LoadError {
    match error {
        CRootError::Hash(_) => LoadError::Layout {
            path: path.into(),
            why: error.to_string(),
        },
        error => LoadError::Header {
            path: path.into(),
            why: error.to_string(),
        },
    }
}

fn check(header: &'static LibHeader, path: &Path) -> Result<RootHandle, LoadError> {
    let broken = |why: String| LoadError::Header {
        path: path.into(),
        why,
    };
    let plugin = header.version_strings().parsed().map_err(|e| broken(short(&e)))?;
    let host = PluginRootRef::VERSION_STRINGS
        .parsed()
        .map_err(|e| broken(short(&e)))?;
    if plugin.major != host.major {
        let (plugin, host) = (plugin.to_string(), host.to_string());
        return Err(LoadError::Version {
            path: path.into(),
            plugin,
            host,
        });
    }
    // The checker wants the interface to be no newer than the implementation, and so does the rule that any minor
    // version goes with any other: the older side is the interface.
    let theirs = header
        .layout()
        .ok_or_else(|| broken("it carries no layout".into()))?;
    let ours = PluginRootRef::LAYOUT;
    let plugin_is_older = (plugin.major, plugin.minor) < (host.major, host.minor);
    let (interface, implementation) = if plugin_is_older {
        (theirs, ours)
    } else {
        (ours, theirs)
    };
    check_layout_compatibility(interface, implementation).map_err(|e| LoadError::Layout {
        path: path.into(),
        why: short(&e),
    })?;
    // SAFETY: the layout was compared just above.
    let root = unsafe { header.unchecked_layout::<PluginRootRef>() }.map_err(|e| broken(short(&e)))?;
    Ok(RootHandle::new(root))
}

fn short(error: &impl ToString) -> String {
    let text: Vec<_> = error.to_string().split_whitespace().map(str::to_owned).collect();
    let text = text.join(" ");
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// Version of the C library of this process.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn glibc_version() -> Option<&'static str> {
    // SAFETY: returns a static string of the C library.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_goes_on_without_what_its_start_needed() {
        assert!(give_back_start(), "the range is no whole number of mapped pages");
        assert_eq!(short(&"two  words"), "two words");
    }

    #[test]
    fn a_library_without_a_root_is_not_closed_either() {
        let maps = || std::fs::read_to_string("/proc/self/maps").expect("the system tells");
        let before = maps();
        let common = before
            .lines()
            .filter_map(|line| line.split_whitespace().next_back())
            .find(|file| file.contains("/libgcc_s."));
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("no-plugin.so");
        std::fs::copy(common.expect("a library that each program has"), &copy).expect("a copy");
        let error = open(&copy).expect_err("no root");
        assert!(matches!(error, LoadError::NoSymbol { .. }), "{error}");
        assert!(maps().contains("no-plugin.so"), "code of it may still run");
    }
}
