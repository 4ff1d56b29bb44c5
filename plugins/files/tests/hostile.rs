//! What a model that was talked into mischief tries with files: every way out of the workspace, and what must not be
//! opened at all.
use openclaw_plugin_api::{ToolCall, ToolOrigin, prelude::*, surface::ids, testing::*};
use openclaw_plugin_files::PLUGIN;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const SECRET: &str = "a secret outside the workspace";

struct Bench {
    _folder: tempfile::TempDir,
    plugin: TestPlugin,
    inside: PathBuf,
    outside: PathBuf,
    readable: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a folder");
        let [inside, outside, readable] = ["workspace", "outside", "skills"].map(|name| root.join(name));
        for folder in [&inside, &outside, &readable] {
            fs::create_dir(folder).expect("a folder");
        }
        fs::write(outside.join("secret.txt"), SECRET).expect("a file");
        fs::write(readable.join("SKILL.md"), "how to").expect("a file");
        let plugin = TestHost::new().load(&PLUGIN, json!({})).expect("it loads");
        Self {
            _folder: folder,
            plugin,
            inside,
            outside,
            readable,
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<ToolOutput> {
        let call = ToolCall {
            arguments,
            origin: ToolOrigin {
                workspace_dir: self.inside.display().to_string(),
                readable_dirs: vec![self.readable.display().to_string()],
                ..ToolOrigin::default()
            },
        };
        self.plugin.call(ids::tool::INVOKE, tool, &call).await
    }

    async fn read(&self, path: &str) -> Result<String> {
        let output = self.call("read", json!({ "path": path })).await?;
        Ok(output.content[0].as_text().unwrap_or_default().to_owned())
    }

    /// Nothing outside has changed.
    fn is_untouched(&self) {
        let text = fs::read_to_string(self.outside.join("secret.txt")).expect("it is still there");
        assert_eq!(text, SECRET);
        let names = fs::read_dir(&self.outside).expect("a folder").count();
        assert_eq!(names, 1, "something was made outside");
        assert_eq!(fs::read_dir(&self.readable).expect("a folder").count(), 1);
    }
}

#[tokio::test]
async fn no_path_leads_out() {
    let bench = Bench::new();
    symlink(&bench.outside, bench.inside.join("folder")).expect("a link");
    symlink("../outside/secret.txt", bench.inside.join("file")).expect("a link");
    symlink("/", bench.inside.join("root")).expect("a link");
    symlink("loop", bench.inside.join("loop")).expect("a link");
    symlink("../outside/new.txt", bench.inside.join("dangling")).expect("a link");
    symlink("/proc/self/root", bench.inside.join("magic")).expect("a link");
    let absolute = bench.outside.join("secret.txt").display().to_string();
    let dotted = format!("{}/../outside/secret.txt", bench.inside.display());
    let beside = format!("{}-2/x", bench.inside.display());
    let paths = [
        "../outside/secret.txt",
        "a/../../outside/secret.txt",
        "./../outside/secret.txt",
        "folder/secret.txt",
        "file",
        "root/etc/passwd",
        "loop",
        "dangling",
        "magic/etc/passwd",
        "folder/../outside/secret.txt",
        "folder/new.txt",
        "/etc/passwd",
        "/proc/self/environ",
        "/proc/self/root/etc/passwd",
        "~/.ssh/id_rsa",
        "file:///etc/passwd",
        "..",
        "",
        "/",
        "secret\0.txt",
        &absolute,
        &dotted,
        &beside,
    ];
    for path in paths {
        let read = bench.read(path).await;
        assert!(
            !read
                .as_ref()
                .is_ok_and(|text| text.contains(SECRET) || text.contains("root:")),
            "{path}"
        );
        assert!(read.is_err(), "{path} was read");
        // a dangling link and a loop are replaced by a file, inside
        if [
            "dangling",
            "loop",
            "file:///etc/passwd",
            "folder/../outside/secret.txt",
        ]
        .contains(&path)
        {
            continue;
        }
        let written = bench.call("write", json!({ "path": path, "content": "x" })).await;
        assert!(written.is_err(), "{path} was written");
        let edited = bench.call(
            "edit",
            json!({ "path": path, "oldText": "secret", "newText": "x" }),
        );
        assert!(edited.await.is_err(), "{path} was edited");
        let patch = format!("*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch");
        assert!(
            bench
                .call("apply_patch", json!({ "input": patch }))
                .await
                .is_err(),
            "{path} was patched"
        );
        let patch = format!("*** Begin Patch\n*** Delete File: {path}\n*** End Patch");
        assert!(
            bench
                .call("apply_patch", json!({ "input": patch }))
                .await
                .is_err(),
            "{path} was deleted"
        );
    }
    bench.is_untouched();
}

#[tokio::test]
async fn a_patch_does_not_move_anything_out() {
    let bench = Bench::new();
    fs::write(bench.inside.join("a"), "a\n").expect("a file");
    let patch = "*** Begin Patch\n*** Update File: a\n*** Move to: ../outside/a\n@@\n-a\n+b\n*** End Patch";
    let refused = bench
        .call("apply_patch", json!({ "input": patch }))
        .await
        .expect_err("refused");
    assert!(refused.message().contains("not in the workspace"), "{refused}");
    assert_eq!(fs::read_to_string(bench.inside.join("a")).expect("a file"), "a\n");
    bench.is_untouched();
}

#[tokio::test]
async fn links_inside_are_files_like_others() {
    let bench = Bench::new();
    fs::write(bench.inside.join("AGENTS.md"), "one\n").expect("a file");
    symlink("AGENTS.md", bench.inside.join("CLAUDE.md")).expect("a link");
    assert_eq!(bench.read("CLAUDE.md").await.expect("read"), "one\n");
    let edit = json!({ "path": "CLAUDE.md", "oldText": "one", "newText": "two" });
    bench.call("edit", edit).await.expect("edited");
    assert_eq!(
        fs::read_to_string(bench.inside.join("AGENTS.md")).expect("a file"),
        "two\n"
    );
    let link = bench.inside.join("CLAUDE.md").symlink_metadata().expect("a link");
    assert!(link.is_symlink());
}

#[tokio::test]
async fn what_is_written_has_no_second_name() {
    let bench = Bench::new();
    fs::hard_link(bench.outside.join("secret.txt"), bench.inside.join("hard")).expect("a link");
    bench
        .call("write", json!({ "path": "hard", "content": "mine" }))
        .await
        .expect("written");
    bench.is_untouched();
    fs::remove_file(bench.inside.join("hard")).expect("removed");
    fs::hard_link(bench.outside.join("secret.txt"), bench.inside.join("hard")).expect("a link");
    let edit = json!({ "path": "hard", "oldText": "secret", "newText": "x" });
    bench.call("edit", edit).await.expect("edited");
    bench.is_untouched();
}

#[tokio::test]
async fn what_is_no_file_is_not_opened() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let bench = Bench::new();
    let fifo = bench.inside.join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    let _socket = std::os::unix::net::UnixListener::bind(bench.inside.join("socket")).expect("a socket");
    fs::create_dir(bench.inside.join("folder")).expect("a folder");
    for path in ["fifo", "socket", "folder"] {
        let refused = bench.read(path).await.expect_err("no file");
        assert!(refused.message().contains("not a file"), "{refused}");
        let write = bench.call("write", json!({ "path": path, "content": "x" })).await;
        assert!(write.is_err(), "{path}");
    }
}

