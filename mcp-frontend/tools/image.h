/*  image.h - the picture of a result as MCP content. */

#ifndef FCJ_MCP_IMAGE_H
#define FCJ_MCP_IMAGE_H
#include <jansson.h>
#include "../../jobs/blob.h"

#define FCJ_MCP_IMAGE_MAX (1024 * 1024)    /* bytes of the file */

/*  A content block for the artifact that the field `image` of a result names:
 *  {type: image, data, mimeType} for PNG and JPEG of at most FCJ_MCP_IMAGE_MAX
 *  bytes, else a text that says where to read it. NULL when the result names
 *  no such artifact. artifacts: as fcj_view_artifacts makes them.  */
json_t *fcj_image_block (const json_t *result, const json_t *artifacts,
                         fcj_blobs_t *blobs);
#endif
