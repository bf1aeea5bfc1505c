/*  fuzz_rpc.c - any bytes give a JSON value or a reason why not.  */

#include "mcp-frontend/protocol/rpc.h"
#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char why[256];
    int code = 0;
    json_t *message = fcj_rpc_parse ((const char *) data, size, &code, why);
    if (message) {
        fcj_rpc_check (message, why);
        fcj_rpc_is_id (json_object_get (message, "id"));
    }
    json_decref (message);
    return 0;
}
