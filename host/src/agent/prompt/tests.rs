//! What stands in a prompt.
use super::*;
use std::{fs, os::unix::fs::symlink, sync::Arc};

fn input<'a>(tools: &'a [Arc<ToolSpec>], files: &'a [InjectedFile]) -> PromptInput<'a> {
    PromptInput {
        name: "Molty",
        tools,
        workspace: "/home/ada/workspace",
        time_zone: "Europe/Vienna",
        files,
        runtime: Runtime {
            agent: "main",
            model: "p/m",
            thinking: "low",
            ..Runtime::default()
        },
        ..PromptInput::default()
    }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "read".into(),
        description: format!("Reads a file. {}", "More. ".repeat(100)),
        ..ToolSpec::default()
    }
}

#[test]
fn the_stable_block_doesnt_know_the_chat() {
    let tools = [Arc::new(tool())];
    let one = input(&tools, &[]);
    let two = PromptInput {
        chat_prompt: "Be brief.",
        extra: "Speak German.",
        runtime: Runtime {
            model: "p/other",
            ..one.runtime
        },
        ..one.clone()
    };
    let (one, two) = (SystemPrompt::build(&one), SystemPrompt::build(&two));
    assert_eq!(one.blocks[0], two.blocks[0]);
    assert_eq!(
        one.blocks[1],
        "## Runtime\nRuntime: agent=main | model=p/m | thinking=low"
    );
    assert_eq!(
        two.blocks[1],
        "## About this chat\nBe brief.\n\n## Further instructions\nSpeak German.\n\n## Runtime\nRuntime: agent=main | \
         model=p/other | thinking=low"
    );
    assert_eq!(one.report.stable_chars, one.blocks[0].chars().count());
    assert_eq!(one.report.tools, 1);
}

#[test]
fn every_mode_says_what_it_should() {
    let tools = [Arc::new(tool())];
    let says = |mode, text: &str| {
        let input = PromptInput {
            mode,
            ..input(&tools, &[])
        };
        SystemPrompt::build(&input).blocks.concat().contains(text)
    };
    let cases = [
        ("You are Molty", [true, true, true]),
        ("- read: Reads a file.\n", [true, true, false]),
        ("Safety", [true, true, false]),
        ("/home/ada/workspace", [true, true, false]),
        ("Europe/Vienna", [true, true, false]),
        ("[[reply_to_current]]", [true, false, false]),
        ("MEDIA:", [true, false, false]),
        ("NO_REPLY", [true, false, false]),
        ("HEARTBEAT_OK", [true, false, false]),
        ("Runtime: ", [true, true, false]),
    ];
    for (text, expected) in cases {
        let modes = [PromptMode::Full, PromptMode::Minimal, PromptMode::None];
        assert_eq!(modes.map(|mode| says(mode, text)), expected, "{text}");
    }
}

#[test]
fn files_are_injected_in_order_and_missed_when_expected() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("AGENTS.md"), "Rules.").expect("written");
    fs::write(dir.path().join("SOUL.md"), "Kind.").expect("written");
    fs::write(dir.path().join("memory.md"), "Likes tea.").expect("written");
    fs::write(dir.path().join("OTHER.md"), "Not known.").expect("written");
    let workspace = Workspace::new(dir.path());
    let files = workspace.load(PromptMode::Full);
    let names: Vec<_> = files
        .iter()
        .map(|file| (file.report.name.as_str(), file.report.missing))
        .collect();
    assert_eq!(
        names,
        [
            ("AGENTS.md", false),
            ("SOUL.md", false),
            ("IDENTITY.md", true),
            ("USER.md", true),
            ("memory.md", false)
        ]
    );
    let prompt = SystemPrompt::build(&input(&[], &files));
    assert!(prompt.blocks[0].contains("## AGENTS.md\nRules."));
    assert!(prompt.blocks[0].contains("## USER.md\n[MISSING] Expected at: "));
    assert_eq!(prompt.report.files[0].raw_chars, 6);
    let minimal = workspace.load(PromptMode::Minimal);
    assert_eq!(minimal.len(), 1);
    assert_eq!(workspace.text("SOUL.md").as_deref(), Some("Kind."));
    assert_eq!(workspace.text("OTHER.md"), None);
}

