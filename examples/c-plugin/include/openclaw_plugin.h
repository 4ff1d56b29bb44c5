/* A plugin for the OpenClaw gateway in C, or in any language that reads C headers.
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

#define OC_API_VERSION "1.0.0"
#define OC_ABI "c-1"
#define OC_ABI_HASH "1136f1cc77b04d10"
#define OC_ROOT_MAGIC "openclaw root c1"

/* Tags of oc_option_*, of oc_reply and oc_create_result, of oc_poll_*; replies of oc_sink_vt.push; log levels. */
#define OC_SOME 0
#define OC_NONE 1
#define OC_OK 0
#define OC_ERR 1
#define OC_READY 0
#define OC_PENDING 1
#define OC_PANICKED 2
#define OC_TAKEN 0
#define OC_CLOSED 1
#define OC_FULL 2
#define OC_ERROR 1
#define OC_WARN 2
#define OC_INFO 3
#define OC_DEBUG 4
#define OC_TRACE 5

#define OC_PRESENT(n) ((UINT64_C(1) << (n)) - 1)
#define OC_HAS(vt, n) (((vt)->present >> (n)) & 1)
#define OC_STR(literal) ((oc_str){(literal), sizeof(literal) - 1})

typedef struct oc_str oc_str;
typedef struct oc_bytes oc_bytes;
typedef struct oc_type_id oc_type_id;
typedef struct oc_buf_vt oc_buf_vt;
typedef struct oc_buf oc_buf;
typedef struct oc_fault oc_fault;
typedef struct oc_reply oc_reply;
typedef struct oc_waker_vt oc_waker_vt;
typedef struct oc_waker oc_waker;
typedef struct oc_context oc_context;
typedef struct oc_poll_unit oc_poll_unit;
typedef struct oc_poll_bool oc_poll_bool;
typedef struct oc_poll_reply oc_poll_reply;
typedef struct oc_option_reply oc_option_reply;
typedef struct oc_poll_item oc_poll_item;
typedef struct oc_future_unit oc_future_unit;
typedef struct oc_future_reply oc_future_reply;
typedef struct oc_sink_vt oc_sink_vt;
typedef struct oc_sink oc_sink;
typedef struct oc_option_sink oc_option_sink;
typedef struct oc_source_vt oc_source_vt;
typedef struct oc_source oc_source;
typedef struct oc_option_source oc_option_source;
typedef struct oc_call oc_call;
typedef struct oc_log_record oc_log_record;
typedef struct oc_host_vt oc_host_vt;
typedef struct oc_host oc_host;
typedef struct oc_plugin_vt oc_plugin_vt;
typedef struct oc_plugin oc_plugin;
typedef struct oc_create_args oc_create_args;
typedef struct oc_created oc_created;
typedef struct oc_create_result oc_create_result;
typedef struct oc_root oc_root;

struct oc_str {
    const char *data;
    size_t len;
};

struct oc_bytes {
    const uint8_t *data;
    size_t len;
};

struct oc_type_id {
    const void *library;
    uint8_t id[16];
};

struct oc_buf_vt {
    uint64_t present;
    const void *layout;
    oc_type_id (*type_id)(void);
    void (*destroy)(oc_buf *self);
    void (*grow)(oc_buf *self, size_t to, int exactly);
    void (*shrink)(oc_buf *self);
};

struct oc_buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
    const oc_buf_vt *vt;
};

struct oc_fault {
    oc_buf code;
    oc_buf message;
    oc_buf detail;
};

struct oc_reply {
    uint8_t tag;
    union { oc_buf ok; oc_fault err; } value;
};

struct oc_waker_vt {
    const oc_waker *(*clone)(const oc_waker *self);
    void (*wake)(const oc_waker *self);
    void (*wake_by_ref)(const oc_waker *self);
    void (*drop)(const oc_waker *self);
};

struct oc_waker {
    const oc_waker_vt *vt;
};

struct oc_context {
    const oc_waker *waker;
};

struct oc_poll_unit {
    uint8_t tag;
};

struct oc_poll_bool {
    uint8_t tag;
    bool value;
};

