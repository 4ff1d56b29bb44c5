//! The shared libraries that programs need, read from the files themselves: nothing is run, so a build can't be told lies
//! by its environment.
use crate::error::{Error, Result};
use object::{
    Endianness,
    elf::DT_NEEDED,
    read::elf::{ElfFile64, ProgramHeader as _},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
};

/// Where the system's loader looks by itself, most particular first; `{arch}` is the folder of the architecture.
const PLACES: [&str; 6] = [
    "/lib/{arch}",
    "/usr/lib/{arch}",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// What one file asks for.
#[derive(Debug, Default)]
struct Needs {
    libraries: Vec<String>,
    loader: Option<PathBuf>,
}

/// Every library that these files need, each with all that it needs itself, by the path at which the loader finds it.
pub(super) fn of(files: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open: VecDeque<PathBuf> = files.iter().cloned().collect();
    while let Some(file) = open.pop_front() {
        let needs = Needs::read(&file)?;
        let named = needs.libraries.into_iter().map(|name| match locate(&name) {
            Some(path) => Ok((name, path)),
            None => Err(Error::NoLibrary {
                library: name,
                needed_by: file.clone(),
            }),
        });
        let mut named = named.collect::<Result<Vec<_>>>()?;
        if let Some(loader) = needs.loader {
            let name = loader
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            named.push((name, loader));
        }
        for (name, path) in named {
            // The loader is named by its place in programs, and that place counts.
            if !found.contains_key(&name) || path.starts_with("/lib64") {
                open.push_back(path.clone());
                found.insert(name, path);
            }
        }
    }
    let mut paths: Vec<_> = found.into_values().collect();
    paths.sort();
    Ok(paths)
}

fn locate(name: &str) -> Option<PathBuf> {
    let arch = format!("{}-linux-gnu", std::env::consts::ARCH);
    PLACES
        .iter()
        .map(|place| Path::new(&place.replace("{arch}", &arch)).join(name))
        .find(|path| path.is_file())
}

impl Needs {
    fn read(file: &Path) -> Result<Self> {
        let bytes = fs::read(file).map_err(Error::file("read", file))?;
        Self::parse(&bytes).map_err(|why| Error::NoElf {
            file: file.to_owned(),
            why: why.to_string(),
        })
    }

    fn parse(bytes: &[u8]) -> object::Result<Self> {
        let file = ElfFile64::<Endianness>::parse(bytes)?;
        let mut needs = Self::default();
        for segment in file.elf_program_headers() {
            if let Some(path) = segment.interpreter(file.endian(), bytes)? {
                needs.loader = Some(String::from_utf8_lossy(path).into_owned().into());
            }
        }
        let table = file.elf_dynamic_table()?;
        for entry in table.iter().filter(|entry| entry.tag == DT_NEEDED) {
            let name = table.string(entry)?;
            needs.libraries.push(String::from_utf8_lossy(name).into_owned());
        }
        Ok(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_needs_the_c_library_and_a_loader() {
        let me = std::env::current_exe().unwrap();
        let needs = Needs::read(&me).unwrap();
        assert!(
            needs.libraries.iter().any(|name| name == "libc.so.6"),
            "{needs:?}"
        );
        let found = of(&[me]).unwrap();
        for name in ["libc.so.6", "ld-linux"] {
            let has = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(name);
            assert_eq!(
                found.iter().filter(|path| has(path)).count(),
                1,
                "{name} in {found:?}"
            );
        }
    }

    #[test]
    fn what_is_no_library_is_named() {
        let error = Needs::read(Path::new("/etc/passwd")).unwrap_err().to_string();
        assert!(error.contains("/etc/passwd"), "{error}");
    }
}
