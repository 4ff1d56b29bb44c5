import re,os
E={}
def ex(name, doc, body): E[name]=(doc,body)
U='use openclaw_bad_plugins::prelude::*;\n'
def tool(name, doc, call, start=None, pre=''):
    i=name.replace('_','-')
    s=f'exhibit!("{i}", "{name}", {start}, {call});' if start else f'exhibit!("{i}", "{name}", {call});'
    ex(name, doc, U+pre+'\n'+s+'\n')
def raw(name, doc, json=None, root='', pre='', extra=''):
    i=name.replace('_','-')
    j=json or f'{{"manifestVersion":1,"id":"{i}","name":"{i}","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind","tools":["{name}"]{extra}}}'
    ex(name, doc, U+pre+'\n'+f'raw_manifest!(br#"{j}"#);\n'+root)
R=lambda n: f'raw_root!("{n}");\n'
tool('healthy','No fault at all: the control specimen.','|_| async { Ok("fine".into()) }')
raw('missing_entry','A manifest, but no exported root.')
raw('wrong_magic','A root that begins with other bytes than it should.', root='\n#[unsafe(export_name = "openclaw_plugin_root_v1")]\nstatic ROOT: [u64; 64] = [0x6b6f_6f6c_2074_6f6e; 64];\n')
for n,v,w in (('abi_too_new','2.0.0','later'),('abi_too_old','0.9.0','earlier')):
    i=n.replace('_','-')
    raw(n,f'Built, so says its manifest, with a {w} major version of the API.',json=f'{{"manifestVersion":1,"id":"{i}","name":"{i}","version":"0.1.0","apiVersion":"{v}","panic":"unwind","tools":["{n}"]}}',root=R(n))
DER='''use abi_stable::{StableAbi, library::RootModule, prefix_type::PrefixTypeTrait, sabi_types::VersionStrings, std_types::RStr};
use openclaw_bad_plugins::__private as p;

'''
def derived(name,doc,version,why):
    i=name.replace('_','-')
    ex(name,doc,DER.replace('use openclaw_bad','use openclaw_bad')+f'''openclaw_bad_plugins::raw_manifest!(br#"{{"manifestVersion":1,"id":"{i}","name":"{i}","version":"0.1.0","apiVersion":"1.0.0","panic":"unwind"}}"#);

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef, prefix_fields = PluginRootPrefix)))]
pub struct PluginRoot {{
    #[sabi(last_prefix_field)]
    pub manifest: RStr<'static>,
}}
impl RootModule for PluginRootRef {{
    abi_stable::declare_root_module_statics! {{PluginRootRef}}
    const BASE_NAME: &'static str = "openclaw_plugin";
    const NAME: &'static str = "openclaw_plugin";
    const VERSION_STRINGS: VersionStrings = VersionStrings::new("{version}");
}}
extern "C" fn construct() -> p::RootModuleResult {{
    p::__call_root_module_loader(|| PluginRoot {{ manifest: MANIFEST.as_str().into() }}.leak_into_prefix())
}}
#[unsafe(export_name = "openclaw_plugin_root_v1")]
static ROOT: p::LibHeader = unsafe {{ p::LibHeader::from_constructor::<PluginRootRef>(construct, p::CheckTypeLayout::Yes) }};
''')
derived('abi_lies','The manifest says version 1, the header inside says 2.','2.0.0','')
derived('table_too_small','A root with fewer functions than the first version had.','1.0.0','')
raw('null_fn','A table in which the most important function is missing.',
    pre='use std::ffi::c_void;\n\nextern "C" fn nothing(_: *const c_void) {}\n\nextern "C" fn ping(_: *const c_void, n: u64) -> u64 {\n    n + 1\n}\n',
    root='raw_root!("null_fn", unsafe { openclaw_bad_plugins::table([nothing as *const (), std::ptr::null(), ping as *const ()]) });\n')
