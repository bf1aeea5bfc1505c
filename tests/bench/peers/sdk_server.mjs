// A server on the official TypeScript SDK: Streamable HTTP, stateless, JSON
// answers, one tool that returns a constant status; or, with FCJ_BENCH_TOOLS (a
// file of JSON), the tool list in it. Prints its port.
import {readFileSync} from "node:fs";
let http, McpServer, Server, ListTools, Transport, z;
try {
    http = await import("node:http");
    ({Server} = await import("@modelcontextprotocol/sdk/server/index.js"));
    ({ListToolsRequestSchema: ListTools} = await import(
        "@modelcontextprotocol/sdk/types.js"));
    ({McpServer} = await import("@modelcontextprotocol/sdk/server/mcp.js"));
    ({StreamableHTTPServerTransport: Transport} = await import(
        "@modelcontextprotocol/sdk/server/streamableHttp.js"));
    ({z} = await import("zod"));
} catch (failure) {
    console.log(JSON.stringify({missing:
        "not installed (npm @modelcontextprotocol/sdk)"}));
    process.exit(0);
}
const status = {job_id: "0", state: "completed", progress: 1};
const file = process.env.FCJ_BENCH_TOOLS;
const tools = file ? JSON.parse(readFileSync(file)) : null;

function lister() {
    const mcp = new Server({name: "bench", version: "1"},
        {capabilities: {tools: {}}});
    mcp.setRequestHandler(ListTools, async () => ({tools}));
    return mcp;
}

function poller() {
    const mcp = new McpServer({name: "bench", version: "1"});
    mcp.registerTool("get_job_status",
        {description: "Status of a job.", inputSchema: {job_id: z.string()}},
        async () => ({content: [{type: "text", text: JSON.stringify(status)}],
            structuredContent: status}));
    return mcp;
}

const server = http.createServer(async (request, response) => {
    const mcp = tools ? lister() : poller();
    const transport = new Transport({sessionIdGenerator: undefined,
        enableJsonResponse: true});
    response.on("close", () => { transport.close(); mcp.close(); });
    await mcp.connect(transport);
    await transport.handleRequest(request, response);
});
server.listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify({port: server.address().port})));
