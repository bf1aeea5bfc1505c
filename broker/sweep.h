/*  sweep.h - removes blobs that no record refers to any more, in a thread.  */

#ifndef FCJ_SWEEP_H
#define FCJ_SWEEP_H
#include <stdint.h>

typedef struct fcj_sweep fcj_sweep_t;

/*  redis: URL; root: of the blobs. A blob younger than grace_ms is never
 *  touched. NULL: no memory or thread.  */
fcj_sweep_t *fcj_sweep_new (const char *redis, const char *root,
                            int64_t grace_ms);
/*  Waits for a round under way, which ends soon.  */
void fcj_sweep_destroy (fcj_sweep_t **self_p);
/*  Begins a round; one that is under way is enough.  */
void fcj_sweep_begin (fcj_sweep_t *self);
#endif
