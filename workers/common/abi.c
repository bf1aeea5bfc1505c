/*  abi.c - see abi.h.  */

#include "abi.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_CREATE_RULESET 444
#define CREATE_VERSION    1U

int
fcj_landlock_abi (void)
{
    long abi = syscall (NR_CREATE_RULESET, NULL, 0, CREATE_VERSION);
    return abi > 0 ? (int) abi : 0;
}
