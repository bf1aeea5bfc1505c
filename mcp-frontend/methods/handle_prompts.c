/*  handle_prompts.c - prompts/list and prompts/get. */

#include <stdlib.h>
#include <string.h>
#include "../extra.h"

#define LIST_TTL_MS 3600000

void fcj_handle_prompts_list (fcj_call_t *call)
{
    const json_t *cursor = json_object_get (call->params, "cursor");
    if (cursor) {               /* they are few: there is one page */
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    json_t *list = fcj_extra_list (call->front, "prompts");
    json_array_extend (list, fcj_prompts_listed (call->front->prompts));
    fcj_call_cacheable (call, json_pack ("{s:o}", "prompts", list),
                        LIST_TTL_MS, true);
}

void fcj_handle_prompts_get (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    const char *name = json_string_value (json_object_get (call->params,
                                                           "name"));
    const json_t *arguments = json_object_get (call->params, "arguments");
    const json_t *prompt = name? fcj_prompts_find (front->prompts, name)
                               : NULL;
    fcj_error_t error;
    if (name && front->extra && front->extra->prompt (call, name))
        return;
    if (!prompt || (arguments && !json_is_object (arguments))) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, prompt
            ? "'arguments' must be an object of strings"
            : "There is no such prompt; prompts/list names them");
        return;
    }
    char *text = fcj_prompts_text (prompt, arguments, front->catalogue,
                                   &error);
    if (!text) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "%s", error.text);
        return;
    }
    json_t *content = json_pack ("{s:s,s:s}", "type", "text", "text", text);
    free (text);
    fcj_call_result (call, json_pack (
        "{s:O,s:[{s:s,s:o}]}", "description",
        json_object_get (prompt, "description"), "messages", "role", "user",
        "content", content));
}
