/*  seccomp.h - system calls that a job has no business with. */

#ifndef FCJ_SECCOMP_H
#define FCJ_SECCOMP_H
#include <stdbool.h>
#include "../../jobs/error.h"

int fcj_seccomp_enter (bool network, fcj_error_t *error);
#endif
