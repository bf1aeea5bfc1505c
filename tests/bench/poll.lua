-- wrk: tools/call of get_job_status. FCJ_BENCH_BODY and FCJ_BENCH_HEADERS
-- ("name: value" lines) come from tests/bench/run. The last line of the
-- report is one JSON object with what run wants to know.
wrk.method = "POST"
wrk.body = os.getenv("FCJ_BENCH_BODY")
local headers = os.getenv("FCJ_BENCH_HEADERS") or ""
for name, value in headers:gmatch("([^:\n]+): ([^\n]*)") do
    wrk.headers[name] = value
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\n{"rate": %f, "p50_ms": %f, "p99_ms": %f, "errors": %d}\n',
        summary.requests / (summary.duration / 1e6),
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status
        + errors.timeout))
end
