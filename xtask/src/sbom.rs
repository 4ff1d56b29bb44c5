//! What a release is made of, as a CycloneDX document: every crate that is linked into the program or a plugin, with
//! version, licence and checksum, as `Cargo.lock` has them.
//!
//! Invariant: the same tree gives the same bytes. Nothing depends on the machine or the time but the timestamp, and that
//! is `SOURCE_DATE_EPOCH`.
use crate::{
    error::{Error, Result},
    workspace::{HOST_PACKAGE, Plugin, Workspace},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

/// The format's version.
const SPEC: &str = "1.6";
/// Where crates come from, in the words of cargo and of package URLs.
const REGISTRY: &str = "registry+";

/// The crates of a release.
#[derive(Debug)]
pub(crate) struct Crates {
    pub(crate) linked: Vec<Crate>,
    edges: BTreeMap<String, BTreeSet<String>>,
    version: String,
}

/// One crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) folder: PathBuf,
    repository: Option<String>,
    /// Part of this workspace.
    pub(crate) ours: bool,
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dep>,
}

#[derive(Deserialize)]
struct Dep {
    pkg: String,
    dep_kinds: Vec<DepKind>,
}

#[derive(Deserialize)]
struct DepKind {
    kind: Option<String>,
}

// === impl Crates ===

impl Crates {
    /// What the program and these plugins are linked from, on this kind of machine.
    pub(crate) fn of(workspace: &Workspace, plugins: &[Plugin]) -> Result<Self> {
        let mut command = workspace.cargo();
        command.args(["metadata", "--locked", "--format-version", "1"]);
        command.args(["--filter-platform", &crate::workspace::target()?]);
        let output = command.output().map_err(Error::spawn(&command))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            return Err(Error::Reported(output.status));
        }
        let lock = workspace.root.join("Cargo.lock");
        let lock = fs::read_to_string(&lock).map_err(Error::file("read", &lock))?;
        let mut roots: Vec<&str> = plugins.iter().map(|plugin| plugin.package.as_str()).collect();
        roots.push(HOST_PACKAGE);
        let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
        Ok(Self::read(
            &metadata,
            &roots,
            &checksums(&lock),
            &workspace.version,
        ))
    }

    /// The document.
    pub(crate) fn document(&self, time: Option<u64>) -> String {
        let components: Vec<_> = self.linked.iter().map(Crate::component).collect();
        let dependencies: Vec<_> = self
            .edges
            .iter()
            .map(|(of, on)| json!({"ref": of, "dependsOn": on}))
            .collect();
        let mut metadata = json!({
            "component": {"type": "application", "bom-ref": "openclaw", "name": "openclaw", "version": self.version},
            "tools": {"components": [{"type": "application", "name": "cargo xtask"}]},
        });
        if let Some(time) = time {
            metadata["timestamp"] = Value::from(timestamp(time));
        }
        let document = json!({
            "bomFormat": "CycloneDX", "specVersion": SPEC, "version": 1,
            "metadata": metadata, "components": components, "dependencies": dependencies,
        });
        format!("{document:#}\n")
    }

    fn read(
        metadata: &Metadata,
        roots: &[&str],
        checksums: &BTreeMap<(String, String), String>,
        version: &str,
    ) -> Self {
        let packages: BTreeMap<_, _> = metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
        let nodes: BTreeMap<_, _> = metadata
            .resolve
            .nodes
            .iter()
            .map(|n| (n.id.as_str(), n))
            .collect();
        let is_root = |package: &&Package| package.source.is_none() && roots.contains(&package.name.as_str());
        let mut open: Vec<&str> = metadata
            .packages
            .iter()
            .filter(is_root)
            .map(|p| p.id.as_str())
            .collect();
        let mut seen: BTreeSet<&str> = open.iter().copied().collect();
        let mut edges = BTreeMap::new();
        while let Some(id) = open.pop() {
            let mut on = BTreeSet::new();
            for dep in nodes.get(id).map_or(&[][..], |node| &node.deps) {
                // build scripts, macros and tests are not in what is shipped
                let linked = dep.dep_kinds.iter().any(|kind| kind.kind.is_none());
                let is_macro = packages
                    .get(dep.pkg.as_str())
                    .is_none_or(|package| package.is_macro());
                if !linked || is_macro {
                    continue;
                }
                on.insert(packages[dep.pkg.as_str()].reference());
                if seen.insert(&dep.pkg) {
                    open.push(&dep.pkg);
                }
            }
            edges.insert(packages[id].reference(), on);
        }
        let mut linked: Vec<_> = seen.iter().map(|id| packages[id].as_crate(checksums)).collect();
        linked.sort();
        Self {
            linked,
            edges,
            version: version.to_owned(),
        }
    }
}

