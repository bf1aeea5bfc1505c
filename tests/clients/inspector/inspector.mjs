// MCP Inspector's command line against a real fcj-mcp: stdio in the legacy
// era, HTTP in the modern one. Each run of it is a client of its own: connect,
// one method, its answer as JSON. It shows no progress; a modern call waits for
// its task.
//
//   node inspector.mjs         FCJ_MCP: path of fcj-mcp

import { execFile, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const FCJ_MCP = process.env.FCJ_MCP;
const PACKAGE = createRequire(import.meta.url)
  .resolve('@modelcontextprotocol/inspector/package.json');
const CLI = join(dirname(PACKAGE), 'clients/launcher/build/index.js');
let passed = 0, failed = 0;

function must(condition, text) {
  if (!condition) throw new Error(text);
}

function inspect(target, era, method, ...more) {
  const args = [CLI, '--cli', ...target, '--protocol-era', era, '--method',
    method, '--format', 'json', '-q', ...more];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: 60_000,
      maxBuffer: 64 << 20 }, (error, out, noise) => {
      try {
        const answer = JSON.parse(out);
        resolve(answer.result ?? answer);
      } catch {
        reject(new Error(`${method}: ${error?.message ?? ''} ${noise} ${
          out.slice(0, 300)}`));
      }
    });
  });
}

async function check(name, run) {
  try {
    await run();
    passed++;
  } catch (error) {
    failed++;
    console.log(`not ok: inspector ${name}: ${error?.message ?? error}`);
  }
}

const tool = (name, args) =>
  ['--tool-name', name, '--tool-args-json', JSON.stringify(args)];

async function session(label, target, era) {
  const ask = (...words) => inspect(target, era, ...words);
  let job;
  await check(`${label}: tools/list`, async () => {
    const { tools } = await ask('tools/list');
    must(tools.some((one) => one.name === 'get_job_status'), 'the tools');
  });
  await check(`${label}: tools/call`, async () => {
    const made = await ask('tools/call',
      ...tool('execute_code_async', { code: 'print("hi")\n6 * 7' }));
    job = made.structuredContent?.job_id
      ?? /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(
        JSON.stringify(made))?.[0];
    must(job, `a job id in ${JSON.stringify(made)}`);
    const status = await ask('tools/call',
      ...tool('get_job_status', { job_id: job, wait_s: 20 }));
    must(status.structuredContent.state === 'completed', 'it completes');
    const result = await ask('tools/call',
      ...tool('get_job_result', { job_id: job }));
    must(result.structuredContent.result === 42, 'the result');
  });
  await check(`${label}: cancel`, async () => {
    const name = `endless, ${label}`;
    const answer = ask('tools/call', ...tool('execute_code_async',
      { code: 'while True: pass', name })).catch((error) => error);
    let endless;
    while (!endless) {
      const { structuredContent } = await ask('tools/call',
        ...tool('list_jobs', { tool: 'execute_code_async', limit: 50 }));
      endless = structuredContent.jobs.find((one) => one.name === name);
    }
    await ask('tools/call', ...tool('cancel_job',
      { job_id: endless.job_id }));
    const status = await ask('tools/call',
      ...tool('get_job_status', { job_id: endless.job_id, wait_s: 10 }));
    must(status.structuredContent.state === 'cancelled', 'it is cancelled');
    // A legacy client has had a handle; a modern one waited for its task.
    const ended = await answer;
    must(era === 'legacy' || String(ended).includes('cancelled'), ended);
  });
  await check(`${label}: resources`, async () => {
    const { resources } = await ask('resources/list');
    must(resources.some((one) => one.uri === `job://${job}`), 'the job');
    const { resourceTemplates } = await ask('resources/templates/list');
    must(resourceTemplates.length >= 4, 'templates');
    const read = await ask('resources/read', '--uri', `job://${job}/stdout`);
    must(read.contents[0].text.includes('hi'), 'stdout');
  });
  await check(`${label}: prompts`, async () => {
    const { prompts } = await ask('prompts/list');
    must(prompts.length >= 7, 'prompts');
    const got = await ask('prompts/get', '--prompt-name', 'design_part',
      '--prompt-args', 'description=a bracket');
    must(got.messages[0].content.text.includes('a bracket'), 'its text');
  });
}

function startHttp() {
  return new Promise((resolve, reject) => {
    const child = spawn(FCJ_MCP, ['--http', '127.0.0.1:0'],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (data) => {
      text += data;
      const port = /http_listening.*?port["=:]+(\d+)/.exec(text)?.[1];
      if (port) resolve({ child, url: `http://127.0.0.1:${port}/mcp` });
    });
    child.on('exit', (code) => reject(new Error(`exit ${code}: ${text}`)));
  });
}

// They run beside each other, and some of their jobs have no end.
Object.assign(process.env, { FCJ_SLOTS: '8', FCJ_GUI: 'no' });
// `-e` names what the server's process is to have of our environment.
const state = ['FCJ_STATE', 'FCJ_SLOTS', 'FCJ_GUI', 'HOME', 'PATH']
  .filter((key) => process.env[key])
  .flatMap((key) => ['-e', `${key}=${process.env[key]}`]);
const http = await startHttp();
process.on('exit', () => http.child.kill('SIGTERM'));
await Promise.all([
  session('stdio legacy', [...state, FCJ_MCP], 'legacy'),
  session('http modern', ['--transport', 'http', '--server-url', http.url],
    'modern')]);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
