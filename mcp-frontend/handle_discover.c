/*  handle_discover.c - server/discover, the modern era's only opening. */

#include "era.h"
#include "handlers.h"

#define DISCOVER_TTL_MS 3600000

void fcj_handle_discover (fcj_call_t *call)
{
    /*  No subscriptions/listen, so no change is ever told. */
    json_t *capabilities = fcj_handle_capabilities ();
    json_object_set_new (capabilities, "tools", json_object ());
    fcj_call_cacheable (call, json_pack (
        "{s:o,s:o,s:s}", "supportedVersions", fcj_era_supported (),
        "capabilities", capabilities, "instructions",
        fcj_handle_instructions), DISCOVER_TTL_MS, true);
}
