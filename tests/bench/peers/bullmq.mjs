// BullMQ: one Node worker with two jobs at a time in its own process (reused),
// result awaited through its event stream. Same arguments as common.py's.
const [sequential, many, path] = [Number(process.argv[2]),
    Number(process.argv[3]), process.argv[4]];
let bullmq;
try {
    bullmq = await import("bullmq");
} catch {
    console.log(JSON.stringify({missing: "not installed (npm bullmq)"}));
    process.exit(0);
}
const {Queue, Worker, QueueEvents} = bullmq;
const connection = {path, maxRetriesPerRequest: null};
const queue = new Queue("noop", {connection});
const events = new QueueEvents("noop", {connection});
const worker = new Worker("noop", async () => 1, {connection, concurrency: 2});
await Promise.all([queue.waitUntilReady(), events.waitUntilReady(),
    worker.waitUntilReady()]);
const one = async () =>
    (await queue.add("noop", {})).waitUntilFinished(events);
for (let n = 0; n < Math.max(5, sequential / 10); n++) await one();
const times = [];
for (let n = 0; n < sequential; n++) {
    const began = performance.now();
    await one();
    times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
const began = performance.now();
await Promise.all(Array.from({length: many}, one));
const rate = many / ((performance.now() - began) / 1e3);
const at = (part) => times[Math.min(times.length - 1,
    Math.floor(times.length * part))];
console.log(JSON.stringify({p50_ms: at(0.5), p99_ms: at(0.99), rate,
    note: "reused process, concurrency 2"}));
process.exit(0);
