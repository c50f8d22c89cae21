// The same pictures with npm's sharp, on one thread: node images.mjs FILE TASK REPEATS
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const sharp = require('sharp');
sharp.concurrency(1);
sharp.cache(false);

const [file, task, repeats] = process.argv.slice(2);
const source = readFileSync(file);

async function work() {
  if (task === 'jpeg-200') {
    await sharp(source).rotate().resize(200).jpeg({ quality: 80 }).toBuffer();
    return;
  }
  // Decoded once, at the largest size; the smaller ones are made from that.
  const { data, info } = await sharp(source)
    .rotate()
    .resize(600, 600, { fit: 'inside' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  for (const size of [600, 300, 150]) {
    await sharp(data, { raw: info })
      .resize(size, size, { fit: 'inside' })
      .webp({ quality: 80 })
      .toBuffer();
  }
}

await work();
const cpu = [];
const wall = [];
for (let turn = 0; turn < Number(repeats); turn += 1) {
  const used = process.cpuUsage();
  const began = performance.now();
  await work();
  wall.push(performance.now() - began);
  const now = process.cpuUsage(used);
  cpu.push((now.user + now.system) / 1000);
}
// Not resourceUsage(): on Linux a child inherits its parent's peak there.
const status = readFileSync('/proc/self/status', 'utf8');
const peak = Number(status.match(/VmHWM:\s+(\d+)/)[1]);
console.log(JSON.stringify({ cpu_ms: cpu, wall_ms: wall, peak_kb: peak }));