// === impl Package ===

impl Package {
    fn is_macro(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
    }

    fn reference(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn as_crate(&self, checksums: &BTreeMap<(String, String), String>) -> Crate {
        let from_registry = self
            .source
            .as_ref()
            .is_some_and(|source| source.starts_with(REGISTRY));
        let key = (self.name.clone(), self.version.clone());
        Crate {
            name: self.name.clone(),
            version: self.version.clone(),
            licence: self.license.clone(),
            folder: self.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
            repository: self.repository.clone(),
            ours: self.source.is_none(),
            checksum: checksums.get(&key).filter(|_| from_registry).cloned(),
        }
    }
}

// === impl Crate ===

impl Crate {
    fn component(&self) -> Value {
        let purl = format!("pkg:cargo/{}@{}", self.name, self.version);
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": self.name, "version": self.version, "purl": purl,
        });
        if let Some(licence) = &self.licence {
            // the older form of an expression is `MIT/Apache-2.0`
            component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
        }
        if let Some(checksum) = &self.checksum {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        if let Some(repository) = self.repository.as_ref().filter(|_| !self.ours) {
            component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
        }
        component
    }
}

/// The checksums of a Cargo.lock, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let field = |block: &str, name: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            Some((
                (field(block, "name")?, field(block, "version")?),
                field(block, "checksum")?,
            ))
        })
        .collect()
}

/// Seconds since 1970 as `2026-11-21T17:00:00Z`; civil dates by the method of eras of 400 years.
fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"packages": [
        {"id": "h", "name": "openclaw-host", "version": "1.0.0", "source": null, "manifest_path": "/r/host/Cargo.toml", "targets": [{"kind": ["lib"]}]},
        {"id": "a", "name": "a", "version": "1.2.3", "license": "MIT/Apache-2.0", "source": "registry+x", "manifest_path": "/c/a/Cargo.toml", "targets": [{"kind": ["lib"]}]},
        {"id": "m", "name": "m", "version": "1.0.0", "source": "registry+x", "manifest_path": "/c/m/Cargo.toml", "targets": [{"kind": ["proc-macro"]}]},
        {"id": "b", "name": "b", "version": "1.0.0", "source": "registry+x", "manifest_path": "/c/b/Cargo.toml", "targets": [{"kind": ["lib"]}]},
        {"id": "d", "name": "d", "version": "1.0.0", "source": "registry+x", "manifest_path": "/c/d/Cargo.toml", "targets": [{"kind": ["lib"]}]}],
      "resolve": {"nodes": [
        {"id": "h", "deps": [
            {"pkg": "a", "dep_kinds": [{"kind": null}]}, {"pkg": "m", "dep_kinds": [{"kind": null}]},
            {"pkg": "b", "dep_kinds": [{"kind": "build"}]}, {"pkg": "d", "dep_kinds": [{"kind": "dev"}]}]},
        {"id": "a", "deps": []}, {"id": "m", "deps": [{"pkg": "d", "dep_kinds": [{"kind": null}]}]},
        {"id": "b", "deps": []}, {"id": "d", "deps": []}]}}"#;

    #[test]
    fn only_what_is_linked_counts() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.2.3\"\nchecksum = \"c0ffee\"\n";
        let metadata = serde_json::from_str(JSON).unwrap();
        let crates = Crates::read(&metadata, &["openclaw-host"], &checksums(lock), "1.0.0");
        let names: Vec<_> = crates.linked.iter().map(|linked| linked.name.as_str()).collect();
        assert_eq!(names, ["a", "openclaw-host"]);
        let document: Value = serde_json::from_str(&crates.document(Some(0))).unwrap();
        assert_eq!(document["components"][0]["purl"], "pkg:cargo/a@1.2.3");
        assert_eq!(
            document["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(document["components"][0]["hashes"][0]["content"], "c0ffee");
        assert_eq!(document["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(crates.document(None), crates.document(None));
    }

    #[test]
    fn times_are_those_of_a_calendar() {
        for (seconds, expected) in [
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_284_000, "2026-11-21T18:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }
}
