//! The tools at honest work, in both forms of their arguments.
use openclaw_plugin_api::{ToolCall, ToolOrigin, prelude::*, surface::ids, testing::*};
use openclaw_plugin_files::PLUGIN;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

async fn call(folder: &tempfile::TempDir, tool: &str, arguments: Value) -> Result<ToolOutput> {
    let plugin = TestHost::new().load(&PLUGIN, json!({}))?;
    let call = ToolCall {
        arguments,
        origin: ToolOrigin {
            workspace_dir: folder.path().display().to_string(),
            ..ToolOrigin::default()
        },
    };
    plugin.call(ids::tool::INVOKE, tool, &call).await
}

fn text(output: &ToolOutput) -> &str {
    output.content[0].as_text().unwrap_or_default()
}

#[tokio::test]
async fn a_file_is_written_read_and_edited() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("notes/today.md");
    let written = call(
        &folder,
        "write",
        json!({ "path": "notes/today.md", "content": "milk\nbread\n" }),
    )
    .await?;
    assert_eq!(
        (text(&written), &written.details["replaced"]),
        ("made notes/today.md (11 bytes)", &json!(false))
    );
    let read = call(
        &folder,
        "read",
        json!({ "file_path": file.display().to_string() }),
    )
    .await?;
    assert_eq!(
        (text(&read), &read.details["totalLines"]),
        ("milk\nbread\n", &json!(2))
    );
    let part = call(
        &folder,
        "read",
        json!({ "path": "notes/today.md", "offset": 2, "limit": 1 }),
    )
    .await?;
    assert_eq!(text(&part), "bread\n");
    let edit = json!({ "file_path": "notes/today.md", "old_string": "milk", "new_string": "tea" });
    let edited = call(&folder, "edit", edit).await?;
    assert_eq!(edited.details["firstChangedLine"], 1);
    let edits = json!([{ "oldText": "tea", "newText": "coffee" }, { "oldText": "bread\n", "newText": "" }]);
    call(
        &folder,
        "edit",
        json!({ "path": "notes/today.md", "edits": edits }),
    )
    .await?;
    assert_eq!(fs::read_to_string(&file)?, "coffee\n");
    let left: Vec<_> = fs::read_dir(folder.path().join("notes"))?.collect();
    assert_eq!(left.len(), 1, "a temporary file was left: {left:?}");
    Ok(())
}

#[tokio::test]
async fn a_patch_is_all_or_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("a"), "one\r\ntwo\r\n")?;
    fs::write(folder.path().join("b"), "gone\n")?;
    let wrong = "*** Begin Patch\n*** Add File: new\n+x\n*** Update File: a\n@@\n-three\n+3\n*** End Patch";
    let refused = call(&folder, "apply_patch", json!({ "input": wrong }))
        .await
        .expect_err("does not fit");
    assert!(refused.message().contains("nothing was changed"), "{refused}");
    assert!(!folder.path().join("new").exists());
    let right = "*** Begin Patch\n*** Add File: d/new\n+x\n*** Update File: a\n*** Move to: c\n@@\n one\n-two\n+2\n\
                 *** Delete File: b\n*** End Patch";
    let done = call(&folder, "apply_patch", json!({ "input": right })).await?;
    assert_eq!(text(&done), "the patch is applied\nA d/new\nM a\nD b");
    assert_eq!(fs::read(folder.path().join("c"))?, b"one\r\n2\r\n");
    assert_eq!(fs::read(folder.path().join("d/new"))?, b"x\n");
    assert!(!folder.path().join("a").exists() && !folder.path().join("b").exists());
    Ok(())
}

#[tokio::test]
async fn a_patch_that_can_not_be_written_whole_changes_no_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a"), "one\n")?;
    symlink("nowhere", path("link"))?;
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n-one\n+1\n*** Add File: link/b\n+x\n*** End Patch";
    call(&folder, "apply_patch", json!({ "input": patch }))
        .await
        .expect_err("no folder for b");
    assert_eq!(fs::read_to_string(path("a"))?, "one\n");
    let mut left: Vec<_> = fs::read_dir(folder.path())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    left.sort();
    assert_eq!(left, ["a", "link"]);
    Ok(())
}

fn mode(path: &Path) -> Result<u32> {
    Ok(path.metadata()?.mode() & 0o7777)
}

