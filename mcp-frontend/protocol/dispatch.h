/*  dispatch.h - from a method's name to its handler. */
#ifndef FCJ_MCP_DISPATCH_H
#define FCJ_MCP_DISPATCH_H
#include "../call.h"
void fcj_dispatch (fcj_call_t *call);
#endif
