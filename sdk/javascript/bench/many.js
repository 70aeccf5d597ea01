/**
 * Ten thousand files at once in Chromium: `uploadAll` and `<valetkey-upload>`, with what the page had to bear.
 *
 *     npm run long [-- --files 10000] [-- --write ../../docs/bench-browser.md]
 *
 * A real service (target/release/valetkey, or VALETKEY_TEST_BUILD) with its embedded store, nothing between them. Files of
 * 1 to 4 KiB are made beforehand. Memory is V8's, after a collection that was asked for, when a tenth, half and
 * nine tenths of the files are done; tasks are those the browser calls long (50 ms and more). It fails when a file fails,
 * when a task took 200 ms, or when memory grew.
 */

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { open } from '../e2e/world.js';

const { values } = parseArgs({ options: { files: { type: 'string', default: '10000' }, write: { type: 'string' } } });
const COUNT = Number(values.files);
if (!(COUNT >= 100)) throw new Error('--files must be a number of 100 or more');
/** What a task may take, in milliseconds, and memory may be of what it was. */
const [LONGEST, GROWTH] = [200, 1.2];
const SHARES = [0.1, 0.5, 0.9];

const world = await open({ service: { front: null } });
const rows = [];
try {
  rows.push(await measure('`uploadAll`', byClient));
  rows.push(await measure('`<valetkey-upload multiple>`', byElement));
} finally {
  await world.close();
}
const text = report(rows);
if (values.write) {
  writeFileSync(values.write, text);
  const said = rows.map((row) => `${row.what} ${(row.finished / row.seconds).toFixed(0)} files/s, ${row.failed} failed, heap ×${row.growth.toFixed(2)}, longest task ${row.longest} ms`);
  console.log(said.join('; '));
} else process.stdout.write(text);
const bad = rows.filter((row) => row.failed > 0 || row.longest >= LONGEST || row.growth > GROWTH);
for (const row of bad) console.error(`not as promised: ${row.what}`);
process.exitCode = bad.length ? 1 : 0;

/** Runs one of them in a tab of its own. */
async function measure(what, begin) {
  const page = await world.page();
  const tools = await page.context().newCDPSession(page);
  await tools.send('Performance.enable');
  const heap = async () => {
    await tools.send('HeapProfiler.collectGarbage');
    const { metrics } = await tools.send('Performance.getMetrics');
    return metrics.find((it) => it.name === 'JSHeapUsedSize').value;
  };
  await page.evaluate(prepare, COUNT);
  const heaps = [];
  const start = performance.now();
  await page.evaluate(begin);
  for (const share of SHARES) {
    await page.waitForFunction((done) => seen.finished + seen.failed >= done || seen.ended, share * COUNT, { polling: 100, timeout: 1_800_000 });
    heaps.push(await heap());
  }
  await page.waitForFunction(() => seen.ended, null, { polling: 50, timeout: 1_800_000 });
  const seconds = (performance.now() - start) / 1000;
  const before = await heap();
  const { finished, failed, tasks, why } = await page.evaluate(() => seen);
  // What was answered belongs to the page; nothing else of a file may stay.
  await page.evaluate(() => seen.forget());
  const answers = Math.max(0, before - (await heap()));
  await page.close();
  if (why) console.error(why);
  const apart = heaps.map((bytes, i) => bytes - answers * SHARES[i]);
  return { what, seconds, finished, failed, heaps, answers, apart, growth: apart.at(-1) / apart[0], tasks: tasks.length, longest: Math.max(0, ...tasks) };
}

/** In the page: files, made a few at a time, and what is seen from then on. */
async function prepare(count) {
  const bytes = window.bytes(4096, 1);
  window.files = [];
  for (let i = 0; i < count; i++) {
    files.push(new File([bytes.subarray(0, 1024 + ((i * 7) % 3072))], `file ${i}.bin`, { type: 'application/octet-stream', lastModified: 1 }));
    if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  window.seen = { finished: 0, failed: 0, ended: false, tasks: [], why: '', forget: () => {} };
  new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map((it) => Math.round(it.duration))))
    .observe({ type: 'longtask' });
}

/** In the page. */
async function byClient() {
  const uploads = await client.uploadAll(files, {
    path: 'many', onProgress: ({ finished, failed }) => Object.assign(seen, { finished, failed }),
  });
  uploads.done.then((results) => {
    window.results = results;
    seen.why = results.find((it) => it.error)?.error.message ?? '';
    seen.ended = true;
  });
  seen.forget = () => delete window.results;
}

/** In the page. */
async function byElement() {
  await import(`${client.base}/sdk/element.js`);
  document.querySelector('main').innerHTML = '<valetkey-upload multiple path="element"></valetkey-upload>';
  const element = document.querySelector('valetkey-upload');
  element.client = client;
  element.addEventListener('uploaded', () => seen.finished++);
  element.addEventListener('failed', ({ detail }) => {
    seen.failed++;
    seen.why ||= detail.error.message;
  });
  element.addEventListener('finished', () => (seen.ended = true));
  element.add(files);
  seen.forget = () => document.querySelector('valetkey-upload').remove();
}

function report(rows) {
  const mega = (bytes) => (bytes / 1e6).toFixed(1);
  const cells = rows.map((row) => [
    row.what, row.finished.toLocaleString('en'), row.failed, row.seconds.toFixed(0), (row.finished / row.seconds).toFixed(0),
    row.heaps.map(mega).join(' · '), mega(row.answers), row.apart.map(mega).join(' · '), row.growth.toFixed(2), row.tasks, `${row.longest} ms`,
  ]);
  return `# Many files in a browser

Written by \`npm run long\` in \`sdk/javascript\` (\`scripts/long\` runs it) on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0].model}), which Chromium,
the service and its store share; ${process.env.VALETKEY_TEST_BUILD ?? 'target/release'}.

| ${COUNT.toLocaleString('en')} files of 1 to 4 KiB | uploaded | failed | s | files/s | heap, MB, at 10 · 50 · 90 % | answers, MB | heap without them | grown by | long tasks | the longest |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
${cells.map((row) => `| ${row.join(' | ')} |`).join('\n')}

- **Heap** is V8's, after a collection. **Answers** are what came of each file (its record and receipt), which belongs to the page: what
  goes when they are let go. **Grown by** is the last of the three without its share of them over the first; it may be ${GROWTH}.
- **Long tasks** are those the browser calls long, 50 ms and more; none may take ${LONGEST} ms. The collections count as well.
- Every file is hashed in a worker, remembered in IndexedDB, created in a batch, sent, completed in a batch, verified and
  forgotten again. Nothing is in memory of the files themselves but what the browser holds as Blobs, outside that heap.
- The element shows 100 of them at a time, those that matter, and counts the others.
`;
}