#[tokio::test]
async fn other_folders_are_read_and_not_written() {
    let bench = Bench::new();
    let skill = bench.readable.join("SKILL.md").display().to_string();
    assert_eq!(bench.read(&skill).await.expect("read"), "how to");
    let write = bench
        .call("write", json!({ "path": skill, "content": "evil" }))
        .await;
    assert!(
        write
            .expect_err("refused")
            .message()
            .contains("not in the workspace")
    );
    let climb = format!("{}/../outside/secret.txt", bench.readable.display());
    assert!(bench.read(&climb).await.is_err());
    symlink(&bench.outside, bench.readable.join("out")).expect("a link");
    let through = format!("{}/out/secret.txt", bench.readable.display());
    assert!(bench.read(&through).await.is_err());
}

/// Somebody swaps a folder for a link that leads out, again and again, while files in it are read and written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_wins_a_race() {
    let bench = Bench::new();
    let swapped = bench.inside.join("swapped");
    let honest = bench.inside.join("honest");
    fs::create_dir(&honest).expect("a folder");
    fs::write(honest.join("secret.txt"), "harmless").expect("a file");
    // before the first swap, or a write would make a folder of this name, which no link can take the place of
    symlink(&honest, &swapped).expect("a link");
    let stop = Arc::new(AtomicBool::new(false));
    let racer = std::thread::spawn({
        let (stop, swapped, honest, outside) = (stop.clone(), swapped, honest, bench.outside.clone());
        move || swap(&stop, &swapped, &honest, &outside)
    });
    for round in 0..400 {
        if let Ok(text) = bench.read("swapped/secret.txt").await {
            assert_eq!(text, "harmless", "round {round}");
        }
        let write = json!({ "path": "swapped/secret.txt", "content": "harmless" });
        let _ = bench.call("write", write).await;
        let write = json!({ "path": "swapped/new.txt", "content": "x" });
        let _ = bench.call("write", write).await;
    }
    stop.store(true, Ordering::Relaxed);
    let swaps = racer.join().expect("no panic");
    assert!(swaps > 100, "the race was none: {swaps} swaps");
    bench.is_untouched();
}