struct oc_poll_reply {
    uint8_t tag;
    oc_reply value;
};

struct oc_option_reply {
    uint8_t tag;
    oc_reply value;
};

struct oc_poll_item {
    uint8_t tag;
    oc_option_reply value;
};

struct oc_future_unit {
    void *state;
    oc_poll_unit (*poll)(void *state, oc_context *context);
    void (*drop)(void *state);
};

struct oc_future_reply {
    void *state;
    oc_poll_reply (*poll)(void *state, oc_context *context);
    void (*drop)(void *state);
};

struct oc_sink_vt {
    uint64_t present;
    const void *layout;
    void (*drop)(void *self);
    oc_poll_bool (*poll_ready)(void *self, oc_context *context);
    uint8_t (*push)(void *self, oc_bytes bytes);
};

struct oc_sink {
    void *self;
    const oc_sink_vt *vt;
};

struct oc_option_sink {
    uint8_t tag;
    oc_sink value;
};

struct oc_source_vt {
    uint64_t present;
    const void *layout;
    void (*drop)(void *self);
    oc_poll_item (*poll_next)(void *self, oc_context *context);
};

struct oc_source {
    void *self;
    const oc_source_vt *vt;
};

struct oc_option_source {
    uint8_t tag;
    oc_source value;
};

struct oc_call {
    oc_str method;
    oc_str target;
    oc_str meta;
    oc_buf body;
    oc_option_sink out;
    oc_option_source input;
};

struct oc_log_record {
    uint8_t level;
    oc_str target;
    oc_str message;
    oc_str fields;
    oc_str file;
    uint32_t line;
};

struct oc_host_vt {
    uint64_t present;
    const void *layout;
    void *(*clone_ref)(void *self);
    void (*drop)(void *self);
    oc_future_reply (*call)(void *self, oc_call call);
    void (*spawn)(void *self, oc_future_unit task);
    oc_future_unit (*sleep_ms)(void *self, uint64_t ms);
    bool (*log_enabled)(void *self, uint8_t level, oc_str target);
    void (*log)(void *self, const oc_log_record *record);
};

struct oc_host {
    void *self;
    const oc_host_vt *vt;
};

struct oc_plugin_vt {
    uint64_t present;
    const void *layout;
    void (*drop)(void *self);
    oc_future_reply (*call)(void *self, oc_call call);
    uint64_t (*ping)(void *self, uint64_t n);
};

struct oc_plugin {
    void *self;
    const oc_plugin_vt *vt;
};

struct oc_create_args {
    oc_host host;
    oc_str instance;
    oc_str config;
    oc_str environment;
};

struct oc_created {
    oc_plugin plugin;
    oc_buf registrations;
};

struct oc_create_result {
    uint8_t tag;
    union { oc_created ok; oc_fault err; } value;
};

struct oc_root {
    char magic[16];
    size_t size;
    char abi_hash[16];
    const char *manifest;
    size_t manifest_len;
    oc_create_result (*create)(oc_create_args args);
};

