/*  codec.c - msgpack, bounded before it is trusted.
 *
 *  msgpack-c allocates what a header announces, so a frame of ten bytes may
 *  ask it for gigabytes. Bytes are therefore walked once by s_well_formed(),
 *  which allocates nothing and refuses what is too deep, too many or longer
 *  than what is there; only then does msgpack-c see them.
 *
 *  An fcj_map_t and an fcj_list_t are never defined: a pointer to one is a
 *  pointer to an msgpack_object of that type. That makes a nested map a view
 *  without a copy.  */

#include "codec.h"
#include "bytes.h"
#include "limits.h"

#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ----------------------------------------------------------- */

struct fcj_pack {
    fcj_bytes_t bytes;
    msgpack_packer packer;
};

static int s_append (void *arg, const char *bytes, size_t size)
{
    fcj_pack_t *self = arg;
    fcj_bytes_add (&self->bytes, bytes, size);
    return 0;
}

fcj_pack_t *fcj_pack_new (void)
{
    fcj_pack_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    msgpack_packer_init (&self->packer, self, s_append);
    return self;
}

void fcj_pack_destroy (fcj_pack_t **self_p)
{
    if (!*self_p)
        return;
    fcj_bytes_free (&(*self_p)->bytes);
    free (*self_p);
    *self_p = NULL;
}

void fcj_pack_map (fcj_pack_t *self, size_t pairs)
{
    msgpack_pack_map (&self->packer, pairs);
}

void fcj_pack_array (fcj_pack_t *self, size_t elements)
{
    msgpack_pack_array (&self->packer, elements);
}

void fcj_pack_key (fcj_pack_t *self, const char *key)
{
    fcj_pack_strn (self, key, strlen (key));
}

void fcj_pack_str (fcj_pack_t *self, const char *text)
{
    if (text)
        fcj_pack_strn (self, text, strlen (text));
    else
        fcj_pack_nil (self);
}

void fcj_pack_strn (fcj_pack_t *self, const char *text, size_t size)
{
    msgpack_pack_str_with_body (&self->packer, text, size);
}

void fcj_pack_int (fcj_pack_t *self, int64_t value)
{
    msgpack_pack_int64 (&self->packer, value);
}

void fcj_pack_real (fcj_pack_t *self, double value)
{
    msgpack_pack_double (&self->packer, value);
}

void fcj_pack_bool (fcj_pack_t *self, bool value)
{
    if (value)
        msgpack_pack_true (&self->packer);
    else
        msgpack_pack_false (&self->packer);
}

void fcj_pack_nil (fcj_pack_t *self)
{
    msgpack_pack_nil (&self->packer);
}

void fcj_pack_raw (fcj_pack_t *self, const void *bytes, size_t size)
{
    fcj_bytes_add (&self->bytes, bytes, size);
}

void fcj_pack_kstr (fcj_pack_t *self, const char *key, const char *text)
{
    fcj_pack_key (self, key);
    fcj_pack_str (self, text);
}

void fcj_pack_kstrn (fcj_pack_t *self, const char *key, const char *text,
                     size_t size)
{
    fcj_pack_key (self, key);
    fcj_pack_strn (self, text, size);
}

void fcj_pack_kint (fcj_pack_t *self, const char *key, int64_t value)
{
    fcj_pack_key (self, key);
    fcj_pack_int (self, value);
}

void fcj_pack_kreal (fcj_pack_t *self, const char *key, double value)
{
    fcj_pack_key (self, key);
    fcj_pack_real (self, value);
}

void fcj_pack_kbool (fcj_pack_t *self, const char *key, bool value)
{
    fcj_pack_key (self, key);
    fcj_pack_bool (self, value);
}

const void *fcj_pack_data (const fcj_pack_t *self)
{
    return fcj_bytes_data (&self->bytes);
}

size_t fcj_pack_size (const fcj_pack_t *self)
{
    return fcj_bytes_size (&self->bytes);
}

/* ---- Is it well formed? ------------------------------------------------- */

/*  The head of one value: how many bytes of length follow the first byte,
 *  the body's bytes, and how many values it holds.  */
typedef struct {
    size_t head, body, children;
    bool container;
} s_head_t;

static size_t s_big_endian (const unsigned char *at, size_t bytes)
{
    size_t value = 0;
    for (size_t n = 0; n < bytes; n++)
        value = value << 8 | at[n];
    return value;
}