#[test]
fn long_files_are_cut_in_the_middle() {
    let dir = tempfile::tempdir().expect("a folder");
    let long = format!("{}{}", "ä".repeat(900), "z".repeat(900));
    for name in ["AGENTS.md", "SOUL.md", "USER.md"] {
        fs::write(dir.path().join(name), &long).expect("written");
    }
    let files = Workspace::with_caps(dir.path(), 1000, 1100).load(PromptMode::Full);
    let agents = &files[0];
    assert!(agents.report.truncated);
    assert_eq!(agents.report.raw_chars, 1800);
    assert!(agents.text.starts_with(&"ä".repeat(700)));
    assert!(agents.text.ends_with(&format!("…]\n\n{}", "z".repeat(200))));
    assert!(agents.text.contains("first 700 and last 200 of 1800"));
    // What is left of the total is not worth beginning.
    assert_eq!(
        (files[1].report.injected_chars, files[1].report.truncated),
        (0, true)
    );
}

#[test]
fn no_link_leads_out_and_no_pipe_blocks() {
    let (dir, outside) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    fs::write(outside.path().join("secret"), "s3cret").expect("written");
    symlink(outside.path().join("secret"), dir.path().join("AGENTS.md")).expect("linked");
    fs::write(dir.path().join("mine.md"), "Mine.").expect("written");
    symlink("mine.md", dir.path().join("SOUL.md")).expect("linked");
    fs::create_dir(dir.path().join("USER.md")).expect("made");
    let pipe = dir.path().join("TOOLS.md");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .expect("made");
    let files = Workspace::new(dir.path()).load(PromptMode::Full);
    let found: Vec<_> = files
        .iter()
        .filter(|file| !file.report.missing)
        .map(|file| &*file.text)
        .collect();
    assert_eq!(found, ["Mine."]);
}

#[test]
fn a_changed_file_is_read_again_and_an_unchanged_one_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::new(dir.path());
    let agents = || workspace.text("AGENTS.md");
    assert_eq!(agents(), None);
    fs::write(dir.path().join("AGENTS.md"), "one").expect("written");
    let first = agents().expect("read");
    assert!(Arc::ptr_eq(&first, &agents().expect("read")));
    fs::write(dir.path().join("AGENTS.md"), "three").expect("written");
    assert_eq!(agents().as_deref(), Some("three"));
    fs::remove_file(dir.path().join("AGENTS.md")).expect("removed");
    assert_eq!(agents(), None);
}

#[test]
fn a_heartbeat_file_of_comments_is_blank() {
    let cases = [
        ("", true),
        ("# Heartbeat\n\n- [ ]\n", true),
        ("<!-- call\nmum -->\n", true),
        ("# Heartbeat\n- call mum", false),
        ("<!-- a --> call mum", false),
    ];
    for (text, blank) in cases {
        assert_eq!(heartbeat_is_blank(text), blank, "{text:?}");
    }
}

#[test]
fn what_was_loaded_counts_until_a_file_looks_otherwise() {
    let dir = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::new(dir.path());
    assert_eq!(workspace.unchanged(PromptMode::Full), None, "nothing was loaded");
    let loaded = workspace.load(PromptMode::Full);
    assert_eq!(workspace.unchanged(PromptMode::Full), Some(loaded));
    assert_eq!(workspace.unchanged(PromptMode::Minimal), None, "other files");
    std::fs::write(dir.path().join("SOUL.md"), "Be kind.").expect("written");
    assert_eq!(workspace.unchanged(PromptMode::Full), None, "there is one more");
    let loaded = workspace.load(PromptMode::Full);
    assert_eq!(workspace.unchanged(PromptMode::Full), Some(loaded));
    std::fs::remove_dir_all(dir.path()).expect("removed");
    assert_eq!(workspace.unchanged(PromptMode::Full), None, "it has to be made");
}
