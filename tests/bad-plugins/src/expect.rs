//! What a host must make of every specimen, in its own process and in a child. The table that a test goes through.

/// One specimen and its two verdicts.
#[derive(Debug, Clone, Copy)]
pub struct Expectation {
    /// Name of the example, and of the tool that it registers. Its plugin id has `-` for `_`, except for `dup_id`.
    pub name: &'static str,
    /// What brings the fault about.
    pub trigger: Trigger,
    /// In the gateway's own process.
    pub in_process: Expect,
    /// With `isolation: "process"`.
    pub isolated: Expect,
    /// Why this and nothing better.
    pub why: &'static str,
}

/// What brings a fault about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Loading the plugin.
    Load,
    /// `tool/1/invoke` with `{}`.
    Call,
    /// Destroying the instance, by disabling or reloading the plugin.
    Destroy,
}

/// What happens then. Whatever it is, except for [`Expect::TakesProcessDown`], other plugins go on serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The plugin loads and its tool answers.
    Serves,
    /// It is not loaded, with a reason from this stage.
    Refused(Stage),
    /// The call fails with this kind of error; the instance goes on.
    Fault(&'static str),
    /// The call fails with the kind `panic`; the next one is served by a new instance.
    FaultThenReplaced,
    /// The deadline passes, the caller learns of it, the thread is given up and the plugin quarantined.
    TimesOutThenQuarantined,
    /// The child process dies; the call fails, the host goes on, the next call is served by a new child.
    ChildReplaced,
    /// The child process dies while loading: the plugin is shown as failed, the host goes on.
    ChildFailsToStart,
    /// The fault has an effect, but not beyond its plugin: the host goes on as before.
    Contained,
    /// State of the whole process changes under the host's feet. Not prevented: a plugin in the process is trusted code.
    ChangesProcess,
    /// The gateway ends and its supervisor starts it again. Not prevented: a plugin in the process is trusted code.
    TakesProcessDown,
}

/// Where a plugin is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The manifest is missing, damaged or not believable. Nothing was run.
    Manifest,
    /// Another major version. From the manifest; [`Stage::Header`] if only the root tells.
    Version,
    /// Another machine. Nothing was run.
    Target,
    /// A panic in it could not be caught. Nothing was run.
    PanicStrategy,
    /// Two files claim the same id. Nothing was run.
    Duplicate,
    /// The library is open and exports no root, or something that is none, or one of another version.
    Header,
    /// The root is one of this version and laid out otherwise.
    Layout,
    /// Making the instance failed, or gave something unusable.
    Create,
    /// The instance registered something else than the manifest declares.
    Registration,
}

/// The zoo.
pub fn expectations() -> &'static [Expectation] {
    EXPECTATIONS
}

const fn refused(name: &'static str, stage: Stage, why: &'static str) -> Expectation {
    let refused = Expect::Refused(stage);
    Expectation {
        name,
        trigger: Trigger::Load,
        in_process: refused,
        isolated: refused,
        why,
    }
}

const fn same(name: &'static str, trigger: Trigger, expect: Expect, why: &'static str) -> Expectation {
    Expectation {
        name,
        trigger,
        in_process: expect,
        isolated: expect,
        why,
    }
}

const fn differs(
    name: &'static str,
    trigger: Trigger,
    in_process: Expect,
    isolated: Expect,
    why: &'static str,
) -> Expectation {
    Expectation {
        name,
        trigger,
        in_process,
        isolated,
        why,
    }
}

use {
    Expect::{
        ChangesProcess, ChildFailsToStart, ChildReplaced, Contained, Fault, FaultThenReplaced, Refused,
        Serves, TakesProcessDown, TimesOutThenQuarantined,
    },
    Trigger::{Call, Destroy, Load},
};

const DOWN: &str =
    "native code in the process can end it; the next start knows whom to blame, isolation prevents it";
const ONE_THREAD: &str = "the host's services don't need the thread that polls a plugin, and may be called from any; \
    but a child has one thread, and a plugin that blocks it while it waits for the host waits until its deadline";
const STATE: &str = "this state belongs to the whole process; in a child it is the child's";

