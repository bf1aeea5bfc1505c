// The official TypeScript clients against a real fcj-mcp: v1 and v2, the
// legacy and the modern era, stdio and HTTP. Each connects, lists, calls
// every tool and reads a resource.
//
//   node clients.mjs            FCJ_MCP: path of fcj-mcp (default: the build)

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client as V1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as V1Stdio }
  from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as V1Http }
  from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Client as V2, StreamableHTTPClientTransport as V2Http }
  from '@modelcontextprotocol/client';
import { StdioClientTransport as V2Stdio }
  from '@modelcontextprotocol/client/stdio';

import { answerQuestions, features } from './features.mjs';

const FCJ_MCP = process.env.FCJ_MCP
  ?? fileURLToPath(new URL('../../build/bin/fcj-mcp', import.meta.url));
const MODERN = { versionNegotiation: { mode: { pin: '2026-07-28' } } };
const SLOW = { timeout: 60_000 };
let passed = 0, failed = 0;

async function check(name, run) {
  try {
    const value = await run();
    passed++;
    return value;
  } catch (error) {
    failed++;
    console.log(`not ok: ${name}: ${error?.message ?? error}`);
    return undefined;
  }
}

function must(condition, text) {
  if (!condition) throw new Error(text);
}

// ---- Calls ----------------------------------------------------------------

class Session {
  constructor(client, label) {
    this.client = client;
    this.label = label;
    this.called = new Set();
  }

  async call(name, args = {}, options = {}) {
    this.called.add(name);
    const result = await this.client.callTool({ name, arguments: args },
      ...(this.label.startsWith('v1') ? [undefined, SLOW] : [SLOW]));
    if (options.fails) {
      must(result.isError, `${name} should have failed`);
      return result;
    }
    must(!result.isError, `${name}: ${result.content?.[0]?.text}`);
    return result.structuredContent;
  }

  async finish(job) {
    for (let turn = 0; turn < 6; turn++) {
      const status = await this.call('get_job_status',
        { job_id: job, wait_s: 20 });
      if (['completed', 'failed', 'cancelled'].includes(status.state))
        return status;
    }
    throw new Error(`job ${job} does not end`);
  }

  async complete(name, args) {
    const handle = await this.call(name, args);
    must(handle.job_id, 'a handle has a job_id');
    const status = await this.finish(handle.job_id);
    if (status.state !== 'completed') {
      const why = await this.client.callTool(
        { name: 'get_job_result', arguments: { job_id: handle.job_id } });
      throw new Error(`${name} ${status.state}: ${why.content?.[0]?.text}`);
    }
    return handle.job_id;
  }
}

// ---- What is shown --------------------------------------------------------

const BOX = 'print ("hello")\n_result_ = Part.makeBox (10, 10, 10)';
const CIRCLES = [0, 10].map((z) =>
  `Part.Wire (Part.makeCircle (${5 + z / 5}, App.Vector (0, 0, ${z})))`);

async function jobs(s) {
  const box = await check(`${s.label}: execute_code_async`,
    () => s.complete('execute_code_async', { code: BOX, name: 'a box' }));
  if (!box) return;
  await check(`${s.label}: get_job_result`, async () => {
    const result = await s.call('get_job_result', { job_id: box });
    must(result.state === 'completed', 'completed');
    must(result.artifacts.length > 0, 'a shape is an artifact');
  });
  await check(`${s.label}: get_job_output`, async () => {
    const output = await s.call('get_job_output', { job_id: box });
    must(output.text.includes('hello'), `stdout: ${output.text}`);
  });
  await check(`${s.label}: list_jobs`, async () => {
    const list = await s.call('list_jobs', { limit: 50 });
    must(list.jobs.some((job) => job.job_id === box), 'the job is listed');
  });
  await check(`${s.label}: resources`, () => resources(s, box));
  await shapes(s, box);
  await check(`${s.label}: answer_job`, async () => {
    const handle = await s.call('execute_code_async',
      { code: 'job.ask ("Go on?").action' });
    const status = await s.call('get_job_status',
      { job_id: handle.job_id, wait_s: 20 });
    must(status.ask?.message === 'Go on?', 'the status shows the question');
    await s.call('answer_job',
      { job_id: handle.job_id, ask: 1, action: 'accept' });
    must((await s.finish(handle.job_id)).state === 'completed', 'goes on');
  });
  await check(`${s.label}: cancel_job`, async () => {
    const handle = await s.call('execute_code_async',
      { code: 'while True: pass', timeout_s: 60 });
    await s.call('cancel_job', { job_id: handle.job_id });
    const status = await s.finish(handle.job_id);
    must(status.state === 'cancelled', status.state);
  });
  await check(`${s.label}: delete_job`, async () => {
    await s.call('delete_job', { job_id: box });
    await s.call('get_job_status', { job_id: box }, { fails: true });
  });
}

