/*  fcj-mcp-conformance - fcj-mcp with the fixtures of the conformance suite.
 *  Registry, dispatcher, transports and jobs are the product's own.  */

#include "fixtures.h"

__asm__ (".section .rodata\n"
         ".global fixture_lists\n"
         "fixture_lists: .incbin \"tests/conformance/fixtures.json\"\n"
         ".byte 0\n"
         ".previous\n");
extern const char fixture_lists[];

static fcj_tool_fn *s_tool (const char *name)
{
    fcj_tool_fn *fn = fixture_content (name);
    fn = fn? fn: fixture_asking (name);
    return fn? fn: fixture_tasks (name);
}

int main (int argc, char **argv)
{
    const fcj_extra_t extra = {
        .lists = fixture_lists, .tool = s_tool, .read = fixture_read,
        .prompt = fixture_prompt, .complete = fixture_complete
    };
    return fcj_mcp_main (argc, argv, &extra);
}
