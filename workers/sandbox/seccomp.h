/*  seccomp.h - system calls that a job has no business with. */

#ifndef FCJ_SECCOMP_H
#define FCJ_SECCOMP_H
#include <stdbool.h>
#include "../../jobs/error.h"

/*  Building the filter takes longer than a job may wait: once, before the
 *  forks. Then _enter only hands it to the kernel.  */
int fcj_seccomp_prepare (bool network, fcj_error_t *error);
int fcj_seccomp_enter (fcj_error_t *error);
#endif