fn swap(stop: &AtomicBool, swapped: &Path, honest: &Path, outside: &Path) -> usize {
    let mut swaps = 0;
    let temporary = swapped.with_extension("next");
    while !stop.load(Ordering::Relaxed) {
        let target = if swaps % 2 == 0 { outside } else { honest };
        symlink(target, &temporary).expect("a link");
        fs::rename(&temporary, swapped).expect("renamed");
        swaps += 1;
    }
    swaps
}

#[tokio::test]
async fn size_is_bounded() {
    let bench = Bench::new();
    let huge = fs::File::create(bench.inside.join("huge")).expect("a file");
    huge.set_len(1 << 40).expect("a sparse file");
    assert!(
        bench
            .read("huge")
            .await
            .expect_err("zeros are no text")
            .message()
            .contains("binary")
    );
    let edit = json!({ "path": "huge", "oldText": "a", "newText": "b" });
    assert!(
        bench
            .call("edit", edit)
            .await
            .expect_err("too large")
            .message()
            .contains("more than")
    );
    let write = json!({ "path": "big", "content": "x".repeat((16 << 20) + 1) });
    assert!(bench.call("write", write).await.is_err());
    assert!(!bench.inside.join("big").exists());
}

#[tokio::test]
async fn a_patch_does_not_fill_the_memory() {
    let bench = Bench::new();
    let mut patch = "*** Begin Patch\n".to_owned();
    for n in 0..5 {
        let large = fs::File::create(bench.inside.join(format!("{n}"))).expect("a file");
        large.set_len(16 << 20).expect("a sparse file");
        patch.push_str(&format!("*** Update File: {n}\n*** Move to: moved-{n}\n"));
    }
    patch.push_str("*** End Patch");
    let refused = bench.call("apply_patch", json!({ "input": patch })).await;
    let refused = refused.expect_err("too large together");
    assert!(refused.message().contains("together"), "{refused}");
    assert!(bench.inside.join("0").exists() && !bench.inside.join("moved-0").exists());
}

#[tokio::test]
async fn rights_are_kept_but_never_lent() {
    let bench = Bench::new();
    let script = bench.inside.join("run.sh");
    fs::write(&script, "#!/bin/sh\n").expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o4755)).expect("a mode");
    bench
        .call(
            "write",
            json!({ "path": "run.sh", "content": "#!/bin/sh\ntrue\n" }),
        )
        .await
        .expect("written");
    assert_eq!(
        script.metadata().expect("a file").permissions().mode() & 0o7777,
        0o755
    );
}

#[tokio::test]
async fn without_a_workspace_there_are_no_files() {
    let plugin = TestHost::new().load(&PLUGIN, json!({})).expect("it loads");
    let refused = plugin.tool("read", json!({ "path": "/etc/passwd" })).await;
    assert!(refused.expect_err("refused").message().contains("workspace"));
}