#[tokio::test]
async fn a_file_that_a_patch_changes_or_moves_keeps_its_rights() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    for (name, mode) in [("run", 0o755), ("key", 0o600), ("plain", 0o644), ("old", 0o755)] {
        fs::write(path(name), "one\n")?;
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode))?;
    }
    let patch = "*** Begin Patch\n*** Update File: run\n*** Move to: bin/run\n@@\n-one\n+1\n\
                 *** Update File: bin/run\n*** Move to: bin/again\n\
                 *** Update File: key\n@@\n-one\n+1\n\
                 *** Delete File: plain\n*** Update File: old\n*** Move to: plain\n*** End Patch";
    call(&folder, "apply_patch", json!({ "input": patch })).await?;
    let found = [path("bin/again"), path("key"), path("plain")];
    assert_eq!(fs::read_to_string(&found[0])?, "1\n");
    for (path, expected) in found.iter().zip([0o755, 0o600, 0o755]) {
        assert_eq!(mode(path)?, expected, "{}", path.display());
    }
    assert!(!path("run").exists() && !path("bin/run").exists() && !path("old").exists());
    Ok(())
}

#[tokio::test]
async fn a_file_that_only_moves_stays_as_it_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = "\u{feff}a\r\nb\n\tc";
    fs::write(folder.path().join("a"), text)?;
    let patch = "*** Begin Patch\n*** Update File: a\n*** Move to: b\n*** End Patch";
    call(&folder, "apply_patch", json!({ "input": patch })).await?;
    assert_eq!(fs::read_to_string(folder.path().join("b"))?, text);
    Ok(())
}

#[tokio::test]
async fn one_file_under_two_names_is_one_file_of_a_patch() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("d/a");
    fs::create_dir(folder.path().join("d"))?;
    fs::write(&file, "one\ntwo\nthree\n")?;
    let patch = format!(
        "*** Begin Patch\n*** Update File: d/a\n@@\n-one\n+1\n*** Update File: ./d/./a\n@@\n-two\n+2\n\
         *** Update File: {}\n@@\n-three\n+3\n*** End Patch",
        file.display()
    );
    call(&folder, "apply_patch", json!({ "input": patch })).await?;
    assert_eq!(fs::read_to_string(&file)?, "1\n2\n3\n");
    Ok(())
}

#[tokio::test]
async fn a_picture_is_shown_by_what_it_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("cat.txt"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let shown = call(&folder, "read", json!({ "path": "cat.txt" })).await?;
    assert!(
        matches!(&shown.content[1], Content::Image { mime_type, data } if mime_type == "image/png" && !data.is_empty())
    );
    fs::write(folder.path().join("cat.png"), b"no picture\0")?;
    let refused = call(&folder, "read", json!({ "path": "cat.png" }))
        .await
        .expect_err("binary");
    assert!(refused.message().contains("binary"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_long_file_comes_in_parts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let lines: Vec<_> = (1..=5000).map(|n| format!("line {n}")).collect();
    fs::write(folder.path().join("long"), lines.join("\n"))?;
    let (mut offset, mut seen) = (1, String::new());
    loop {
        let part = call(&folder, "read", json!({ "path": "long", "offset": offset })).await?;
        let shown = part.details["lines"].as_u64().expect("a number");
        let lines: Vec<_> = text(&part).lines().take(usize::try_from(shown)?).collect();
        seen.push_str(&lines.join("\n"));
        seen.push('\n');
        offset += shown;
        if part.details["truncated"] == false {
            break;
        }
    }
    assert_eq!(seen.trim_end(), lines.join("\n"));
    let beyond = call(&folder, "read", json!({ "path": "long", "offset": 6000 }))
        .await
        .expect_err("no such line");
    assert!(beyond.message().contains("5000 lines"), "{beyond}");
    Ok(())
}

#[tokio::test]
async fn wrong_arguments_are_explained() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (tool, arguments, why) in [
        ("read", json!({}), "path"),
        ("read", json!({ "path": "nothing" }), "does not exist"),
        ("write", json!({ "path": "a" }), "content"),
        ("edit", json!({ "path": "a" }), "nothing to change"),
        (
            "edit",
            json!({ "path": "a", "oldText": "x" }),
            "newText is missing",
        ),
        ("apply_patch", json!({ "input": "hello" }), "Begin Patch"),
    ] {
        let error = call(&folder, tool, arguments).await.expect_err("wrong");
        assert!(error.message().contains(why), "{tool}: {error}");
    }
    Ok(())
}
