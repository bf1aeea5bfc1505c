/*  fcj-mcp - the front-end that MCP clients talk to.
 *
 *      fcj-mcp                          MCP over stdio
 *      fcj-mcp --http 127.0.0.1:8765    Streamable HTTP at /mcp
 *
 *  Settings as in freecad-jobs.conf. Starts the local service if it isn't
 *  running, at the first call that needs it.  */

#include "extra.h"

int main (int argc, char **argv)
{
    return fcj_mcp_main (argc, argv, NULL);
}
