/*  lookup.h - the status of a job, asked without waiting.
 *
 *  fcj_store_status blocks, so a front-end that hundreds of clients poll
 *  would sleep and wake for each of them. Here the questions of one turn of
 *  its poll loop go to Redis in one write and come back in one read.  */

#ifndef FCJ_LOOKUP_H
#define FCJ_LOOKUP_H
#include "async.h"
#include "store.h"

typedef struct fcj_lookup fcj_lookup_t;

/*  As fcj_store_status answers: the record (the callee destroys it), or NULL
 *  and *error. It has the fields that get_job_status shows (lookup.c).  */
typedef void (fcj_lookup_fn) (void *arg, fcj_record_t *record,
                              const fcj_error_t *error);

/*  Asks redis; fn is called later, once, and the lookup is gone then. A
 *  connection that breaks is tried once more. store is asked (blocking)
 *  about a job that is not there: expired, deleted, or never known. id is a
 *  valid job id.  */
fcj_lookup_t *fcj_lookup_new (fcj_async_t *redis, fcj_store_t *store,
                              const char *id, const char *owner,
                              fcj_lookup_fn *fn, void *arg);
/*  Before it was answered: then fn is not called.  */
void fcj_lookup_destroy (fcj_lookup_t **self_p);
#endif
