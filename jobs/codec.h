/*  codec.h - the one place that knows msgpack.
 *
 *  A message is a map with string keys. Writing: fcj_pack_t grows a buffer.
 *  Reading: fcj_map_t is a view of a decoded map; strings point into the
 *  caller's bytes, which must outlive it. The decoder is total: any bytes
 *  give a map or NULL, never a crash; depth over FCJ_DEPTH_MAX, more values
 *  than FCJ_VALUES_MAX, size over FCJ_FRAME_MAX, trailing bytes or a root that
 *  is no map are refused. Unknown keys are
 *  ignored, so versions can mix.  */

#ifndef FCJ_CODEC_H
#define FCJ_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Writing ----------------------------------------------------------- */

typedef struct fcj_pack fcj_pack_t;

fcj_pack_t *fcj_pack_new (void);
void fcj_pack_destroy (fcj_pack_t **self_p);

/*  Announce a container; then add exactly that many pairs or elements.  */
void fcj_pack_map (fcj_pack_t *self, size_t pairs);
void fcj_pack_array (fcj_pack_t *self, size_t elements);
void fcj_pack_key (fcj_pack_t *self, const char *key);
void fcj_pack_str (fcj_pack_t *self, const char *text);     /* NULL: nil */
void fcj_pack_strn (fcj_pack_t *self, const char *text, size_t size);
void fcj_pack_int (fcj_pack_t *self, int64_t value);
void fcj_pack_real (fcj_pack_t *self, double value);
void fcj_pack_bool (fcj_pack_t *self, bool value);
void fcj_pack_nil (fcj_pack_t *self);
/*  Already packed bytes as one value (a record's spec, say).  */
void fcj_pack_raw (fcj_pack_t *self, const void *bytes, size_t size);

/*  Pair in one call.  */
void fcj_pack_kstr (fcj_pack_t *self, const char *key, const char *text);
void fcj_pack_kstrn (fcj_pack_t *self, const char *key,
                     const char *text, size_t size);
void fcj_pack_kint (fcj_pack_t *self, const char *key, int64_t value);
void fcj_pack_kreal (fcj_pack_t *self, const char *key, double value);
void fcj_pack_kbool (fcj_pack_t *self, const char *key, bool value);

const void *fcj_pack_data (const fcj_pack_t *self);
size_t fcj_pack_size (const fcj_pack_t *self);

/* ---- Reading ----------------------------------------------------------- */

typedef struct fcj_map fcj_map_t;
typedef struct fcj_list fcj_list_t;     /* an array inside a map; borrowed */

/*  NULL when the bytes are not one well-formed map.  */
fcj_map_t *fcj_map_new (const void *bytes, size_t size);
void fcj_map_destroy (fcj_map_t **self_p);

bool fcj_map_has (const fcj_map_t *self, const char *key);
/*  Copies a string of at most size-1 bytes without NUL into buffer and
 *  returns its length; -1 when absent, of another type, or too long.  */
int fcj_map_copy (const fcj_map_t *self, const char *key,
                  char *buffer, size_t size);
/*  Borrowed bytes of a str or bin value; NULL when absent.  */
const char *fcj_map_bytes (const fcj_map_t *self, const char *key,
                           size_t *size);
int64_t fcj_map_int (const fcj_map_t *self, const char *key, int64_t otherwise);
double fcj_map_real (const fcj_map_t *self, const char *key, double otherwise);
bool fcj_map_bool (const fcj_map_t *self, const char *key, bool otherwise);
/*  A nested map or list, owned by self; NULL when absent.  */
const fcj_map_t *fcj_map_map (const fcj_map_t *self, const char *key);
const fcj_list_t *fcj_map_list (const fcj_map_t *self, const char *key);
/*  Number of pairs; and pair n: its key's bytes (not NUL-terminated).  */
size_t fcj_map_count (const fcj_map_t *self);
const char *fcj_map_key_at (const fcj_map_t *self, size_t n, size_t *size);
const fcj_map_t *fcj_map_map_at (const fcj_map_t *self, size_t n);
/*  Appends the value of key, packed, to out; -1 when absent.  */
int fcj_map_repack (const fcj_map_t *self, const char *key, fcj_pack_t *out);
/*  Appends all pairs, the caller has packed the map's head. A key that is no
 *  text, or longer than 63 bytes, becomes "" without a value.  */
void fcj_map_repack_all (const fcj_map_t *self, fcj_pack_t *out);

size_t fcj_list_count (const fcj_list_t *self);
const fcj_map_t *fcj_list_map (const fcj_list_t *self, size_t n);
const char *fcj_list_bytes (const fcj_list_t *self, size_t n, size_t *size);
int fcj_list_copy (const fcj_list_t *self, size_t n, char *buffer, size_t size);

#endif