ex('dup_id','The id of another plugin, `healthy`.', U+'\nexhibit!("healthy", "dup_id", |_| async { Ok("the wrong one".into()) });\n')
ex('bad_utf8_name','A name that is not UTF-8.', U+'''
const NOT_TEXT: &[u8] = &[0xc3, 0x28, 0xff];
raw_manifest!(br#"{"manifestVersion":1,"id":"bad-utf8-name","name":""#, NOT_TEXT, br#"","apiVersion":"1.0.0"}"#);
''')
ex('huge_string_len','A manifest that is said to be as long as a length can be.','''
#[used]
#[unsafe(link_section = ".openclaw.plugin")]
static MANIFEST: [u8; 14] = *b"OCPLUG01\\xff\\xff\\xff\\xff{}";
''')
ex('manifest_not_json','A manifest that is prose.', U+'\nraw_manifest!(b"This plugin is called manifest_not_json and does nothing.");\n')
i='panic-abi-flag-false'
raw('panic_abi_flag_false','Says that its panics can not be caught, although they could.',json='{"manifestVersion":1,"id":"panic-abi-flag-false","name":"x","version":"0.1.0","apiVersion":"1.0.0","panic":"abort","tools":["panic_abi_flag_false"]}',root=R('panic_abi_flag_false'))
raw('wrong_target','Built, so says its manifest, for another machine.',extra=',"target":"riscv64gc-unknown-linux-gnu"',root=R('wrong_target'))
tool('panic_init','Panics while its instance is made.','|_| async { Ok("unreachable".into()) }', start='|_: &Host| panic!("on purpose")' )
tool('panic_call','Panics in a call.','|_| async { panic!("on purpose") }')
tool('panic_abort_profile','Panics in a call; built with `panic = "abort"` by `library_with_panic_abort`.','|_| async { panic!("on purpose") }')
DROP='\nstruct OnDrop;\n\nimpl Drop for OnDrop {\n    fn drop(&mut self) {\n        %s\n    }\n}\n'
tool('panic_drop','Panics while its instance is destroyed.','|_| async { Ok("fine".into()) }',start='|_: &Host| OnDrop',pre=DROP%'panic!("on purpose");')
tool('hang_destroy','Never returns from being destroyed.','|_| async { Ok("fine".into()) }',start='|_: &Host| OnDrop',pre='use std::{thread, time::Duration};\n'+DROP%'loop {\n            thread::sleep(Duration::from_secs(60));\n        }')
tool('exit_process','Ends the process.','|_| async { std::process::exit(3) }')
tool('abort_call','Aborts the process.','|_| async { std::process::abort() }')
SEGV='\nfn segv() {\n    let nowhere = std::hint::black_box(16 as *mut u8);\n    // SAFETY: none; nothing is mapped there.\n    unsafe { nowhere.write_volatile(1) }\n}\n'
tool('segv_call','Writes where nothing is, in a call.','|_| async {\n    segv();\n    Ok("unreachable".into())\n}',pre=SEGV)
tool('segv_init','Writes where nothing is, while its instance is made.','|_| async { Ok("unreachable".into()) }',start='|_: &Host| segv()',pre=SEGV)
tool('segv_constructor','Writes where nothing is, while the library is opened.','|_| async { Ok("unreachable".into()) }',pre=SEGV.replace('fn segv()','extern "C" fn segv()')+'\n#[used]\n#[unsafe(link_section = ".init_array")]\nstatic CONSTRUCTOR: extern "C" fn() = segv;\n')
tool('segv_thread','Writes where nothing is, on a thread of its own.','|_| async {\n    let _ = std::thread::spawn(segv).join();\n    Ok("unreachable".into())\n}',pre=SEGV)
tool('stack_overflow','Recurses without end.','|_| async { Ok(descend(0).to_string().into()) }',pre='\n#[allow(unconditional_recursion, reason = "the fault")]\nfn descend(depth: u64) -> u64 {\n    let frame = std::hint::black_box([depth; 64]);\n    descend(frame[1] + 1) + frame[2]\n}\n')
SL='use std::{thread, time::Duration};\n'
tool('hang_init','Never finishes making its instance.','|_| async { Ok("unreachable".into()) }',start='|_: &Host| loop {\n    thread::sleep(Duration::from_secs(60));\n}',pre=SL)
tool('hang_call','Blocks its thread for ever, so that not even dropping the call helps.','|_| async {\n    loop {\n        thread::sleep(Duration::from_secs(60));\n    }\n}',pre=SL)
tool('slow_init','Takes two seconds to make its instance, which is allowed.','|_| async { Ok("fine".into()) }',start='|_: &Host| thread::sleep(Duration::from_secs(2))',pre=SL)
tool('leak','Loses a megabyte with every call.','|_| async {\n    std::mem::forget(vec![1_u8; 1 << 20]);\n    Ok("fine".into())\n}')
tool('double_free_buffer','Frees the same memory twice.','|_| async {\n    let buffer = std::hint::black_box(Box::into_raw(Box::new([0_u8; 64])));\n    // SAFETY: none; the second one is the fault.\n    unsafe { (drop(Box::from_raw(buffer)), drop(Box::from_raw(buffer))) };\n    Ok("unreachable".into())\n}')
tool('callback_after_destroy','Keeps the host and calls it after its instance is gone.','|_| async { Ok("fine".into()) }',start='|host: &Host| OnDrop(host.clone())',pre='use std::thread;\n'+(DROP.replace('struct OnDrop;','struct OnDrop(Host);')%'let host = self.0.clone();\n        thread::spawn(move || loop {\n            let _ = block_on(host.emit("zoo.after", &json!(null)));\n            thread::sleep(std::time::Duration::from_millis(5));\n        });'))
tool('thread_after_destroy','Leaves a thread running when its instance is gone.','|_| async { Ok("fine".into()) }',start='|_: &Host| {\n    thread::spawn(|| loop {\n        BEATS.fetch_add(1, Ordering::Relaxed);\n        thread::sleep(std::time::Duration::from_millis(5));\n    });\n}',pre='use std::{\n    sync::atomic::{AtomicU64, Ordering},\n    thread,\n};\n\nstatic BEATS: AtomicU64 = AtomicU64::new(0);\n')
tool('reentrant_call','Waits for the host inside a poll of the host.','|host: Host| async move {\n    block_on(host.store().put("key", *b"value"))?;\n    Ok("fine".into())\n}')
tool('wrong_thread_call','Calls the host from a thread that the host has never seen.','|host: Host| async move {\n    let call = move || block_on(host.store().put("key", *b"value"));\n    std::thread::spawn(call).join().expect("the thread does not panic")?;\n    Ok("fine".into())\n}')
raw('unknown_status_code','Fails with a code that nobody knows.',root='raw_root!("unknown_status_code", plugin_object(Dispatch(|| fault("teapot"))));\n',pre='use openclaw_bad_plugins::{Dispatch, fault};\nuse openclaw_plugin_api::abi::plugin_object;\n')
raw('returns_garbage_json','Answers with bytes that are no record.',root='raw_root!("returns_garbage_json", plugin_object(Dispatch(|| p::RResult::ROk(b"\\xff{[not json".to_vec().into()))));\n',pre='use openclaw_bad_plugins::Dispatch;\nuse openclaw_plugin_api::abi::plugin_object;\n')
tool('floods_log','Writes a hundred thousand log events in one call.','|_| async {\n    for line in 0..100_000 {\n        tracing::warn!(line, "a flood");\n    }\n    Ok("fine".into())\n}')
tool('floods_events','Emits ten thousand events in one call.','|host: Host| async move {\n    for n in 0..10_000 {\n        let _ = host.emit("zoo.flood", &n).await;\n    }\n    Ok("fine".into())\n}')
tool('changes_signal_handler','Makes the process deaf to SIGTERM.','|_| async {\n    // SAFETY: a call of the C library without memory; that it concerns the whole process is the fault.\n    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };\n    Ok("fine".into())\n}')
tool('closes_fd_0_1_2','Closes standard input, output and error.','|_| async {\n    // SAFETY: none; the descriptors are not its own.\n    let closed = (0..3).all(|fd| unsafe { libc::close(fd) } == 0);\n    Ok(closed.to_string().into())\n}')
tool('changes_cwd','Changes the working directory of the process.','|_| async {\n    std::env::set_current_dir("/")?;\n    Ok("fine".into())\n}')
tool('sets_env','Changes the environment of the process.','|_| async {\n    // SAFETY: none; other threads may be reading.\n    unsafe { std::env::set_var("HOME", "/nowhere") };\n    Ok("fine".into())\n}')
tool('installs_allocator','Brings an allocator of its own.','|_| async { Ok(CALLS.load(Ordering::Relaxed).to_string().into()) }',pre='''use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static CALLS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: all the work is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}
''')
def reg(name,doc,decl,more):
    i=name.replace('_','-')
    ex(name,doc,'use openclaw_bad_plugins::{Exhibit, Named, prelude::*};\n'+f'''
struct First;
impl Named for First {{
    const TOOL: &'static str = "{name}";
}}
{more[0]}
export_plugin!(Declaration::new("{i}", "{i}").tools(&[{decl}]), |api| {{
    let host = api.host().clone();
    api.tool(Exhibit::<First, _, _>::new(host{more[1]}, (), |_| async {{ Ok("fine".into()) }}));
{more[2]}    Ok(())
}});
''')
reg('register_less','Declares a tool that it does not register.','"register_less", "never"',('','',''))
reg('register_more','Registers a tool that it does not declare.','"register_more"',('\nstruct Second;\nimpl Named for Second {\n    const TOOL: &\'static str = "undeclared";\n}\n','.clone()','    api.tool(Exhibit::<Second, _, _>::new(host, (), |_| async { Ok("fine".into()) }));\n'))
os.makedirs('examples',exist_ok=True)
for n,(d,b) in E.items():
    open(f'examples/{n}.rs','w').write(f'//! {d}\n{b}')
names=sorted(f[:-3] for f in os.listdir('examples'))
with open('Cargo.toml','w') as f:
    f.write(open('Cargo.toml.head').read())
    for n in names: f.write(f'\n[[example]]\nname = "{n}"\ncrate-type = ["cdylib"]\n')
