/*  inner.c - a call within a call.
 *
 *  The inner one is a tools/call of its own whose sink is here. The outer one
 *  may be gone when the answer comes: it is not pointed to, but known by the
 *  JSON value that it keeps, of which a reference is held here, so that no
 *  other call can have the same.
 *
 *      outer waits -> STATUS (is somebody there for its lane?) -> inner call
 *                  -> answer -> outer found again -> fn  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../methods/handlers.h"
#include "inner.h"
#include "../service.h"
#include "../tools/view.h"

const char fcj_inner_busy[] = "FreeCAD is busy with another job; try again in"
                              " a moment";

#define STATUS_MS 3000
#define OUTER_MS  40000         /* more than any hold */

typedef struct {
    fcj_front_t *front;
    json_t *ticket;             /* the outer call's `kept` */
    json_t *entry, *args;       /* the tool; NULL: STATUS is wanted */
    fcj_inner_fn *fn;
    char owner[FCJ_NAME_MAX + 1];
} inner_t;

static void s_overdue (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    (void) event;
    if (now >= call->deadline)
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "FreeCAD did not"
                        " answer in time; try again in a moment");
}

/*  The outer call, which waits; NULL: it is gone. */
static fcj_call_t *s_outer (const inner_t *self)
{
    fcj_call_t *call;
    TAILQ_FOREACH (call, &self->front->calls, next)
        if (call->kept == self->ticket)
            return call;
    return NULL;
}

static void s_end (inner_t *self, const json_t *structured,
                   const char *trouble)
{
    fcj_call_t *call = s_outer (self);
    if (call) {
        fcj_call_unwait (call);
        self->fn (call, structured, trouble);
    }
    json_decref (self->ticket);
    json_decref (self->entry);
    json_decref (self->args);
    free (self);
}

/* ---- The inner call ---------------------------------------------------- */

/*  The tool was held as long as it may be: its job, which nobody will ask for,
 *  is cancelled. */
static bool s_drop_handle (const inner_t *self, const json_t *structured)
{
    const char *job = json_string_value (json_object_get (structured,
                                                          "job_id"));
    if (!job || !json_object_get (structured, "poll_after_ms"))
        return false;
    fcj_tool_cancel_job (self->front, job, self->owner);
    return true;
}

static void s_answered (void *arg, int status, char *text, size_t size)
{
    inner_t *self = arg;
    (void) status;
    json_t *root = text? json_loadb (text, size, 0, NULL): NULL;
    const json_t *result = json_object_get (root, "result");
    const json_t *structured = json_object_get (result, "structuredContent");
    const char *said = json_string_value (json_object_get (
        json_array_get (json_object_get (result, "content"), 0), "text"));
    if (!said)
        said = json_string_value (json_object_get (
            json_object_get (root, "error"), "message"));
    free (text);
    if (json_is_true (json_object_get (result, "isError")))
        structured = NULL;
    else if (s_drop_handle (self, structured)) {
        structured = NULL;
        said = fcj_inner_busy;
    }
    s_end (self, structured, said? said: "no answer came");
    json_decref (root);
}

static void s_submit (inner_t *self, const char *owner)
{
    fcj_sink_t sink = { .answer = s_answered, .arg = self,
                        .scope = FCJ_SCOPE_RUN };
    json_t *root = json_pack (
        "{s:s,s:i,s:s,s:{s:O,s:O}}", "jsonrpc", "2.0", "id", 1, "method",
        "tools/call", "params", "name", json_object_get (self->entry,
        "name"), "arguments", self->args);
    fcj_call_t *call = fcj_call_new (self->front, &sink, owner, root);
    call->id = json_object_get (root, "id");
    call->method = "tools/call";
    call->params = json_object_get (root, "params");
    strcpy (call->version, FCJ_MCP_LEGACY);
    call->tool = json_incref (self->entry);
    fcj_submit (call, json_object_get (call->params, "arguments"));
}

/* ---- STATUS ------------------------------------------------------------ */

static bool s_serves (const json_t *worker, const char *lane)
{
    size_t n;
    json_t *one;
    json_array_foreach (json_object_get (worker, "lanes"), n, one)
        if (json_is_string (one)
            && strcmp (json_string_value (one), lane) == 0)
            return true;
    return false;
}

static void s_status (void *arg, const fcj_map_t *reply,
                      const fcj_error_t *error)
{
    inner_t *self = arg;
    if (!reply) {
        s_end (self, NULL, error->text);
        return;
    }
    json_t *view = fcj_view_map (reply), *worker;
    const char *lane = json_string_value (json_object_get (self->entry,
                                                           "lane"));
    size_t n;
    bool served = false;
    json_array_foreach (json_object_get (view, "workers"), n, worker)
        served = served || s_serves (worker, lane? lane: "compute");
    fcj_call_t *call = s_outer (self);
    if (!call || !self->entry)
        s_end (self, view, NULL);
    else if (!served)
        s_end (self, NULL, "No FreeCAD with live documents is connected to"
               " the service, and only it knows this. `fcj doctor` in a"
               " terminal says how to start one; work without documents by"
               " execute_code_async.");
    else
        s_submit (self, call->owner);
    json_decref (view);
}

/* ------------------------------------------------------------------------ */

static void s_begin (fcj_call_t *call, json_t *entry, json_t *args,
                     fcj_inner_fn *fn)
{
    fcj_error_t error;
    bool ready = fcj_service_state (call->front->service)
              == FCJ_SERVICE_READY;
    if (!ready || fcj_front_open (call->front, &error) != 0) {
        json_decref (args);
        fn (call, NULL, ready? error.text
            : fcj_service_error (call->front->service));
        return;
    }
    inner_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    json_decref (call->kept);
    call->kept = json_object ();
    self->front = call->front;
    snprintf (self->owner, sizeof self->owner, "%s", call->owner);
    self->ticket = json_incref (call->kept);
    self->entry = json_incref (entry);
    self->args = args;
    self->fn = fn;
    fcj_call_wait (call, NULL, OUTER_MS, 0, s_overdue);
    fcj_client_request (call->front->client, "STATUS", NULL, 0, STATUS_MS,
                        s_status, self);
}

void fcj_inner_tool (fcj_call_t *call, const char *tool, json_t *args,
                     fcj_inner_fn *fn)
{
    json_t *entry = fcj_catalogue_any (call->front->catalogue, tool);
    if (entry)
        s_begin (call, entry, args, fn);
    else {
        json_decref (args);
        fn (call, NULL, "This server has no tool that knows it.");
    }
}

void fcj_inner_status (fcj_call_t *call, fcj_inner_fn *fn)
{
    s_begin (call, NULL, NULL, fn);
}
