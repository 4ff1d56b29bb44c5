/* A whole plugin in C: one tool, `c_hello`, that answers at once. Build:
 *     cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -I include c_hello.c -o libc_hello.so
 */
#include "openclaw_plugin.h"

#include <stdlib.h>
#include <string.h>

#define TOOL "c_hello"
#define INVOKE "tool/1/invoke"

/* === bytes that the host will own and free through our table === */

static const uint64_t no_layout[4];

static oc_type_id type_id(void) {
    return (oc_type_id){.library = no_layout};
}

static void destroy(oc_buf *self) {
    free(self->data);
}

static void grow(oc_buf *self, size_t to, int exactly) {
    (void)exactly;
    uint8_t *data = to > self->capacity ? realloc(self->data, to) : NULL;
    if (data != NULL) {
        self->data = data;
        self->capacity = to;
    }
}

static void keep(oc_buf *self) {
    (void)self;
}

static const oc_buf_vt buf_vt = {OC_PRESENT(4), no_layout, type_id, destroy, grow, keep};

static oc_buf buf(const char *text) {
    size_t len = strlen(text);
    uint8_t *data = malloc(len + 1); /* never of size 0, so never null but for want of memory */
    if (data == NULL) abort();
    memcpy(data, text, len);
    return (oc_buf){data, len, len + 1, &buf_vt};
}

static oc_reply fault(const char *code, const char *message) {
    return (oc_reply){.tag = OC_ERR, .value.err = {buf(code), buf(message), buf("")}};
}

/* === a future that has its reply already, and tells whoever watches === */

typedef struct {
    oc_reply reply;
    oc_option_sink progress;
    bool taken;
} answer;

static oc_poll_reply answer_poll(void *state, oc_context *context) {
    answer *self = state;
    if (self->progress.tag == OC_SOME) {
        oc_sink *sink = &self->progress.value;
        oc_poll_bool room = sink->vt->poll_ready(sink->self, context);
        if (room.tag == OC_PENDING) return (oc_poll_reply){.tag = OC_PENDING};
        if (room.tag == OC_READY && room.value)
            sink->vt->push(sink->self, (oc_bytes){(const uint8_t *)"saying hello", 12});
        sink->vt->drop(sink->self);
        self->progress.tag = OC_NONE;
    }
    self->taken = true;
    return (oc_poll_reply){.tag = OC_READY, .value = self->reply};
}

static void reply_drop(oc_reply *reply) {
    oc_buf *parts = reply->tag == OC_OK ? &reply->value.ok : &reply->value.err.code;
    for (int i = reply->tag == OC_OK ? 1 : 3; i > 0; i--, parts++) parts->vt->destroy(parts);
}

static void answer_drop(void *state) {
    answer *self = state;
    if (self->progress.tag == OC_SOME) self->progress.value.vt->drop(self->progress.value.self);
    if (!self->taken) reply_drop(&self->reply);
    free(self);
}

/* === the plugin === */

typedef struct {
    oc_host host;
} hello;

static void hello_drop(void *self) {
    oc_host *host = &((hello *)self)->host;
    host->vt->drop(host->self);
    free(self);
}

static bool is(oc_str text, const char *literal) {
    return text.len == strlen(literal) && memcmp(text.data, literal, text.len) == 0;
}

static oc_future_reply hello_call(void *self, oc_call call) {
    (void)self;
    answer *state = calloc(1, sizeof *state);
    if (state == NULL) abort();
    if (!is(call.method, INVOKE))
        state->reply = fault("unknown_method", "this plugin has one tool and nothing else");
    else if (!is(call.target, TOOL))
        state->reply = fault("not_found", "this plugin has no such tool");
    else
        state->reply.value.ok = buf("{\"content\":[{\"type\":\"text\",\"text\":\"hello from C\"}]}");
    call.body.vt->destroy(&call.body);
    if (call.input.tag == OC_SOME) call.input.value.vt->drop(call.input.value.self);
    state->progress = call.out;
    return (oc_future_reply){state, answer_poll, answer_drop};
}

static uint64_t hello_ping(void *self, uint64_t n) {
    (void)self;
    return n + 1;
}

static const oc_plugin_vt hello_vt = {OC_PRESENT(3), no_layout, hello_drop, hello_call, hello_ping};

static oc_create_result create(oc_create_args args) {
    hello *self = malloc(sizeof *self);
    if (self == NULL) abort();
    self->host = args.host;
    oc_log_record record = {.level = OC_INFO, .target = OC_STR(TOOL), .message = OC_STR("C is here"),
                            .fields = OC_STR(""), .file = OC_STR(__FILE__), .line = __LINE__};
    args.host.vt->log(args.host.self, &record);
    oc_buf registrations = buf(
        "{\"registrations\":[{\"capability\":\"tool/1\",\"id\":\"" TOOL "\",\"spec\":{\"name\":\"" TOOL "\","
        "\"description\":\"Greets from C.\",\"parameters\":{\"type\":\"object\"},\"idempotent\":true}}],"
        "\"methods\":[\"" INVOKE "\"]}");
    return (oc_create_result){.tag = OC_OK, .value.ok = {{self, &hello_vt}, registrations}};
}

OC_PLUGIN("{\"manifestVersion\":1,\"id\":\"c-hello\",\"name\":\"Hello from C\",\"description\":\"Greets.\","
          "\"version\":\"1.0.0\",\"apiVersion\":\"" OC_API_VERSION "\",\"abi\":\"" OC_ABI "\","
          "\"abiHash\":\"" OC_ABI_HASH "\",\"panic\":\"unwind\",\"tools\":[\"" TOOL "\"]}",
          create);
