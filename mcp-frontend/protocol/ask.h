/*  ask.h - a handler needs something from its client: an elicitation, a
 *  sampling, the roots. Several rounds in either era, one way to write it:
 *
 *      const json_t *answer = fcj_ask_answer (call, "name");
 *      if (!answer) {
 *          fcj_ask (call, requests, state);
 *          return;                 // it is run again with the answers
 *      }
 *
 *  Modern: the call ends with `input_required`, its state sealed (seal.h);
 *  the client calls again. Legacy: the requests go to the client on the
 *  call's stream (over HTTP that needs a session), and the handler runs
 *  again when all are answered, declined, or FCJ_ASK_S are over.  */

#ifndef FCJ_MCP_ASK_H
#define FCJ_MCP_ASK_H
#include "../call.h"

#ifndef FCJ_ASK_S
#define FCJ_ASK_S 600
#endif

/*  True when the client declared what the method needs
 *  ("elicitation/create" in form mode, "sampling/createMessage",
 *  "roots/list") and can be reached. */
bool fcj_ask_can (const fcj_call_t *call, const char *method);
/*  False when the forms have fields that the client's version has not. */
bool fcj_ask_fits (const fcj_call_t *call, const json_t *requests);
/*  The bare result that the client gave to a question, borrowed; NULL: not
 *  answered. Legacy: an error of the client counts as {"action":"cancel"}. */
json_t *fcj_ask_answer (const fcj_call_t *call, const char *key);
/*  requests (taken): {key: {method, params}}; state (taken) may be NULL and
 *  is call->state when the handler runs again. job: "" or one that is
 *  watched meanwhile: its end runs the handler again too. */
void fcj_ask (fcj_call_t *call, json_t *requests, json_t *state,
              const char *job);
/*  One elicitation in form mode; schema is taken. */
json_t *fcj_ask_form (const char *message, json_t *schema);

/*  Reads inputResponses and requestState of a modern call. -1: the call has
 *  been answered. */
int fcj_ask_open (fcj_call_t *call);
/*  A client's JSON-RPC response, in a session ("" on stdio). True when
 *  somebody here had asked. */
bool fcj_ask_answered (fcj_front_t *front, const char *session,
                       json_t *response);
void fcj_ask_forget (fcj_call_t *call);
#endif
