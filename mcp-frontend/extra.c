/*  extra.c - prompts and completion, which today only a program with extras
 *  has (extra.h).  */

#include "extra.h"

static json_t *s_list (const fcj_front_t *front, const char *key)
{
    json_t *lists = front->extra? json_loads (front->extra->lists, 0, NULL)
                                : NULL;
    json_t *list = json_object_get (lists, key);
    list = list? json_incref (list): json_array ();
    json_decref (lists);
    return list;
}

static bool s_has_none (fcj_call_t *call)
{
    if (call->front->extra)
        return false;
    fcj_call_error (call, FCJ_RPC_METHOD, call->modern? 404: 200, NULL,
                    "Method not found: %.64s", call->method);
    return true;
}

json_t *fcj_extra_list (const fcj_front_t *front, const char *key)
{
    return s_list (front, key);
}

void fcj_handle_prompts_list (fcj_call_t *call)
{
    if (!s_has_none (call))
        fcj_call_cacheable (call, json_pack ("{s:o}", "prompts", s_list (
            call->front, "prompts")), 3600000, true);
}

void fcj_handle_prompts_get (fcj_call_t *call)
{
    const char *name = json_string_value (json_object_get (call->params,
                                                           "name"));
    if (s_has_none (call) || (name && call->front->extra->prompt (call,
                                                                  name)))
        return;
    fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Unknown prompt"
                    " '%.64s': prompts/list names all", name? name: "");
}

void fcj_handle_complete (fcj_call_t *call)
{
    if (s_has_none (call) || call->front->extra->complete (
            call, json_object_get (call->params, "ref")))
        return;
    fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL,
                    "Nothing of that name is completed here");
}
