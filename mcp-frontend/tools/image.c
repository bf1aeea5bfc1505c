/*  image.c - a model sees a picture only when it is in the content of the
 *  answer; a link to it is not followed by most clients. A large one would
 *  fill the model's window, so it stays a link.  */

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"

static const json_t *s_find (const json_t *artifacts, const char *name)
{
    size_t n;
    json_t *one;
    json_array_foreach (artifacts, n, one) {
        const char *known = json_string_value (json_object_get (one, "name"));
        if (known && strcmp (known, name) == 0)
            return one;
    }
    return NULL;
}

static json_t *s_text (const char *why, const json_t *artifact)
{
    json_t *text = json_sprintf ("The picture is not shown here: %s. Read it"
                                 " as resource %s.", why, json_string_value (
                                 json_object_get (artifact, "uri")));
    return json_pack ("{s:s,s:o}", "type", "text", "text", text);
}

static json_t *s_encode (const char *bytes, size_t size, const char *mime)
{
    size_t length = sodium_base64_encoded_len (
        size, sodium_base64_VARIANT_ORIGINAL);
    char *data = malloc (length);
    if (!data)
        return NULL;
    sodium_bin2base64 (data, length, (const unsigned char *) bytes, size,
                       sodium_base64_VARIANT_ORIGINAL);
    json_t *block = json_pack (
        "{s:s,s:o,s:s}", "type", "image", "data",
        json_stringn_nocheck (data, length - 1), "mimeType", mime);
    free (data);
    return block;
}

json_t *fcj_image_block (const json_t *result, const json_t *artifacts,
                         fcj_blobs_t *blobs)
{
    const char *name = json_string_value (json_object_get (result, "image"));
    const json_t *artifact = name? s_find (artifacts, name): NULL;
    const char *mime = json_string_value (json_object_get (artifact, "mime"));
    if (!mime || (strcmp (mime, "image/png") && strcmp (mime, "image/jpeg")))
        return NULL;
    if (json_integer_value (json_object_get (artifact, "size"))
        > FCJ_MCP_IMAGE_MAX)
        return s_text ("it has more than 1 MiB", artifact);
    fcj_error_t error;
    size_t size = 0;
    const char *hash = json_string_value (json_object_get (artifact, "hash"));
    char *bytes = fcj_blobs_read (blobs, hash? hash: "", FCJ_MCP_IMAGE_MAX,
                                  &size, &error);
    if (!bytes)
        return s_text ("its bytes could not be read", artifact);
    json_t *block = s_encode (bytes, size, mime);
    free (bytes);
    return block;
}