async function resources(s, job) {
  const list = await s.client.listResources();
  must(list.resources.length > 0, 'resources/list is empty');
  const templates = await s.client.listResourceTemplates();
  must(templates.resourceTemplates.length >= 3, 'templates');
  const record = await s.client.readResource({ uri: `job://${job}` });
  const view = JSON.parse(record.contents[0].text);
  must(view.state === 'completed', 'the record is readable');
  const file = await s.client.readResource({ uri: view.artifacts[0].uri });
  must(file.contents[0].text || file.contents[0].blob, 'the file has bytes');
}

async function shapes(s, box) {
  const a = { job: box };
  const other = await check(`${s.label}: a second box`, () => s.complete(
    'execute_code_async',
    { code: '_result_ = Part.makeBox (5, 5, 20)', priority: 'high' }));
  if (!other) return;
  const b = { job: other };
  const profiles = await Promise.all(CIRCLES.map((code) => check(
    `${s.label}: a profile`,
    () => s.complete('execute_code_async', { code: `_result_ = ${code}` }))));
  const calls = {
    fuse_shapes_async: { shapes: [a, b] },
    cut_shapes_async: { base: a, tools: [b] },
    common_shapes_async: { shapes: [a, b] },
    loft_async: { profiles: profiles.map((job) => ({ job })) },
    export_async: { shapes: [a], formats: ['step'] },
    run_pipeline_async: { steps: [{ id: 'box', op: 'box', size: [1, 2, 3] }] },
  };
  for (const [name, args] of Object.entries(calls))
    await check(`${s.label}: ${name}`, () => s.complete(name, args));
}

async function session(client, label, modern) {
  const s = new Session(client, label);
  const tools = await check(`${label}: tools/list`, async () => {
    const list = await client.listTools();
    must(list.tools.length >= 8, `${list.tools.length} tools`);
    return list.tools;
  });
  if (modern)
    await check(`${label}: era`, () => must(
      client.getNegotiatedProtocolVersion?.() === '2026-07-28',
      'not the modern era'));
  await check(`${label}: service_status`, async () => {
    const status = await s.call('service_status');
    must(status.broker === 'up', 'the broker is up');
  });
  await jobs(s);
  await check(`${label}: reload_handlers`, () => s.call('reload_handlers'));
  await check(`${label}: unknown tool`, async () => {
    let text = '';
    try {
      await client.callTool({ name: 'get_job_stauts', arguments: {} });
    } catch (error) {
      text = error.message;
    }
    must(text.includes('get_job_status'), `says what was meant: ${text}`);
  });
  await check(`${label}: a wrong type`, () => s.call('get_job_status',
    { job_id: 7 }, { fails: true }));
  await check(`${label}: every tool was called`, () => {
    const left = (tools ?? []).map((tool) => tool.name)
      .filter((name) => !s.called.has(name));
    must(left.length === 0, `not called: ${left.join(', ')}`);
  });
}

// ---- Transports -----------------------------------------------------------

function startHttp() {
  return new Promise((resolve, reject) => {
    const child = spawn(FCJ_MCP, ['--http', '127.0.0.1:0'],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    const timer = setTimeout(() => reject(new Error(text)), 10_000);
    child.stderr.on('data', (data) => {
      text += data;
      const port = /http_listening.*?port["=:]+(\d+)/.exec(text)?.[1];
      if (!port) return;
      clearTimeout(timer);
      resolve({ child, url: new URL(`http://127.0.0.1:${port}/mcp`) });
    });
    child.on('exit', (code) => reject(new Error(`exit ${code}: ${text}`)));
  });
}

async function connected(label, client, transport, use) {
  const up = await check(`${label}: connect`, async () => {
    await client.connect(transport);
    return true;
  });
  if (up)
    await use();
  await client.close().catch(() => {});
}

// A client that can show no questions, then one that can.
async function run(label, Client, open, modern) {
  const info = { name: 'fcj-tests', version: '1' };
  const plain = new Client(info, modern ? MODERN : {});
  await connected(label, plain, open(),
    () => session(plain, label, modern));
  const asking = new Client(info, { ...(modern ? MODERN : {}),
    capabilities: { elicitation: { form: {} } } });
  const asked = [];
  answerQuestions(asking, label.startsWith('v1'), asked);
  await connected(`${label} (asking)`, asking, open(),
    () => features(asking, label, modern, asked, check, must));
}

// The tools of the window and its documents have tests of their own, with a
// window.
Object.assign(process.env, { FCJ_TOOLSETS: 'jobs', FCJ_GUI: 'no' });
const pipe = { command: FCJ_MCP, args: [], stderr: 'ignore',
  env: { ...process.env } };
const http = await startHttp();
await run('v1 stdio', V1, () => new V1Stdio(pipe), false);
await run('v1 http', V1, () => new V1Http(http.url), false);
await run('v2 stdio', V2, () => new V2Stdio(pipe), false);
await run('v2 http', V2, () => new V2Http(http.url), false);
await run('v2 modern stdio', V2, () => new V2Stdio(pipe), true);
await run('v2 modern http', V2, () => new V2Http(http.url), true);
http.child.kill('SIGTERM');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
