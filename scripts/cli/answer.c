/*  answer.c - fcj answer: what a running job asks, and the answer to it. The
 *  job itself checks the answer against its form and asks again when it does
 *  not fit.  */

#include "commands.h"
#include "../../jobs/limits.h"
#include "../../jobs/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS 5000

/*  The open question as JSON, the caller's; NULL after having said why.  */
static json_t *s_question (link_t *link, const char *id, int *status)
{
    fcj_error_t error = { 0 };
    fcj_store_t *store = link_store (link);
    fcj_record_t *record = store ? fcj_store_status (store, id, link->owner,
                                                     &error) : NULL;
    *status = store ? CLI_FAILED : CLI_AWAY;
    if (!record) {
        if (store)
            *status = link_fail (link, &error);
        return NULL;
    }
    const char *text = fcj_record_str (record, "ask", NULL);
    json_t *asked = text ? json_loads (text, 0, NULL) : NULL;
    if (!asked)
        fprintf (stderr, "fcj: the job asks nothing\n");
    fcj_record_destroy (&record);
    return asked;
}

static void s_show (const link_t *link, const json_t *asked)
{
    const char *message = json_string_value (json_object_get (asked,
                                                              "message"));
    if (link->json) {
        show_json (asked);
        return;
    }
    puts (show_plain (message ? message : "", FCJ_TEXT_MAX));
    const char *name;
    json_t *field;
    json_object_foreach (json_object_get (json_object_get (asked, "schema"),
                                          "properties"), name, field) {
        char *text = fcj_json_dumps (field, JSON_COMPACT);
        printf ("  %s: ", show_plain (name, FCJ_NAME_MAX));
        puts (show_plain (text ? text : "", FCJ_TEXT_MAX));
        free (text);
    }
}

static int s_send (link_t *link, const char *id, json_int_t number,
                   const char *action, const char *content)
{
    fcj_error_t error = { 0 };
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", link->owner);
    fcj_pack_kint (pack, "ask", number);
    fcj_pack_kstr (pack, "action", action);
    fcj_pack_kstr (pack, "content", content);
    json_t *reply = link_ask (link, "ANSWER", pack, ANSWER_MS, &error);
    fcj_pack_destroy (&pack);
    if (!reply)
        return link_fail (link, &error);
    json_decref (reply);
    return CLI_OK;
}

int cmd_answer (link_t *link, int argc, char **argv)
{
    const char *action = argc > 2 ? argv[2] : NULL;
    bool accept = action && strcmp (action, "accept") == 0;
    bool known = !action || accept || strcmp (action, "decline") == 0
                 || strcmp (action, "cancel") == 0;
    if (argc < 2 || !fcj_id_valid (argv[1]) || !known || argc > 4
        || (argc == 4 && !accept)) {
        fprintf (stderr, "usage: fcj answer JOB [accept [JSON] | decline | "
                 "cancel]; without an answer it shows the question\n");
        return CLI_USAGE;
    }
    json_t *content = json_loads (argc == 4 ? argv[3] : "{}", 0, NULL);
    if (!json_is_object (content)) {
        fprintf (stderr, "fcj: the answer is a JSON object, such as "
                 "'{\"radius\": 3}'\n");
        json_decref (content);
        return CLI_USAGE;
    }
    int status;
    json_t *asked = s_question (link, argv[1], &status);
    if (asked && action) {
        char *text = accept ? fcj_json_dumps (content, JSON_COMPACT) : NULL;
        status = s_send (link, argv[1], json_integer_value (
            json_object_get (asked, "ask")), action, text);
        free (text);
    } else if (asked) {
        s_show (link, asked);
        status = CLI_OK;
    }
    json_decref (content);
    json_decref (asked);
    return status;
}
