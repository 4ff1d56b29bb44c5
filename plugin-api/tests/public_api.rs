//! Every public name of this crate is a promise. This is the list of them, as their declarations stand in the source;
//! a change of it is a change for authors. `UPDATE_API=1 cargo test -p openclaw-plugin-api` writes it anew.
use std::{
    fs,
    path::{Path, PathBuf},
};

const GOLDEN: &str = "public-api.txt";
/// Beginnings of lines that declare something public.
const DECLARATIONS: [&str; 10] = [
    "pub fn ",
    "pub const fn ",
    "pub async fn ",
    "pub unsafe fn ",
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub const ",
    "pub type ",
    "pub use ",
];

#[test]
fn public_names_are_those_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let actual = listing(root);
    let golden = root.join(GOLDEN);
    if std::env::var_os("UPDATE_API").is_some() {
        fs::write(&golden, &actual).expect("the list can be written");
    }
    let expected = fs::read_to_string(&golden).expect("the list is there");
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let gone: Vec<_> = old.iter().filter(|line| !new.contains(line)).collect();
    let added: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
    assert!(
        gone.is_empty() && added.is_empty(),
        "gone (a new major version): {gone:#?}\nadded (a new minor version): {added:#?}"
    );
}

/// One line for each declaration: its file, and its first line without what follows the name's parameters.
fn listing(root: &Path) -> String {
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        let name = file
            .strip_prefix(root.join("src"))
            .expect("below src")
            .display()
            .to_string();
        for (owner, line) in declarations(&text) {
            lines.push(format!("{name}: {owner}{line}"));
        }
    }
    lines.join("\n") + "\n"
}

/// Public declarations and the fields of public records, each with the `impl`, `trait` or `struct` it stands in.
fn declarations(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut owner = String::new();
    for line in text.lines() {
        let bare = line.trim();
        if line.starts_with("impl") || line.starts_with("pub struct ") || line.starts_with("pub trait ") {
            owner = bare
                .trim_end_matches('{')
                .trim()
                .trim_start_matches("pub ")
                .to_owned()
                + " > ";
        } else if line == "}" {
            owner.clear();
        }
        let in_trait = owner.starts_with("trait ") && (bare.starts_with("fn ") || bare.starts_with("const "));
        let field = line.starts_with("    pub ") && bare.ends_with(',');
        if in_trait || field || DECLARATIONS.iter().any(|word| bare.starts_with(word)) {
            let place = if line.starts_with(' ') {
                owner.clone()
            } else {
                String::new()
            };
            found.push((place, bare.trim_end_matches('{').trim().to_owned()));
        }
    }
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            collect(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") && !entry.ends_with("tests.rs")
        {
            files.push(entry);
        }
    }
}
