/*  view.h - records and broker answers as JSON and as text for a model. */

#ifndef FCJ_MCP_VIEW_H
#define FCJ_MCP_VIEW_H
#include <jansson.h>
#include "../../jobs/codec.h"
#include "../../jobs/store/store.h"

#define FCJ_VIEW_KEY_MAX 128           /* longer keys are left out */

/*  What get_job_status and list_jobs show of a record. */
json_t *fcj_view_record (const fcj_record_t *record);
/*  The same in one or two sentences that say what to do next. */
void fcj_view_text (const fcj_record_t *record, char *out, size_t size);
/*  When to ask again: soon for a young job, slower for an old one. */
int64_t fcj_view_poll_ms (const fcj_record_t *record);
/*  The artifacts, as job://... resources; and as content blocks. */
json_t *fcj_view_artifacts (const fcj_record_t *record);
json_t *fcj_view_links (const fcj_record_t *record);
/*  RFC 3339 in UTC; NULL for 0. */
json_t *fcj_view_time (int64_t ms);
/*  A msgpack map as a JSON object (strings that are not UTF-8: dropped). */
json_t *fcj_view_map (const fcj_map_t *map);
/*  Bytes as a JSON string; what is not UTF-8 becomes U+FFFD. */
json_t *fcj_view_string (const char *bytes, size_t size);
#endif
