// What spans more than one message, by the official clients: questions to the
// user, subscriptions, progress, tasks and cancelling.

import { CallToolResultSchema, ElicitRequestSchema,
  ResourceUpdatedNotificationSchema }
  from '@modelcontextprotocol/sdk/types.js';

const ASKS = `answer = job.ask('How long?', {'type': 'object', 'properties':
  {'length': {'type': 'integer'}}, 'required': ['length']})
job.progress(0.5, 'half')
answer.content['length'] * 2`;
const SLOW = `import time
for step in range(6):
    time.sleep(0.1)
    job.progress((step + 1) / 6, f'step {step}')
'done'`;

// v1 names a handler by a schema, v2 by the method.
export function answerQuestions(client, v1, asked) {
  const answer = (request) => {
    asked.push(request.params.message);
    return { action: 'accept', content: { length: 21 } };
  };
  client.setRequestHandler(v1 ? ElicitRequestSchema : 'elicitation/create',
    answer);
}

export async function features(client, label, modern, asked, check, must) {
  const v1 = label.startsWith('v1');
  const call = (name, args, options = {}) => client.callTool(
    { name, arguments: args },
    ...(v1 ? [undefined, { timeout: 60_000, ...options }]
      : [{ timeout: 60_000, ...options }]));
  const start = async (code) => (await call('execute_code_async', { code }))
    .structuredContent.job_id;

  await check(`${label}: a job asks its user`, async () => {
    const job = await start(ASKS);
    const status = await call('get_job_status', { job_id: job, wait_s: 25 });
    must(status.structuredContent.state === 'completed',
      JSON.stringify(status));
    must(asked.includes('How long?'), 'the handler was asked');
    const result = await call('get_job_result', { job_id: job });
    must(result.structuredContent.result === 42, 'the answer arrived');
  });

  await check(`${label}: progress of a job`, async () => {
    const told = [];
    const job = await start(SLOW);
    await call('get_job_status', { job_id: job, wait_s: 25 },
      { onprogress: (one) => told.push(one.progress) });
    must(told.length >= 2, `${told.length} notifications`);
    must(told.every((one, n) => n === 0 || one > told[n - 1]), 'it rises');
  });

  await check(`${label}: a subscription`, async () => {
    const updated = [];
    const take = (note) => { updated.push(note.params.uri); };
    client.setNotificationHandler(v1 ? ResourceUpdatedNotificationSchema
      : 'notifications/resources/updated', take);
    const job = await start(SLOW);
    const uri = `job://${job}`;
    const subscription = modern
      ? await client.listen({ resourceSubscriptions: [uri] })
      : await client.subscribeResource({ uri });
    await call('get_job_status', { job_id: job, wait_s: 25 });
    for (let turn = 0; turn < 50 && !updated.length; turn++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    must(updated.includes(uri), `told of ${updated}`);
    if (modern)
      await subscription.close();
    else
      await client.unsubscribeResource({ uri });
  });

  await check(`${label}: a call that is given up`, async () => {
    const job = await start(SLOW);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    let text = '';
    try {
      await call('get_job_status', { job_id: job, wait_s: 25 },
        { signal: abort.signal });
    } catch (error) {
      text = String(error);
    }
    must(text, 'the call ended');
    const status = await call('get_job_status', { job_id: job, wait_s: 25 });
    must(status.structuredContent.state === 'completed', 'the job did not');
  });

  if (!v1) return;
  await check(`${label}: a task`, async () => {
    const seen = [];
    const stream = client.experimental.tasks.callToolStream(
      { name: 'execute_code_async', arguments: { code: ASKS } },
      CallToolResultSchema, { timeout: 60_000, task: { ttl: 60_000 } });
    for await (const message of stream) {
      seen.push(message.type);
      if (message.type === 'error') throw message.error;
      if (message.type === 'result')
        must(message.result.structuredContent.result === 42,
          JSON.stringify(message.result));
    }
    must(seen[0] === 'taskCreated' && seen.at(-1) === 'result', `${seen}`);
    const list = await client.experimental.tasks.listTasks();
    must(list.tasks.length > 0, 'tasks/list');
  });
}
