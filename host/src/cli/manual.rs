//! `openclaw manual`: the help of every command as pages for `man`.
use super::{Cli, Failure};
use clap::CommandFactory as _;
use clap_mangen::Man;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Writes the help of every command as pages for `man`
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: openclaw manual ~/.local/share/man/man1 && man openclaw-gateway")]
pub struct Args {
    /// The folder that receives openclaw.1 and a page for each command
    folder: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Failure> {
    let pages = write(&args.folder)
        .map_err(|e| Failure::io(format_args!("write pages into {}", args.folder.display()), e))?;
    anstream::println!("{pages} pages in {}", args.folder.display());
    Ok(())
}

fn write(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    // lets each command know its whole name
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut open = vec![program];
    let mut pages = 0;
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
        let name = command
            .get_display_name()
            .unwrap_or(command.get_name())
            .to_owned();
        let mut page = Vec::new();
        Man::new(command.name(name.clone())).render(&mut page)?;
        fs::write(folder.join(format!("{name}.1")), page)?;
        pages += 1;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let pages = write(folder.path()).expect("written");
        assert!(pages > 30, "{pages} pages");
        for (page, words) in [
            ("openclaw.1", "personal AI gateway"),
            ("openclaw-gateway.1", "allow\\-unconfigured"),
            ("openclaw-pairing-approve.1", "openclaw\\-pairing\\-approve"),
        ] {
            let text = fs::read_to_string(folder.path().join(page)).expect(page);
            assert!(text.contains(words), "{page}: {text}");
        }
    }
}
