//! Where the specimens are, and faulty files that are no code.
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// `e_machine` of AArch64, and where it is in an ELF header.
const AARCH64: [u8; 2] = [183, 0];
const E_MACHINE: usize = 18;

/// The library of a specimen, as cargo built it beside the running test.
///
/// # Panics
/// Outside a test of this workspace.
pub fn library_file(name: &str) -> PathBuf {
    let test = env::current_exe().expect("a test is a file");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("cargo puts tests into <profile>/deps");
    let file = format!("{}{name}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    profile.join("examples").join(file)
}

/// Builds `panic_abort_profile` with `panic = "abort"` and copies it to `folder`: the strategy can't be chosen for one
/// example among others.
///
/// # Panics
/// If it does not build.
pub fn library_with_panic_abort(folder: &Path) -> PathBuf {
    let name = "panic_abort_profile";
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "rustc",
            "--quiet",
            "--offline",
            "--package",
            env!("CARGO_PKG_NAME"),
            "--example",
            name,
        ])
        .args(["--", "-C", "panic=abort"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo can be run");
    assert!(status.success(), "{name} does not build with panic=abort");
    let built = library_file(name);
    let copy = folder.join(built.file_name().expect("a library has a name"));
    fs::copy(&built, &copy).expect("the folder can be written");
    copy
}

/// Writes files that are no plugins for this machine into `folder`, made from a good library: name of the fault and path.
/// All are refused before the dynamic linker sees them.
///
/// # Panics
/// If the library can't be read or the folder not written.
pub fn broken_files(folder: &Path, good_library: &Path) -> Vec<(&'static str, PathBuf)> {
    let good = fs::read(good_library).expect("the good library can be read");
    let program =
        fs::read(env::current_exe().expect("a test is a file")).expect("a running program can be read");
    let mut elsewhere = good.clone();
    elsewhere[E_MACHINE..E_MACHINE + 2].copy_from_slice(&AARCH64);
    let files: [(&str, &[u8]); 7] = [
        ("truncated", &good[..good.len() / 2]),
        ("last_byte_missing", &good[..good.len() - 1]),
        ("text", b"This is a text and not a library.\n"),
        ("forty_bytes", &good[..40]),
        ("empty", b""),
        ("wrong_architecture", &elsewhere),
        ("executable", &program),
    ];
    let write = |(name, bytes): (&'static str, &[u8])| {
        let path = folder.join(format!("lib{name}.so"));
        fs::write(&path, bytes).expect("the folder can be written");
        (name, path)
    };
    files.into_iter().map(write).collect()
}
