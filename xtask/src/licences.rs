//! The licences of everything that is linked into a release, in one text: each text once, with the crates that it is for.
use crate::{
    error::{Error, Result},
    sbom::Crate,
};
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

/// How names of files begin that say under which terms a crate is given.
const NAMES: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];
/// The longest text that is one of those.
const MAX_BYTES: u64 = 256 << 10;

/// The text. A crate that brings no file is listed with its licence's name.
pub(crate) fn text(crates: &[Crate]) -> Result<String> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for of in crates.iter().filter(|of| !of.ours) {
        let name = format!("{} {}", of.name, of.version);
        let licence = of.licence.as_deref().unwrap_or("see its text");
        writeln!(list, "{name}: {licence}").expect("a String takes every write");
        for text in texts(&of.folder)? {
            by_text.entry(text).or_default().push(name.clone());
        }
    }
    let mut whole = format!(
        "The OpenClaw gateway contains these crates. Their licences, and below their texts:\n\n{list}"
    );
    let mut texts: Vec<_> = by_text.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (text, names) in texts {
        write!(whole, "\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", "))
            .expect("a String takes every write");
    }
    Ok(whole)
}

fn texts(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let entry = entry.map_err(Error::file("list", folder))?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let path = entry.path();
        let is_text = fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
        if is_text && NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".rs") {
            let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            found.push((name, text.trim().to_owned()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_names() {
        let temp = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("LICENSE-MIT", " one\r\n"),
            ("COPYING", "two"),
            ("license.rs", "code"),
            ("README.md", "no"),
        ] {
            fs::write(temp.path().join(name), text).unwrap();
        }
        assert_eq!(texts(temp.path()).unwrap(), ["two", "one"]);
    }
}
