//! What an entry of an archive may be called, and what it is by its name.
//!
//! Names come from a fixed set, so a path that leads elsewhere can not even be expressed. Everything that is not
//! known here is refused.

/// Characters of a name besides ASCII letters and digits.
const PUNCTUATION: &str = "._+-";
/// Longest part of a path.
const MAX_PART: usize = 96;
/// Characters of a refused name that an error shows.
const MAX_SHOWN: usize = 60;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The plugin itself.
    Library(String),
    /// A text for people, with its path: `README.md`, `docs/usage.md`.
    Text(String),
    /// OpenClaw's manifest, which means nothing here.
    Ignored,
    /// A folder.
    Folder,
}

/// Names that were seen, and the one folder around everything, if there is one.
#[derive(Debug, Default)]
pub(super) struct Names {
    seen: Vec<String>,
    top: Option<Option<String>>,
}

// === impl Names ===

impl Names {
    /// Judges the next entry. The error says why it is refused.
    pub(super) fn admit(&mut self, raw: &[u8], is_folder: bool) -> Result<Role, &'static str> {
        let parts = parts_of(raw, is_folder)?;
        let folded = parts.join("/").to_ascii_lowercase();
        if self.seen.contains(&folded) {
            return Err("another entry has the same name, letter case aside");
        }
        self.seen.push(folded);
        if is_folder {
            let fits = parts.len() <= 2;
            return if fits {
                Ok(Role::Folder)
            } else {
                Err("folders are nested too deep")
            };
        }
        let (top, role) = match (role_of(&parts), parts.split_first()) {
            (Some(role), _) => (None, role),
            (None, Some((top, rest))) => {
                let role = role_of(rest)
                    .ok_or("a plugin has one library, README, LICENSE, CHANGELOG and docs/*.md")?;
                (Some((*top).to_owned()), role)
            }
            (None, None) => return Err("it has no name"),
        };
        if self.top.get_or_insert_with(|| top.clone()) != &top {
            return Err("it stands in another folder than the entries before it");
        }
        Ok(role)
    }
}

/// Whether `name` is a library by its ending.
pub(super) fn is_library(name: &str) -> bool {
    let stem = [".so", ".dylib", ".dll"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    stem.is_some_and(|stem| !stem.is_empty())
}

/// A name for an error: short, and without characters that a terminal would obey.
pub(super) fn shown(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let cut = if text.chars().count() > MAX_SHOWN {
        "…"
    } else {
        ""
    };
    let head: String = text.chars().take(MAX_SHOWN).collect();
    format!("{}{cut}", head.escape_debug())
}

fn parts_of(raw: &[u8], is_folder: bool) -> Result<Vec<&str>, &'static str> {
    let name = std::str::from_utf8(raw).ok().filter(|name| name.is_ascii());
    let name = name.ok_or("its name has characters other than ASCII letters, digits and `._+-`")?;
    if name.starts_with('/') || name.contains('\\') {
        return Err("its name is an absolute path or has a backslash");
    }
    let name = if is_folder {
        name.trim_end_matches('/')
    } else {
        name
    };
    if is_folder && name == "." {
        return Ok(Vec::new());
    }
    let parts: Vec<_> = name.strip_prefix("./").unwrap_or(name).split('/').collect();
    if parts.contains(&"..") {
        return Err("its name leads out of the archive");
    }
    if parts.iter().all(|part| is_plain(part)) {
        Ok(parts)
    } else {
        Err("its name is empty, too long, or has characters other than ASCII letters, digits and `._+-`")
    }
}

fn is_plain(part: &str) -> bool {
    part.len() <= MAX_PART
        && part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c))
        && !part.ends_with('.')
}

fn role_of(parts: &[&str]) -> Option<Role> {
    match *parts {
        [file] if is_library(file) => Some(Role::Library(file.into())),
        ["openclaw.plugin.json"] => Some(Role::Ignored),
        [file] if is_text(file) => Some(Role::Text(file.into())),
        ["docs", file] if file.ends_with(".md") => Some(Role::Text(format!("docs/{file}"))),
        _ => None,
    }
}

fn is_text(file: &str) -> bool {
    ["README", "LICENSE", "CHANGELOG"]
        .iter()
        .any(|start| file.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(names: &[&str]) -> Result<Vec<Role>, &'static str> {
        let mut all = Names::default();
        names
            .iter()
            .map(|name| all.admit(name.as_bytes(), name.ends_with('/')))
            .collect()
    }

    #[test]
    fn roles() {
        let library = || Role::Library("libx.so".into());
        for (names, roles) in [
            (vec!["libx.so"], vec![library()]),
            (vec!["./", "./libx.so"], vec![Role::Folder, library()]),
            (vec!["x-1.0/", "x-1.0/libx.so"], vec![Role::Folder, library()]),
            (
                vec!["t/libx.so", "t/docs/a.md"],
                vec![library(), Role::Text("docs/a.md".into())],
            ),
            (
                vec!["LICENSE-MIT", "openclaw.plugin.json"],
                vec![Role::Text("LICENSE-MIT".into()), Role::Ignored],
            ),
        ] {
            assert_eq!(admit(&names), Ok(roles), "{names:?}");
        }
    }

    #[test]
    fn refused() {
        let long = format!("{}.so", "x".repeat(MAX_PART));
        for names in [
            vec!["../libx.so"],
            vec!["a/../libx.so"],
            vec!["/libx.so"],
            vec!["a\\libx.so"],
            vec!["C:libx.so"],
            vec!["a//libx.so"],
            vec![""],
            vec!["/"],
            vec![".so"],
            vec!["./.libx.so"],
            vec!["-rf.so"],
            vec!["lib\u{202e}x.so"],
            vec!["lib\0x.so"],
            vec!["a/b/libx.so"],
            vec!["run.sh"],
            vec!["docs/a.sh"],
            vec!["a/README", "b/libx.so"],
            vec!["README", "b/libx.so"],
            vec!["README.md", "README.MD"],
            vec!["README", "./README"],
            vec!["a/b/c/"],
            vec![&long],
        ] {
            assert!(admit(&names).is_err(), "{names:?}");
        }
    }

    #[test]
    fn shown_names_are_short_and_tame() {
        assert_eq!(shown(b"a\x1b[2J\xff"), "a\\u{1b}[2J\u{fffd}");
        assert_eq!(shown(&[b'x'; 500]).chars().count(), MAX_SHOWN + 1);
    }
}