/*  0, or -1 for what no message of ours contains (c1, ext) or cut short. */
static int s_head (const unsigned char *at, size_t left, s_head_t *out)
{
    unsigned char c = at[0];
    memset (out, 0, sizeof (*out));
    out->head = 1;
    if (c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3)
        return 0;
    if (c <= 0x9f) {            /* fixmap, fixarray */
        out->container = true;
        out->children = (size_t) (c & 15) * (c <= 0x8f ? 2 : 1);
        return 0;
    }
    if (c <= 0xbf) {            /* fixstr */
        out->body = c & 31;
        return 0;
    }
    size_t length = 0;          /* bytes of a length that follows */
    switch (c) {
    case 0xca: case 0xce: case 0xd2: out->body = 4; return 0;
    case 0xcb: case 0xcf: case 0xd3: out->body = 8; return 0;
    case 0xcc: case 0xd0:            out->body = 1; return 0;
    case 0xcd: case 0xd1:            out->body = 2; return 0;
    case 0xc4: case 0xd9:            length = 1; break;
    case 0xc5: case 0xda:
    case 0xdc: case 0xde:            length = 2; break;
    case 0xc6: case 0xdb:
    case 0xdd: case 0xdf:            length = 4; break;
    default: return -1;
    }
    if (left < 1 + length)
        return -1;
    size_t count = s_big_endian (at + 1, length);
    out->head = 1 + length;
    out->container = c >= 0xdc;
    if (out->container)
        out->children = count * (c >= 0xde ? 2 : 1);
    else
        out->body = count;
    return 0;
}

/*  Exactly one value of bounded depth and count fills the bytes. */
static bool s_well_formed (const unsigned char *at, size_t left)
{
    size_t open[FCJ_DEPTH_MAX + 1] = {1}; /* values still to come, by depth */
    size_t values = 0;
    int depth = 0;
    while (depth >= 0) {
        if (open[depth] == 0) {
            depth--;
            continue;
        }
        open[depth]--;
        s_head_t head;
        if (left == 0 || ++values > FCJ_VALUES_MAX ||
            s_head (at, left, &head) < 0 || left - head.head < head.body)
            return false;
        at += head.head + head.body;
        left -= head.head + head.body;
        if (!head.container)
            continue;
        /* each value takes a byte at least */
        if (depth == FCJ_DEPTH_MAX || head.children > left)
            return false;
        open[++depth] = head.children;
    }
    return left == 0;
}

/* ---- Reading ----------------------------------------------------------- */

typedef struct {
    msgpack_object object; /* first: a pointer to it is the fcj_map_t */
    msgpack_zone *zone;
} s_root_t;

static const msgpack_object *s_object (const void *view)
{
    return view;
}

fcj_map_t *fcj_map_new (const void *bytes, size_t size)
{
    if (!bytes || size > FCJ_FRAME_MAX || !s_well_formed (bytes, size))
        return NULL;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    msgpack_unpack_return done =
        msgpack_unpack_next (&unpacked, bytes, size, &offset);
    s_root_t *root = NULL;
    if (done == MSGPACK_UNPACK_SUCCESS && offset == size &&
        unpacked.data.type == MSGPACK_OBJECT_MAP)
        root = calloc (1, sizeof (*root));
    if (root) {
        root->object = unpacked.data;
        root->zone = msgpack_unpacked_release_zone (&unpacked);
    }
    msgpack_unpacked_destroy (&unpacked);
    return root ? (fcj_map_t *) &root->object : NULL;
}

void fcj_map_destroy (fcj_map_t **self_p)
{
    if (!*self_p)
        return;
    s_root_t *root = (s_root_t *) *self_p;
    if (root->zone)
        msgpack_zone_free (root->zone);
    free (root);
    *self_p = NULL;
}

static const msgpack_object *s_get (const fcj_map_t *self, const char *key)
{
    const msgpack_object_map *map = &s_object (self)->via.map;
    size_t size = strlen (key);
    for (uint32_t n = 0; n < map->size; n++) {
        const msgpack_object *k = &map->ptr[n].key;
        /* msgpack-c gives an empty string a null pointer */
        if (k->type == MSGPACK_OBJECT_STR && k->via.str.size == size &&
            size && memcmp (k->via.str.ptr, key, size) == 0)
            return &map->ptr[n].val;
    }
    return NULL;
}

static const char *s_bytes (const msgpack_object *value, size_t *size)
{
    *size = 0;
    if (value && value->type == MSGPACK_OBJECT_STR) {
        *size = value->via.str.size;
        return *size ? value->via.str.ptr : "";
    }
    if (value && value->type == MSGPACK_OBJECT_BIN) {
        *size = value->via.bin.size;
        return *size ? value->via.bin.ptr : "";
    }
    return NULL;
}

static int s_copy (const msgpack_object *value, char *buffer, size_t size)
{
    if (size)
        buffer[0] = 0;
    if (!value || value->type != MSGPACK_OBJECT_STR)
        return -1;
    size_t length = value->via.str.size;
    if (length == 0 && size)
        return 0;
    if (length >= size || memchr (value->via.str.ptr, 0, length))
        return -1;
    memcpy (buffer, value->via.str.ptr, length);
    buffer[length] = 0;
    return (int) length;
}

bool fcj_map_has (const fcj_map_t *self, const char *key)
{
    const msgpack_object *value = s_get (self, key);
    return value && value->type != MSGPACK_OBJECT_NIL;
}

