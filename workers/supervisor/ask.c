/*  ask.c - what a job asks its user (broker/PROTOCOL.md "Asking").
 *
 *  One question a job at a time. It goes to the broker, again after each
 *  WELCOME and every few seconds, until the answer comes; nobody between here
 *  and the record has to remember it. The job's wall clock stands still
 *  meanwhile, but not for ever: then we answer ourselves, with `cancel`.  */

#include "world.h"

#include <jansson.h>
#include <string.h>

#include "../../jobs/log.h"

static void
s_tell_process (const fcj_worker_job_t *self, int64_t ask,
                const char *action, const char *content, size_t size)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 4);
    fcj_pack_kstr (message, "type", "answer");
    fcj_pack_kint (message, "ask", ask);
    fcj_pack_kstr (message, "action", action);
    fcj_pack_kstrn (message, "content", content, size);
    /*  It waits for just this: one that does not read it is no use.  */
    if (self->process
        && fcj_frame_send (self->process->control, fcj_pack_data (message),
                           fcj_pack_size (message), NULL, 0, FCJ_ANSWER_MS))
        fcj_process_break (self->process);
    fcj_pack_destroy (&message);
}

static void
s_send (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->ask_sent = world->now;
    fcj_link_send (world->link, "ASK", self->question);
}

/*  The packed ASK, NULL: not a question.  */
static fcj_pack_t *
s_question (const fcj_worker_job_t *self, const fcj_map_t *message,
            int64_t ask)
{
    char text[FCJ_TEXT_MAX + 1];
    size_t size;
    const char *schema = fcj_map_bytes (message, "schema", &size);
    json_t *parsed = schema && size <= FCJ_ASK_SCHEMA_MAX
        ? json_loadb (schema, size, 0, NULL) : NULL;
    bool object = json_is_object (parsed);
    json_decref (parsed);
    if (!object || fcj_map_copy (message, "message", text, sizeof text) < 0)
        return NULL;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 5);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kint (body, "ask", ask);
    fcj_pack_kstr (body, "message", text);
    fcj_pack_kstrn (body, "schema", schema, size);
    return body;
}

void
fcj_ask_on_message (fcj_world_t *world, fcj_worker_job_t *self,
                    const fcj_map_t *message)
{
    int64_t ask = fcj_map_int (message, "ask", 0);
    if (self->ask || self->stop || ask <= self->asks)
        return;                         /* one at a time, and forward */
    fcj_pack_t *question = ask <= FCJ_ASKS_MAX
        ? s_question (self, message, ask) : NULL;
    self->asks = ask;
    if (!question) {
        s_tell_process (self, ask, "cancel", "", 0);
        return;
    }
    self->ask = ask;
    self->ask_since = world->now;
    self->question = question;
    s_send (world, self);
    fcj_log (FCJ_INFO, "job_asks", "id", self->id, NULL);
}

/*  The clock runs on from where it stood.  */
static void
s_over (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->deadline += world->now - self->ask_since;
    self->ask = 0;
    fcj_pack_destroy (&self->question);
}

void
fcj_ask_on_answer (fcj_world_t *world, fcj_worker_job_t *self,
                   const fcj_map_t *answer)
{
    char action[16] = "";
    size_t size = 0;
    const char *content = fcj_map_bytes (answer, "content", &size);
    int64_t ask = fcj_map_int (answer, "ask", 0);
    if (!self->ask || self->ask != ask || self->state != FCJ_J_RUNNING
        || fcj_map_copy (answer, "action", action, sizeof action) <= 0)
        return;
    s_over (world, self);
    s_tell_process (self, ask, action, content ? content : "", size);
}

void
fcj_ask_tick (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (!self->ask)
        return;
    if (world->now - self->ask_since < world->options.ask_s * 1000) {
        if (world->now - self->ask_sent >= FCJ_REPEAT_MS)
            s_send (world, self);
        return;
    }
    int64_t ask = self->ask;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kint (body, "ask", ask);
    fcj_link_send (world->link, "UNASK", body);
    fcj_pack_destroy (&body);
    s_over (world, self);
    s_tell_process (self, ask, "cancel", "", 0);
}

void
fcj_ask_repeat (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state == FCJ_J_RUNNING && world->jobs[i].ask)
            s_send (world, &world->jobs[i]);
}
