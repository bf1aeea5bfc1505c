/*  list.c - fcj list: the jobs of an owner, newest first.  */

#include "commands.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIST_MAX 1000

static void s_list_line (const link_t *link, const fcj_record_t *record)
{
    static const char *const fields[] = { "id", "state", "reason", "tool",
                                          "name", "message" };
    const char *values[6];
    for (int n = 0; n < 6; n++) {
        const char *text = fcj_record_str (record, fields[n], NULL);
        values[n] = text ? text : "";
    }
    double progress = fmax (fcj_record_progress (record), 0);
    int64_t submitted = fcj_record_int (record, "submitted", 0);
    if (link->json) {
        json_t *one = json_pack ("{s:s,s:s,s:s,s:s,s:s,s:f,s:I}",
            "id", values[0], "state", values[1], "reason", values[2],
            "tool", values[3], "name", values[4], "progress", progress,
            "submitted", (json_int_t) submitted);
        show_json (one);
        json_decref (one);
        return;
    }
    printf ("%s  %-9s %-12s %4.0f%%  %8s ago  %-20s %s\n", values[0],
            values[1], values[2], 100 * progress,
            show_ms (fcj_now_ms () - submitted), show_plain (values[3], 20),
            show_plain (values[4], 40));
}

typedef struct {
    const char *state, *tool;
    long limit;
} filter_t;

/*  0, or -1 when a word is none that it knows.  */
static int s_filter (filter_t *self, int argc, char **argv)
{
    for (int n = 1; n < argc; n++) {
        const char *value;
        if ((value = word_value (argc, argv, &n, "--tool")))
            self->tool = value;
        else if ((value = word_value (argc, argv, &n, "--limit"))) {
            if (word_number (value, 1, LIST_MAX, &self->limit))
                return -1;
        } else if (fcj_state_of (argv[n]) >= 0 && !self->state)
            self->state = argv[n];
        else
            return -1;
    }
    return 0;
}

/*  One page may hold few that match, or none, and say where to go on.  */
static int s_list (link_t *link, fcj_store_t *store, const filter_t *filter,
                   fcj_error_t *error)
{
    fcj_record_t *records[LIST_MAX];
    char cursor[64] = "";
    int shown = 0, count;
    do {
        count = fcj_store_list (store, link->owner, filter->state,
                                filter->tool, (int) filter->limit - shown,
                                cursor, records, error);
        for (int n = 0; n < count; n++) {
            s_list_line (link, records[n]);
            fcj_record_destroy (&records[n]);
        }
        shown += count;
    } while (count >= 0 && *cursor && shown < filter->limit);
    return count < 0 ? -1 : shown;
}

int cmd_list (link_t *link, int argc, char **argv)
{
    filter_t filter = { .limit = 20 };
    fcj_error_t error = { 0 };
    if (s_filter (&filter, argc, argv)) {
        fprintf (stderr, "usage: fcj list [queued|running|completed|failed|"
                 "cancelled] [--tool NAME] [--limit 1..%d]\n", LIST_MAX);
        return CLI_USAGE;
    }
    fcj_store_t *store = link_store (link);
    int shown = store ? s_list (link, store, &filter, &error) : -1;
    if (shown == 0 && !link->json)
        puts ("no jobs");
    return shown >= 0 ? CLI_OK : store ? link_fail (link, &error) : CLI_AWAY;
}
