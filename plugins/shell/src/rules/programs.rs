//! Programs that no rule may allow, because what they run stands in their arguments or in files.
//!
//! Which programs always do is in `openclaw_confine::programs`; which do with some arguments is here. A person can still
//! allow each such command, having read it.
use openclaw_confine::programs;
use std::path::Path;

/// Arguments with which a program runs others, writes files, or takes its orders from one: exact words, long options (which
/// may be cut short) and letters of short ones.
const ARGUMENTS: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "find",
        &[
            "-exec",
            "-execdir",
            "-ok",
            "-okdir",
            "-delete",
            "-fprint",
            "-fprint0",
            "-fprintf",
            "-fls",
            "-files0-from",
        ],
        &[],
        "",
    ),
    ("fd", &[], &["--exec", "--exec-batch"], "xX"),
    ("fdfind", &[], &["--exec", "--exec-batch"], "xX"),
    ("rg", &[], &["--pre", "--hostname-bin", "--search-zip"], "z"),
    (
        "tar",
        &[],
        &[
            "--checkpoint-action",
            "--use-compress-program",
            "--to-command",
            "--info-script",
            "--new-volume-script",
            "--rsh-command",
            "--rmt-command",
            "--absolute-names",
        ],
        "IFP",
    ),
    (
        "rsync",
        &[],
        &["--rsh", "--rsync-path", "--daemon", "--config"],
        "eM",
    ),
    (
        "sort",
        &[],
        &[
            "--compress-program",
            "--output",
            "--temporary-directory",
            "--files0-from",
        ],
        "oT",
    ),
    ("split", &[], &["--filter"], ""),
    ("zip", &[], &["--unzip-command", "--test"], "TO"),
    (
        "curl",
        &[],
        &[
            "--alt-svc",
            "--config",
            "--cookie-jar",
            "--dump-header",
            "--engine",
            "--etag-save",
            "--hsts",
            "--libcurl",
            "--netrc-file",
            "--output",
            "--output-dir",
            "--remote-name",
            "--remote-name-all",
            "--stderr",
            "--trace",
            "--trace-ascii",
            "--upload-file",
            "--write-out",
        ],
        "cDKoOTw",
    ),
    (
        "wget",
        &[],
        &[
            "--execute",
            "--config",
            "--use-askpass",
            "--output-document",
            "--post-file",
            "--body-file",
        ],
        "eO",
    ),
    ("tcpdump", &[], &[], "zwr"),
    ("date", &[], &["--set", "--file"], "sf"),
    ("ps", &[], &[], "e"),
    ("openssl", &["engine", "req", "ca"], &["-engine", "-provider"], ""),
];

/// Why no rule may allow this command; none if one may. `paths` are the names that its file goes by.
pub fn unlistable(words: &[String], paths: [&Path; 2]) -> Option<&'static str> {
    let names: Vec<String> = paths
        .iter()
        .filter_map(|path| path.file_name()?.to_str())
        .chain(
            words
                .first()
                .and_then(|word| Path::new(word).file_name()?.to_str()),
        )
        .map(programs::bare)
        .collect();
    if names.iter().any(|name| programs::runs_others(name)) {
        return Some("it runs what its arguments or files say");
    }
    let tables = ARGUMENTS
        .iter()
        .filter(|(name, ..)| names.iter().any(|known| known == name));
    for (name, exact, long, short) in tables {
        // whose first word may be letters of options without their dash
        let bundled = words.get(1).filter(|_| *name == "tar");
        if bundled.is_some_and(|word| !word.starts_with('-') && word.chars().any(|c| short.contains(c))) {
            return Some("one of its arguments makes it run something, or write a file");
        }
        if words
            .iter()
            .skip(1)
            .any(|word| is_order(word, exact, long, short))
        {
            return Some("one of its arguments makes it run something, or write a file");
        }
    }
    None
}

fn is_order(word: &str, exact: &[&str], long: &[&str], short: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    if exact.contains(&name) {
        return true;
    }
    if name.starts_with("--") {
        // options may be cut short as far as they stay clear; who knows what is clear to this version
        return name.len() > 2 && long.iter().any(|option| option.starts_with(name));
    }
    let letters = word.strip_prefix('-').unwrap_or_default();
    letters.chars().any(|letter| short.contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(command: &str) -> bool {
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        let path = Path::new("/usr/bin").join(&words[0]);
        unlistable(&words, [&path, &path]).is_some()
    }

    #[test]
    fn whatever_runs_others_is_refused() {
        for command in [
            "env ls",
            "env -S ls",
            "/usr/bin/env ls",
            "sh -c ls",
            "bash",
            "xargs rm",
            "sudo ls",
            "nice ls",
            "timeout 1 ls",
            "nohup ls",
            "python3.11 x.py",
            "python3 -c x",
            "perl5.36 -e x",
            "lua5.4 x",
            "vim.basic x",
            "busybox ls",
            "git status",
            "make",
            "awk x",
            "gawk x",
            "sed e",
            "find . -exec rm {} ;",
            "find . -delete",
            "tar --to-command=x",
            "tar --to-com=x",
            "tar --checkpoint-a=exec=x",
            "tar cIf x",
            "sort --compress-prog=x",
            "sort --comp x",
            "sort -o f",
            "rsync -e sh a b",
            "rsync --rs=x",
            "rg --pre x",
            "split --fil x",
            "ld-linux-x86-64.so.2 ls",
            "node18 x",
            "ENV ls",
            "Bash",
            "curl -o f",
            "curl --conf f",
            "curl -c f x",
            "curl -D f x",
            "curl -w %output{f} x",
            "curl --remote-name-all x",
            "curl --trace f x",
            "curl --trace-ascii f x",
            "curl --stderr f x",
            "curl --libcurl f x",
            "curl --engine e x",
            "curl --alt-svc f x",
            "curl --cookie-jar f x",
            "curl --dump-header f x",
            "curl --etag-save f x",
            "curl --hsts f x",
            "curl --write-out %output{f} x",
        ] {
            assert!(refused(command), "{command}");
        }
    }

    #[test]
    fn what_does_only_its_own_work_is_not() {
        for command in [
            "ls -la",
            "cat f",
            "find . -name x",
            "tar tf x",
            "sort -n f",
            "rg x",
            "wc -l",
            "date",
            "split f",
        ] {
            assert!(!refused(command), "{command}");
        }
    }

    #[test]
    fn the_real_file_counts_too() {
        let words = ["ls".to_owned(), "-l".to_owned()];
        let (found, real) = (Path::new("/bin/ls"), Path::new("/bin/busybox"));
        assert!(unlistable(&words, [found, real]).is_some());
    }
}