int fcj_map_copy (const fcj_map_t *self, const char *key, char *buffer,
                  size_t size)
{
    return s_copy (s_get (self, key), buffer, size);
}

const char *fcj_map_bytes (const fcj_map_t *self, const char *key,
                           size_t *size)
{
    size_t ignored;
    return s_bytes (s_get (self, key), size ? size : &ignored);
}

int64_t fcj_map_int (const fcj_map_t *self, const char *key, int64_t otherwise)
{
    const msgpack_object *value = s_get (self, key);
    if (!value)
        return otherwise;
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return value->via.u64 <= INT64_MAX ? (int64_t) value->via.u64
                                           : otherwise;
    if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return value->via.i64;
    /* a whole number that some language wrote as a float */
    bool real = value->type == MSGPACK_OBJECT_FLOAT64 ||
                value->type == MSGPACK_OBJECT_FLOAT32;
    if (real && fabs (value->via.f64) <= 9007199254740992.0 &&
        trunc (value->via.f64) >= value->via.f64 &&
        trunc (value->via.f64) <= value->via.f64)
        return (int64_t) value->via.f64;
    return otherwise;
}

double fcj_map_real (const fcj_map_t *self, const char *key, double otherwise)
{
    const msgpack_object *value = s_get (self, key);
    if (!value)
        return otherwise;
    switch (value->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return (double) value->via.u64;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return (double) value->via.i64;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return isfinite (value->via.f64) ? value->via.f64 : otherwise;
    default:
        return otherwise;
    }
}

bool fcj_map_bool (const fcj_map_t *self, const char *key, bool otherwise)
{
    const msgpack_object *value = s_get (self, key);
    return value && value->type == MSGPACK_OBJECT_BOOLEAN ? value->via.boolean
                                                          : otherwise;
}

const fcj_map_t *fcj_map_map (const fcj_map_t *self, const char *key)
{
    const msgpack_object *value = s_get (self, key);
    return value && value->type == MSGPACK_OBJECT_MAP
               ? (const fcj_map_t *) value
               : NULL;
}

const fcj_list_t *fcj_map_list (const fcj_map_t *self, const char *key)
{
    const msgpack_object *value = s_get (self, key);
    return value && value->type == MSGPACK_OBJECT_ARRAY
               ? (const fcj_list_t *) value
               : NULL;
}

size_t fcj_map_count (const fcj_map_t *self)
{
    return s_object (self)->via.map.size;
}

const char *fcj_map_key_at (const fcj_map_t *self, size_t n, size_t *size)
{
    const msgpack_object_map *map = &s_object (self)->via.map;
    size_t ignored;
    return s_bytes (n < map->size ? &map->ptr[n].key : NULL,
                    size ? size : &ignored);
}

const fcj_map_t *fcj_map_map_at (const fcj_map_t *self, size_t n)
{
    const msgpack_object_map *map = &s_object (self)->via.map;
    if (n >= map->size || map->ptr[n].val.type != MSGPACK_OBJECT_MAP)
        return NULL;
    return (const fcj_map_t *) &map->ptr[n].val;
}

int fcj_map_repack (const fcj_map_t *self, const char *key, fcj_pack_t *out)
{
    const msgpack_object *value = s_get (self, key);
    if (!value)
        return -1;
    return msgpack_pack_object (&out->packer, *value) < 0 ? -1 : 0;
}

void fcj_map_repack_all (const fcj_map_t *self, fcj_pack_t *out)
{
    for (size_t n = 0; n < fcj_map_count (self); n++) {
        size_t size = 0;
        const char *bytes = fcj_map_key_at (self, n, &size);
        char key[64] = "";
        if (bytes && size < sizeof (key))
            memcpy (key, bytes, size);
        fcj_pack_key (out, key);
        if (fcj_map_repack (self, key, out) < 0)
            fcj_pack_nil (out);
    }
}

static const msgpack_object *s_at (const fcj_list_t *self, size_t n)
{
    const msgpack_object_array *array = &s_object (self)->via.array;
    return n < array->size ? &array->ptr[n] : NULL;
}

size_t fcj_list_count (const fcj_list_t *self)
{
    return s_object (self)->via.array.size;
}

const fcj_map_t *fcj_list_map (const fcj_list_t *self, size_t n)
{
    const msgpack_object *value = s_at (self, n);
    return value && value->type == MSGPACK_OBJECT_MAP
               ? (const fcj_map_t *) value
               : NULL;
}

const char *fcj_list_bytes (const fcj_list_t *self, size_t n, size_t *size)
{
    size_t ignored;
    return s_bytes (s_at (self, n), size ? size : &ignored);
}

int fcj_list_copy (const fcj_list_t *self, size_t n, char *buffer, size_t size)
{
    return s_copy (s_at (self, n), buffer, size);
}
