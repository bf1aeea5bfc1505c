/*  handle_discover.c - server/discover, the modern era's only opening. */

#include "../protocol/era.h"
#include "handlers.h"

#define DISCOVER_TTL_MS 3600000

void fcj_handle_discover (fcj_call_t *call)
{
    fcj_call_cacheable (call, json_pack (
        "{s:o,s:o,s:s}", "supportedVersions", fcj_era_supported (),
        "capabilities", fcj_handle_capabilities (call->front,
                                                 call->version),
        "instructions", fcj_handle_instructions), DISCOVER_TTL_MS, true);
}
