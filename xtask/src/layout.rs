//! Puts built files where they are run from. A file is never rewritten in place: a gateway that is running keeps the
//! one it has mapped, because the new one is another inode.
use crate::{
    artifacts::Artifact,
    error::{Error, Result},
};
use std::{
    env::consts::{DLL_EXTENSION, EXE_SUFFIX},
    fs,
    path::{Path, PathBuf},
};

/// The program within an installation, as the host expects it.
pub(crate) const BINARIES: &str = "bin";
/// The bundled plugins within an installation: the host looks there from its own place.
pub(crate) const PLUGINS: &str = "lib/openclaw/plugins";

/// Puts the program and the plugins into the layout of an installation; returns the program's path.
pub(crate) fn install(into: &Path, program: &Path, plugins: &[Artifact]) -> Result<PathBuf> {
    let program = place_program(&into.join(BINARIES), program)?;
    place_libraries(&into.join(PLUGINS), plugins)?;
    Ok(program)
}

/// Puts the gateway's program into a folder.
pub(crate) fn place_program(folder: &Path, program: &Path) -> Result<PathBuf> {
    let name = format!("{}{EXE_SUFFIX}", crate::workspace::HOST_BINARY);
    create(folder)?;
    place(program, &folder.join(name))
}

/// Makes a folder hold these libraries as `<name>.so` and no others.
pub(crate) fn place_libraries(folder: &Path, libraries: &[Artifact]) -> Result<()> {
    create(folder)?;
    let wanted: Vec<_> = libraries
        .iter()
        .map(|library| folder.join(format!("{}.{DLL_EXTENSION}", library.name)))
        .collect();
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = entry.map_err(Error::file("list", folder))?.path();
        let is_stale = path
            .extension()
            .is_some_and(|extension| extension == DLL_EXTENSION)
            && !wanted.contains(&path);
        if is_stale {
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    for (library, path) in libraries.iter().zip(&wanted) {
        place(&library.file, path)?;
    }
    Ok(())
}

/// Copies a file by way of a temporary name.
pub(crate) fn place(from: &Path, to: &Path) -> Result<PathBuf> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".tmp");
    let partial = PathBuf::from(partial);
    fs::copy(from, &partial).map_err(Error::file("copy", from))?;
    fs::rename(&partial, to).map_err(Error::file("write", to))?;
    Ok(to.to_owned())
}

/// Makes a folder with all that it lies in.
pub(crate) fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(Error::file("make the folder", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(folder: &Path, name: &str, content: &str) -> Artifact {
        let file = folder.join(format!("lib{name}.built"));
        fs::write(&file, content).unwrap();
        Artifact {
            name: name.into(),
            file,
        }
    }

    #[test]
    fn a_folder_holds_what_was_built_and_nothing_old() {
        let temp = tempfile::tempdir().unwrap();
        let plugins = temp.path().join("plugins");
        place_libraries(
            &plugins,
            &[
                library(temp.path(), "old", "1"),
                library(temp.path(), "kept", "2"),
            ],
        )
        .unwrap();
        place_libraries(
            &plugins,
            &[
                library(temp.path(), "kept", "3"),
                library(temp.path(), "new", "4"),
            ],
        )
        .unwrap();
        let mut names: Vec<_> = fs::read_dir(&plugins)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [format!("kept.{DLL_EXTENSION}"), format!("new.{DLL_EXTENSION}")]
        );
        assert_eq!(fs::read_to_string(plugins.join(&names[0])).unwrap(), "3");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_use_is_replaced_and_not_rewritten() {
        use std::os::unix::fs::MetadataExt as _;
        let temp = tempfile::tempdir().unwrap();
        let to = temp.path().join("x.so");
        place(&library(temp.path(), "x", "1").file, &to).unwrap();
        let before = fs::metadata(&to).unwrap().ino();
        place(&library(temp.path(), "x", "2").file, &to).unwrap();
        assert_ne!(fs::metadata(&to).unwrap().ino(), before);
    }
}