/* The compiler that reads this lays everything out as the host does. */
_Static_assert(sizeof(oc_str) == 16, "oc_str");
_Static_assert(_Alignof(oc_str) == 8, "oc_str");
_Static_assert(offsetof(oc_str, data) == 0, "oc_str");
_Static_assert(offsetof(oc_str, len) == 8, "oc_str");
_Static_assert(sizeof(oc_bytes) == 16, "oc_bytes");
_Static_assert(_Alignof(oc_bytes) == 8, "oc_bytes");
_Static_assert(offsetof(oc_bytes, data) == 0, "oc_bytes");
_Static_assert(offsetof(oc_bytes, len) == 8, "oc_bytes");
_Static_assert(sizeof(oc_type_id) == 24, "oc_type_id");
_Static_assert(_Alignof(oc_type_id) == 8, "oc_type_id");
_Static_assert(offsetof(oc_type_id, library) == 0, "oc_type_id");
_Static_assert(offsetof(oc_type_id, id) == 8, "oc_type_id");
_Static_assert(_Alignof(oc_buf_vt) == 8, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, present) == 0, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, layout) == 8, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, type_id) == 16, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, destroy) == 24, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, grow) == 32, "oc_buf_vt");
_Static_assert(offsetof(oc_buf_vt, shrink) == 40, "oc_buf_vt");
_Static_assert(sizeof(oc_buf) == 32, "oc_buf");
_Static_assert(_Alignof(oc_buf) == 8, "oc_buf");
_Static_assert(offsetof(oc_buf, data) == 0, "oc_buf");
_Static_assert(offsetof(oc_buf, len) == 8, "oc_buf");
_Static_assert(offsetof(oc_buf, capacity) == 16, "oc_buf");
_Static_assert(offsetof(oc_buf, vt) == 24, "oc_buf");
_Static_assert(sizeof(oc_fault) == 96, "oc_fault");
_Static_assert(_Alignof(oc_fault) == 8, "oc_fault");
_Static_assert(offsetof(oc_fault, code) == 0, "oc_fault");
_Static_assert(offsetof(oc_fault, message) == 32, "oc_fault");
_Static_assert(offsetof(oc_fault, detail) == 64, "oc_fault");
_Static_assert(sizeof(oc_reply) == 104, "oc_reply");
_Static_assert(_Alignof(oc_reply) == 8, "oc_reply");
_Static_assert(offsetof(oc_reply, tag) == 0, "oc_reply");
_Static_assert(offsetof(oc_reply, value) == 8, "oc_reply");
_Static_assert(sizeof(oc_waker_vt) == 32, "oc_waker_vt");
_Static_assert(_Alignof(oc_waker_vt) == 8, "oc_waker_vt");
_Static_assert(offsetof(oc_waker_vt, clone) == 0, "oc_waker_vt");
_Static_assert(offsetof(oc_waker_vt, wake) == 8, "oc_waker_vt");
_Static_assert(offsetof(oc_waker_vt, wake_by_ref) == 16, "oc_waker_vt");
_Static_assert(offsetof(oc_waker_vt, drop) == 24, "oc_waker_vt");
_Static_assert(sizeof(oc_waker) == 8, "oc_waker");
_Static_assert(_Alignof(oc_waker) == 8, "oc_waker");
_Static_assert(offsetof(oc_waker, vt) == 0, "oc_waker");
_Static_assert(sizeof(oc_context) == 8, "oc_context");
_Static_assert(_Alignof(oc_context) == 8, "oc_context");
_Static_assert(offsetof(oc_context, waker) == 0, "oc_context");
_Static_assert(sizeof(oc_poll_unit) == 1, "oc_poll_unit");
_Static_assert(_Alignof(oc_poll_unit) == 1, "oc_poll_unit");
_Static_assert(offsetof(oc_poll_unit, tag) == 0, "oc_poll_unit");
_Static_assert(sizeof(oc_poll_bool) == 2, "oc_poll_bool");
_Static_assert(_Alignof(oc_poll_bool) == 1, "oc_poll_bool");
_Static_assert(offsetof(oc_poll_bool, tag) == 0, "oc_poll_bool");
_Static_assert(offsetof(oc_poll_bool, value) == 1, "oc_poll_bool");
_Static_assert(sizeof(oc_poll_reply) == 112, "oc_poll_reply");
_Static_assert(_Alignof(oc_poll_reply) == 8, "oc_poll_reply");
_Static_assert(offsetof(oc_poll_reply, tag) == 0, "oc_poll_reply");
_Static_assert(offsetof(oc_poll_reply, value) == 8, "oc_poll_reply");
_Static_assert(sizeof(oc_option_reply) == 112, "oc_option_reply");
_Static_assert(_Alignof(oc_option_reply) == 8, "oc_option_reply");
_Static_assert(offsetof(oc_option_reply, tag) == 0, "oc_option_reply");
_Static_assert(offsetof(oc_option_reply, value) == 8, "oc_option_reply");
_Static_assert(sizeof(oc_poll_item) == 120, "oc_poll_item");
_Static_assert(_Alignof(oc_poll_item) == 8, "oc_poll_item");
_Static_assert(offsetof(oc_poll_item, tag) == 0, "oc_poll_item");
_Static_assert(offsetof(oc_poll_item, value) == 8, "oc_poll_item");
_Static_assert(sizeof(oc_future_unit) == 24, "oc_future_unit");
_Static_assert(_Alignof(oc_future_unit) == 8, "oc_future_unit");
_Static_assert(offsetof(oc_future_unit, state) == 0, "oc_future_unit");
_Static_assert(offsetof(oc_future_unit, poll) == 8, "oc_future_unit");
_Static_assert(offsetof(oc_future_unit, drop) == 16, "oc_future_unit");
_Static_assert(sizeof(oc_future_reply) == 24, "oc_future_reply");
_Static_assert(_Alignof(oc_future_reply) == 8, "oc_future_reply");
_Static_assert(offsetof(oc_future_reply, state) == 0, "oc_future_reply");
_Static_assert(offsetof(oc_future_reply, poll) == 8, "oc_future_reply");
_Static_assert(offsetof(oc_future_reply, drop) == 16, "oc_future_reply");
_Static_assert(_Alignof(oc_sink_vt) == 8, "oc_sink_vt");
_Static_assert(offsetof(oc_sink_vt, present) == 0, "oc_sink_vt");
_Static_assert(offsetof(oc_sink_vt, layout) == 8, "oc_sink_vt");
_Static_assert(offsetof(oc_sink_vt, drop) == 16, "oc_sink_vt");
_Static_assert(offsetof(oc_sink_vt, poll_ready) == 24, "oc_sink_vt");
_Static_assert(offsetof(oc_sink_vt, push) == 32, "oc_sink_vt");
_Static_assert(sizeof(oc_sink) == 16, "oc_sink");
_Static_assert(_Alignof(oc_sink) == 8, "oc_sink");
_Static_assert(offsetof(oc_sink, self) == 0, "oc_sink");
_Static_assert(offsetof(oc_sink, vt) == 8, "oc_sink");
_Static_assert(sizeof(oc_option_sink) == 24, "oc_option_sink");
_Static_assert(_Alignof(oc_option_sink) == 8, "oc_option_sink");
_Static_assert(offsetof(oc_option_sink, tag) == 0, "oc_option_sink");
_Static_assert(offsetof(oc_option_sink, value) == 8, "oc_option_sink");
_Static_assert(_Alignof(oc_source_vt) == 8, "oc_source_vt");
_Static_assert(offsetof(oc_source_vt, present) == 0, "oc_source_vt");
_Static_assert(offsetof(oc_source_vt, layout) == 8, "oc_source_vt");
_Static_assert(offsetof(oc_source_vt, drop) == 16, "oc_source_vt");
_Static_assert(offsetof(oc_source_vt, poll_next) == 24, "oc_source_vt");
_Static_assert(sizeof(oc_source) == 16, "oc_source");
_Static_assert(_Alignof(oc_source) == 8, "oc_source");
_Static_assert(offsetof(oc_source, self) == 0, "oc_source");
_Static_assert(offsetof(oc_source, vt) == 8, "oc_source");
_Static_assert(sizeof(oc_option_source) == 24, "oc_option_source");
_Static_assert(_Alignof(oc_option_source) == 8, "oc_option_source");
_Static_assert(offsetof(oc_option_source, tag) == 0, "oc_option_source");
_Static_assert(offsetof(oc_option_source, value) == 8, "oc_option_source");
_Static_assert(sizeof(oc_call) == 128, "oc_call");
_Static_assert(_Alignof(oc_call) == 8, "oc_call");
_Static_assert(offsetof(oc_call, method) == 0, "oc_call");
_Static_assert(offsetof(oc_call, target) == 16, "oc_call");
_Static_assert(offsetof(oc_call, meta) == 32, "oc_call");
_Static_assert(offsetof(oc_call, body) == 48, "oc_call");
_Static_assert(offsetof(oc_call, out) == 80, "oc_call");
_Static_assert(offsetof(oc_call, input) == 104, "oc_call");
_Static_assert(sizeof(oc_log_record) == 80, "oc_log_record");
_Static_assert(_Alignof(oc_log_record) == 8, "oc_log_record");
_Static_assert(offsetof(oc_log_record, level) == 0, "oc_log_record");
_Static_assert(offsetof(oc_log_record, target) == 8, "oc_log_record");
_Static_assert(offsetof(oc_log_record, message) == 24, "oc_log_record");
_Static_assert(offsetof(oc_log_record, fields) == 40, "oc_log_record");
_Static_assert(offsetof(oc_log_record, file) == 56, "oc_log_record");
_Static_assert(offsetof(oc_log_record, line) == 72, "oc_log_record");
_Static_assert(_Alignof(oc_host_vt) == 8, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, present) == 0, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, layout) == 8, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, clone_ref) == 16, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, drop) == 24, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, call) == 32, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, spawn) == 40, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, sleep_ms) == 48, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, log_enabled) == 56, "oc_host_vt");
_Static_assert(offsetof(oc_host_vt, log) == 64, "oc_host_vt");
_Static_assert(sizeof(oc_host) == 16, "oc_host");
_Static_assert(_Alignof(oc_host) == 8, "oc_host");
_Static_assert(offsetof(oc_host, self) == 0, "oc_host");
_Static_assert(offsetof(oc_host, vt) == 8, "oc_host");
_Static_assert(_Alignof(oc_plugin_vt) == 8, "oc_plugin_vt");
_Static_assert(offsetof(oc_plugin_vt, present) == 0, "oc_plugin_vt");
_Static_assert(offsetof(oc_plugin_vt, layout) == 8, "oc_plugin_vt");
_Static_assert(offsetof(oc_plugin_vt, drop) == 16, "oc_plugin_vt");
_Static_assert(offsetof(oc_plugin_vt, call) == 24, "oc_plugin_vt");
_Static_assert(offsetof(oc_plugin_vt, ping) == 32, "oc_plugin_vt");
_Static_assert(sizeof(oc_plugin) == 16, "oc_plugin");
_Static_assert(_Alignof(oc_plugin) == 8, "oc_plugin");
_Static_assert(offsetof(oc_plugin, self) == 0, "oc_plugin");
_Static_assert(offsetof(oc_plugin, vt) == 8, "oc_plugin");
_Static_assert(sizeof(oc_create_args) == 64, "oc_create_args");
_Static_assert(_Alignof(oc_create_args) == 8, "oc_create_args");
_Static_assert(offsetof(oc_create_args, host) == 0, "oc_create_args");
_Static_assert(offsetof(oc_create_args, instance) == 16, "oc_create_args");
_Static_assert(offsetof(oc_create_args, config) == 32, "oc_create_args");
_Static_assert(offsetof(oc_create_args, environment) == 48, "oc_create_args");
_Static_assert(sizeof(oc_created) == 48, "oc_created");
_Static_assert(_Alignof(oc_created) == 8, "oc_created");
_Static_assert(offsetof(oc_created, plugin) == 0, "oc_created");
_Static_assert(offsetof(oc_created, registrations) == 16, "oc_created");
_Static_assert(sizeof(oc_create_result) == 104, "oc_create_result");
_Static_assert(_Alignof(oc_create_result) == 8, "oc_create_result");
_Static_assert(offsetof(oc_create_result, tag) == 0, "oc_create_result");
_Static_assert(offsetof(oc_create_result, value) == 8, "oc_create_result");
_Static_assert(_Alignof(oc_root) == 8, "oc_root");
_Static_assert(offsetof(oc_root, magic) == 0, "oc_root");
_Static_assert(offsetof(oc_root, size) == 16, "oc_root");
_Static_assert(offsetof(oc_root, abi_hash) == 24, "oc_root");
_Static_assert(offsetof(oc_root, manifest) == 40, "oc_root");
_Static_assert(offsetof(oc_root, manifest_len) == 48, "oc_root");
_Static_assert(offsetof(oc_root, create) == 56, "oc_root");

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
    OC_EXPORT const oc_root openclaw_plugin_root_v1 = {                                                          \
        OC_ROOT_MAGIC, sizeof(oc_root), OC_ABI_HASH, oc_manifest.json, sizeof(manifest_json) - 1, create_function}

#endif
