/*  render.c - see render.h. A tool's answer holds its JSON twice, once as a
 *  value and once as text for clients that know no structured content. As a
 *  tree it would be written twice and its text copied four times; here it is
 *  written once and escaped once.  */

#include <stdlib.h>
#include <string.h>
#include "../call.h"
#include "render.h"
#include "../../jobs/json.h"

typedef struct {
    char *bytes;
    size_t size, room;
} text_t;

static char *s_more (text_t *self, size_t size)
{
    if (self->room - self->size < size) {
        size_t room = self->room * 2 + size + 1024;
        char *moved = realloc (self->bytes, room);
        if (!moved)
            abort ();
        self->bytes = moved;
        self->room = room;
    }
    return self->bytes + self->size;
}

static void s_put (text_t *self, const char *bytes, size_t size)
{
    memcpy (s_more (self, size), bytes, size);
    self->size += size;
}

#define PUT(self, literal) s_put (self, literal, sizeof literal - 1)

static int s_take (const char *bytes, size_t size, void *arg)
{
    s_put (arg, bytes, size);
    return 0;
}

static int s_put_json (text_t *self, const json_t *value)
{
    return json_dump_callback (value, s_take, self,
                               JSON_COMPACT | JSON_ENCODE_ANY);
}

/*  A string; jansson checks that it is UTF-8. */
static int s_put_string (text_t *self, const char *text)
{
    json_t *string = json_string (text? text: "");
    int done = string? s_put_json (self, string): -1;
    json_decref (string);
    return done;
}

/*  JSON text, compact, as a JSON string: there are no control characters in
 *  it, so only quotes and backslashes need another. */
static void s_put_escaped (text_t *self, const text_t *json)
{
    char *to = s_more (self, 2 * json->size + 2);
    const char *at = json->bytes, *end = at + json->size;
    *to++ = '"';
    for (; at < end; at++) {
        if (*at == '"' || *at == '\\')
            *to++ = '\\';
        *to++ = *at;
    }
    *to++ = '"';
    self->size = (size_t) (to - self->bytes);
}

char *fcj_render_tool (const fcj_call_t *call, const char *text,
                       const json_t *structured, size_t *size)
{
    text_t value = { NULL, 0, 0 }, out = { NULL, 0, 0 };
    if (s_put_json (&value, structured) != 0) {
        free (value.bytes);
        return NULL;
    }
    *s_more (&value, 1) = 0;
    value.size = fcj_json_shorten (value.bytes);
    s_more (&out, 3 * value.size + 1024);
    PUT (&out, "{\"jsonrpc\":\"2.0\",\"id\":");
    int done = s_put_json (&out, call->id);
    PUT (&out, ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
    done |= s_put_string (&out, text);
    PUT (&out, "},{\"type\":\"text\",\"text\":");
    s_put_escaped (&out, &value);
    PUT (&out, "}],\"structuredContent\":");
    s_put (&out, value.bytes, value.size);
    if (call->modern)
        PUT (&out, ",\"resultType\":\"complete\",\"_meta\":{"
             "\"io.modelcontextprotocol/serverInfo\":{\"name\":"
             "\"freecad-jobs\",\"version\":\"" FCJ_VERSION "\"}}");
    PUT (&out, "}}");
    free (value.bytes);
    if (done != 0) {
        free (out.bytes);
        return NULL;
    }
    *s_more (&out, 1) = 0;
    *size = out.size;
    return out.bytes;
}
