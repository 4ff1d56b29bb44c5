//! What a release carries beside the program and its plugins: licences, a bill of materials, pages for `man`, and
//! completions for shells. The program writes the last two itself.
use crate::{
    error::{Error, Result},
    layout, licences,
    sbom::Crates,
    workspace::{Plugin, Workspace, source_date},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where a shell looks for completions below `share`, by the shell's name.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "bash-completion/completions/openclaw"),
    ("zsh", "zsh/site-functions/_openclaw"),
    ("fish", "fish/vendor_completions.d/openclaw.fish"),
];
const MANUAL: &str = "man/man1";
/// The licences of everything that is linked.
pub(crate) const NOTICES: &str = "THIRD-PARTY";

/// Licences and bill of materials of the program with these plugins, as files in a folder. Gives their names and places.
pub(crate) fn documents(
    workspace: &Workspace,
    plugins: &[Plugin],
    folder: &Path,
) -> Result<Vec<(String, PathBuf)>> {
    let crates = Crates::of(workspace, plugins)?;
    layout::create(folder)?;
    let texts = [
        (NOTICES, licences::text(&crates.linked)?),
        ("sbom.cdx.json", crates.document(source_date())),
    ];
    let mut documents = Vec::new();
    for (name, text) in texts {
        let file = folder.join(name);
        fs::write(&file, text).map_err(Error::file("write", &file))?;
        documents.push((name.to_owned(), file));
    }
    Ok(documents)
}

/// Pages and completions into a folder `share`.
pub(crate) fn help(program: &Path, share: &Path) -> Result<()> {
    let folder = share.join(MANUAL);
    ask(program, &["manual".as_ref(), folder.as_os_str()])?;
    for (shell, place) in COMPLETIONS {
        let script = ask(program, &["completion".as_ref(), shell.as_ref()])?;
        let file = share.join(place);
        layout::create(file.parent().expect("a file in a folder"))?;
        fs::write(&file, script).map_err(Error::file("write", &file))?;
    }
    Ok(())
}

fn ask(program: &Path, args: &[&std::ffi::OsStr]) -> Result<Vec<u8>> {
    let mut command = Command::new(program);
    let output = command
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(Error::spawn(&command))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Reported(output.status))
}
