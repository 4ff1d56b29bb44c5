//! Programs that run others, or code, as their arguments or files say: the one list of them.
//!
//! A rule names a file that may run. For these the file says nothing: `env`, `sh`, `find -exec` run whatever they are told
//! to. Whoever judges commands asks here, so that no two judges differ.

/// Run other programs, or code: shells, wrappers, interpreters, and what runs what a project, a repository or an image says.
const RUNNERS: &str = "
    ash bash busybox csh dash elvish fish ksh mksh nu pwsh rbash sh tcsh toybox zsh

    at batch bwrap capsh chroot chrt cmd command coreutils crontab dbus-run-session dd doas entr env eval exec expect fakeroot
    firejail flock install ionice ld ldd linux32 linux64 ltrace nc ncat netcat nice nohup nsenter parallel perf pkexec
    prlimit proot rlwrap run-parts runuser scp screen script setarch setpriv setsid sftp socat ssh sshpass
    start-stop-daemon stdbuf strace su sudo systemd-run taskset tclsh tee time timeout tmux unbuffer unshare valgrind
    watch watchexec xargs xterm zutils

    awk bc bun clojure dc deno ed elixir emacs erl ex gawk gdb ghci gnuplot guile info irb java jshell julia less lesspipe
    lldb lua luajit m4 mail mailx man mawk more most mysql nano nawk node nodejs nvim ocaml octave original-awk osascript
    perl php pico psql pypy python r racket rscript ruby sbcl scala sed sqlite swift ts-node tsx vi view vim vimdiff wish

    ansible ansible-playbook bazel bundle cargo cmake composer docker g++ gcc gem git gmake go gradle hg just kubectl make
    meson mvn ninja npm npx pip pipx pnpm podman poetry rake rustc svn task terraform tox uv uvx yarn
";

/// The same for programs that only some of their arguments make run others.
const SOMETIMES: &[&str] = &["fd", "fdfind", "find", "rsync", "tar"];

/// Does this program always run what its arguments or files say? By the name of its file.
pub fn runs_others(name: &str) -> bool {
    let name = bare(name);
    let is_one = |known| name.strip_prefix(known).is_some_and(is_variant);
    runners().any(is_one)
}

/// Does it so with some arguments at least?
pub fn may_run_others(name: &str) -> bool {
    runs_others(name) || SOMETIMES.contains(&bare(name).as_str())
}

/// Without what tells versions apart: `python3.11`, `lua5.4`, `vim.basic`, `busybox.static`. A digit that belongs to a
/// name stays: `m4`.
pub fn bare(name: &str) -> String {
    let name = name.to_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    let name = &name[..name.find('.').unwrap_or(name.len())];
    let digit = |c: char| c.is_ascii_digit();
    let name = name.trim_end_matches(digit).strip_suffix('-').unwrap_or(name);
    if runners().any(|known| known == name) {
        return name.to_owned();
    }
    name.trim_end_matches(|c| digit(c) || c == '-').to_owned()
}

fn runners() -> impl Iterator<Item = &'static str> {
    RUNNERS.split_whitespace()
}

/// What stands behind a name in that of another build of the same program: `3-dbg`, `-cgi`.
fn is_variant(rest: &str) -> bool {
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.is_empty() || rest.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_listed_is_found_also_by_its_bare_name() {
        for name in runners() {
            assert!(runs_others(name) && runs_others(&bare(name)), "{name}");
        }
    }

    #[test]
    fn versions_and_cases_are_no_disguise() {
        for name in [
            "env",
            "sh",
            "Bash",
            "ENV",
            "python3.13",
            "perl5.40.1",
            "lua5.4",
            "vim.basic",
            "busybox.static",
            "node18",
            "ld-linux-x86-64.so.2",
            "ld.so",
            "gcc-12",
            "pip3",
            "cmd.exe",
            "m4",
            "M4",
            "m4-1.4.19",
            "linux64",
            "php-cgi",
            "php8.2-cgi",
            "python3-dbg",
            "python3.13-dbg",
        ] {
            assert!(runs_others(name), "{name}");
        }
        for name in [
            "ls",
            "nodeinfo",
            "cat",
            "shell-tool",
            "rg",
            "find",
            "tar",
            "m",
            "linux",
            "",
        ] {
            assert!(!runs_others(name), "{name}");
        }
        assert!(
            may_run_others("find") && may_run_others("tar") && may_run_others("sh") && !may_run_others("rg")
        );
    }
}
