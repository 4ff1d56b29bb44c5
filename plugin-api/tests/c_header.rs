//! The C header is what [`LAYOUTS`] says. `UPDATE_HEADER=1 cargo test -p openclaw-plugin-api --test c_header` writes it.
use openclaw_plugin_api::{
    API_VERSION,
    abi::{
        SYMBOL,
        c::{ABI, ABI_HASH, LAYOUTS, Layout, MAGIC, TAGS},
    },
};
use std::{env, fmt::Write, fs, path::Path};

const FILE: &str = "../examples/c-plugin/include/openclaw_plugin.h";

#[test]
fn the_header_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let header = header();
    if env::var_os("UPDATE_HEADER").is_some() {
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(&path, &header).expect("the header can be written");
    }
    let actual = fs::read_to_string(&path).expect("the header is there; write it with UPDATE_HEADER=1");
    assert!(
        actual == header,
        "{FILE} is not what the types say; write it with UPDATE_HEADER=1"
    );
}

fn header() -> String {
    let magic = std::str::from_utf8(MAGIC).expect("the magic is text");
    let tags: String = TAGS
        .iter()
        .map(|(name, value)| format!("#define {name} {value}\n"))
        .collect();
    let mut out = PROLOGUE
        .replace("@ABI@", ABI)
        .replace("@HASH@", ABI_HASH)
        .replace("@VERSION@", API_VERSION)
        .replace("@MAGIC@", magic)
        .replace("@TAGS@", &tags);
    for layout in LAYOUTS {
        writeln!(out, "typedef struct {0} {0};", layout.name).expect("memory");
    }
    LAYOUTS.iter().for_each(|layout| declare(&mut out, layout));
    out.push_str("\n/* The compiler that reads this lays everything out as the host does. */\n");
    LAYOUTS.iter().for_each(|layout| check(&mut out, layout));
    out + &EPILOGUE.replace("@SYMBOL@", SYMBOL)
}

fn declare(out: &mut String, layout: &Layout) {
    writeln!(out, "\nstruct {} {{", layout.name).expect("memory");
    for field in layout.fields {
        writeln!(out, "    {};", field.declaration).expect("memory");
    }
    out.push_str("};\n");
}

fn check(out: &mut String, layout: &Layout) {
    let mut check = |what: String, value: usize| {
        writeln!(out, "_Static_assert({what} == {value}, \"{}\");", layout.name).expect("memory");
    };
    if layout.size > 0 {
        check(format!("sizeof({})", layout.name), layout.size);
    }
    check(format!("_Alignof({})", layout.name), layout.align);
    for field in layout.fields {
        check(
            format!("offsetof({}, {})", layout.name, name(field.declaration)),
            field.offset,
        );
    }
}

/// The name in a declaration: `*(*call)(void *self)`, `char magic[16]`, `size_t len`.
fn name(declaration: &str) -> &str {
    if let Some((_, rest)) = declaration.split_once("(*") {
        return rest.split(')').next().expect("a split has a first part");
    }
    let declaration = declaration.split('[').next().expect("a split has a first part");
    declaration
        .rsplit([' ', '*'])
        .next()
        .expect("a split has a first part")
}

const PROLOGUE: &str = r#"/* A plugin for the OpenClaw gateway in C, or in any language that reads C headers.
 *
 * Generated from the types of openclaw-plugin-api; do not edit. 64-bit targets.
 *
 * Rules
 *   - One exported symbol, made by OC_PLUGIN. `create` makes an instance; everything else goes through its table.
 *   - Every function may be called from any thread, at the same time as others; `drop` once and last.
 *   - What is passed by value is given away: whoever gets an oc_buf, oc_sink, oc_source, oc_host or a future destroys
 *     it through its own table. oc_str and oc_bytes are borrowed until the function returns.
 *   - Memory is freed by whoever allocated it: an oc_buf carries its functions with it. Their `type_id` is never that
 *     of another library: give the address of something of yours as `library`.
 *   - Tables grow at their end. `present` has a bit for every function that is there, from the first (`OC_PRESENT(n)`
 *     for n of them); look at it (`OC_HAS`) before you call one that is not declared here. `layout` is never null and
 *     never read: point it to 32 zero bytes.
 *   - No exception, no longjmp and no exit may leave a function.
 */
#ifndef OPENCLAW_PLUGIN_H
#define OPENCLAW_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OC_API_VERSION "@VERSION@"
#define OC_ABI "@ABI@"
#define OC_ABI_HASH "@HASH@"
#define OC_ROOT_MAGIC "@MAGIC@"

/* Tags of oc_option_*, of oc_reply and oc_create_result, of oc_poll_*; replies of oc_sink_vt.push; log levels. */
@TAGS@
#define OC_PRESENT(n) ((UINT64_C(1) << (n)) - 1)
#define OC_HAS(vt, n) (((vt)->present >> (n)) & 1)
#define OC_STR(literal) ((oc_str){(literal), sizeof(literal) - 1})

"#;

const EPILOGUE: &str = r#"
#if defined(__APPLE__)
#define OC_SECTION "__DATA,__oc_plugin"
#elif defined(_WIN32)
#define OC_SECTION ".ocplug"
#else
#define OC_SECTION ".openclaw.plugin"
#endif
#if defined(_WIN32)
#define OC_EXPORT __attribute__((dllexport))
#else
#define OC_EXPORT __attribute__((visibility("default")))
#endif

/* The manifest (JSON, a string literal) and the function that makes an instance. Once, at file scope. The manifest says
 * "abi":"" OC_ABI "" and "abiHash":"" OC_ABI_HASH "". */
#define OC_PLUGIN(manifest_json, create_function)                                                                \
    static const struct {                                                                                        \
        char magic[8];                                                                                           \
        uint32_t len;                                                                                            \
        char json[sizeof(manifest_json) - 1];                                                                    \
    } oc_manifest                                                                                                \
        __attribute__((used, section(OC_SECTION))) = {"OCPLUG01", sizeof(manifest_json) - 1, manifest_json};     \
    OC_EXPORT const oc_root @SYMBOL@ = {                                                          \
        OC_ROOT_MAGIC, sizeof(oc_root), OC_ABI_HASH, oc_manifest.json, sizeof(manifest_json) - 1, create_function}

#endif
"#;
