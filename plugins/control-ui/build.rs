//! Packs what the web build has left in `web/dist`, compressed, so that the library carries the page. Without a web
//! build the folder is empty, and the plugin says how to make one.
//!
//! It runs no Node: `cargo xtask` does, where there is one.
use flate2::{Compression, GzBuilder};
use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Files of the folder that are no part of the page.
const KEPT_BY_GIT: &str = ".gitignore";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").map(PathBuf::from);
    let page = out
        .expect("cargo tells build scripts where to write")
        .join("page");
    if page.exists() {
        fs::remove_dir_all(&page)?;
    }
    fs::create_dir_all(&page)?;
    pack(Path::new("web/dist"), &page)
}

fn pack(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            fs::create_dir_all(to.join(&name))?;
            pack(&path, &to.join(&name))?;
        } else if name != KEPT_BY_GIT {
            let mut name = name;
            name.push(".gz");
            // neither time nor name goes in: the same page is the same library
            let file = fs::File::create(to.join(name))?;
            let mut gz = GzBuilder::new().write(file, Compression::best());
            gz.write_all(&fs::read(&path)?)?;
            gz.finish()?;
        }
    }
    Ok(())
}