#[rustfmt::skip]
const EXPECTATIONS: &[Expectation] = &[
    same("healthy", Call, Serves, "the control: a test that refuses everything fails here"),

    refused("bad_utf8_name", Stage::Manifest, "the manifest is JSON, and JSON is UTF-8"),
    refused("huge_string_len", Stage::Manifest, "lengths are compared with what is there before they are used"),
    refused("manifest_not_json", Stage::Manifest, "the manifest is JSON"),
    refused("abi_too_new", Stage::Version, "same major version only: update the gateway"),
    refused("abi_too_old", Stage::Version, "same major version only: update the plugin"),
    refused("wrong_target", Stage::Target, "the manifest names another machine, whatever the file is"),
    differs("panic_abi_flag_false", Load, Refused(Stage::PanicStrategy), Serves,
        "a panic in it would end the process; a child may end"),
    refused("dup_id", Stage::Duplicate, "beside `healthy`: which of two is meant is the operator's decision, so neither"),
    refused("missing_entry", Stage::Header, "a manifest alone is no plugin"),
    refused("wrong_magic", Stage::Header, "the root begins with bytes that say what it is"),
    refused("null_descriptor", Stage::Header, "pointers of a root from C are looked at before they are followed"),
    refused("abi_lies", Stage::Header, "the root's own version counts, not only the manifest's"),
    refused("table_too_small", Stage::Layout, "functions are only ever added"),
    refused("null_fn", Stage::Create, "every function of the first version has to be there"),
    refused("panic_init", Stage::Create, "a panic is caught inside the library and is a fault"),
    refused("register_less", Stage::Registration, "operators decide by what the manifest declares"),
    refused("register_more", Stage::Registration, "operators decide by what the manifest declares"),

    differs("segv_constructor", Load, TakesProcessDown, ChildFailsToStart, DOWN),
    differs("segv_init", Load, TakesProcessDown, ChildFailsToStart, DOWN),
    differs("hang_init", Load, Refused(Stage::Create), ChildFailsToStart, "creating has a deadline"),
    same("slow_init", Load, Serves, "two seconds are within the deadline, and nobody else waits for them"),

    same("panic_call", Call, FaultThenReplaced, "the state of the instance may be half changed"),
    differs("panic_abort_profile", Call, Refused(Stage::PanicStrategy), ChildReplaced,
        "its panic can't be caught; built by `library_with_panic_abort`"),
    differs("abort_call", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("exit_process", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("segv_call", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("segv_thread", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("stack_overflow", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("double_free_buffer", Call, TakesProcessDown, ChildReplaced, DOWN),
    differs("hang_call", Call, TimesOutThenQuarantined, ChildReplaced,
        "a thread can't be taken back, so it is given up and replaced, within a bound; a child is killed"),
    same("unknown_status_code", Call, Fault("internal"), "codes of later versions are known by nobody today"),
    same("returns_garbage_json", Call, Fault("internal"), "a reply is parsed before it is used"),
    same("leak", Call, Contained, "memory of a plugin is counted, shown, and bounded in a child"),
    differs("reentrant_call", Call, Serves, ChildReplaced, ONE_THREAD),
    differs("wrong_thread_call", Call, Serves, ChildReplaced, ONE_THREAD),
    same("installs_allocator", Call, Serves, "memory crosses in types that carry their own free function"),
    same("floods_log", Call, Contained, "log lines of a plugin have a rate; what is over it is counted"),
    same("floods_events", Call, Contained, "every queue is bounded, so the flood waits or is refused"),
    differs("changes_signal_handler", Call, ChangesProcess, Contained, STATE),
    differs("closes_fd_0_1_2", Call, ChangesProcess, Contained, STATE),
    differs("changes_cwd", Call, ChangesProcess, Contained, STATE),
    differs("sets_env", Call, ChangesProcess, Contained, STATE),

    same("panic_drop", Destroy, Contained, "a panic in a destructor is caught inside the library"),
    same("hang_destroy", Destroy, Contained, "destroying has a deadline and a thread that can be given up"),
    same("callback_after_destroy", Destroy, Contained, "handles of the host outlive the instance and answer `closed`"),
    same("thread_after_destroy", Destroy, Contained, "libraries are never unloaded, so its code stays mapped"),
];
