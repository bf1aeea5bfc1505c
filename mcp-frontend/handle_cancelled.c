/*  handle_cancelled.c - notifications/cancelled ends the waiting of a call,
 *  never the job: a job is ended by cancel_job. Over HTTP a modern client
 *  closes the stream instead, and ids of different clients may be equal, so
 *  there it is only matched with the owner's legacy calls.  */

#include <string.h>
#include "handlers.h"

void fcj_handle_cancelled (fcj_call_t *call)
{
    const json_t *id = json_object_get (call->params, "requestId");
    fcj_call_t *other, *after;
    for (other = TAILQ_FIRST (&call->front->calls); other; other = after) {
        after = TAILQ_NEXT (other, next);
        if (id && !call->sink.http && !other->sink.http
            && json_equal (other->id, (json_t *) id)) {
            fcj_sink_t sink = other->sink;
            fcj_call_abandon (other);
            sink.answer (sink.arg, 202, NULL, 0);
            break;
        }
    }
    fcj_call_result (call, json_object ());
}
