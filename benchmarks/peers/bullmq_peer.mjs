// BullMQ: one Node process, 8 jobs at a time. `enqueue JOBS TEXT` or `work`.
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const { Queue, Worker } = require('bullmq');
const address = new URL(process.env.BENCH_REDIS);
const connection = { host: address.hostname, port: Number(address.port) };
const [command, jobs, text] = process.argv.slice(2);

if (command === 'enqueue') {
  const queue = new Queue('bench', { connection });
  for (let i = 0; i < Number(jobs); i += 1) await queue.add('noop', { text });
  await queue.close();
} else {
  new Worker('bench', async () => {}, { connection, concurrency: 8 });
}
