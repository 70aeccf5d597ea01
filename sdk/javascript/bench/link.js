/**
 * One PUT against parallel parts over a link that is long and loses packets, or on which a connection dies.
 *
 *     node bench/link.js [--size 64] [--rounds 3] [--seed 1] [--only lossless,…] [--write ../../docs/bench-link.md]
 *
 * Needs no privileges: the link is a proxy (`link/proxy.js`) that does to each connection what TCP would (`link/tcp.js`, which
 * `test/link.test.js` holds against the formula of Mathis and others). Everything crosses it, the API's calls too. Each client
 * has a service, a store and a link of its own, so that what only waits can run side by side.
 */

import { fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open } from '../e2e/world.js';
import { createClient } from '../src/index.js';
import { BINARY, freePort, start, token } from '../test/server.js';
import { mathis } from './link/tcp.js';

const { values } = parseArgs({ options: {
  size: { type: 'string', default: '64' }, rounds: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' },
  only: { type: 'string' }, write: { type: 'string' },
} });
const [SIZE, ROUNDS, SEED] = [Number(values.size) * 1024 * 1024, Number(values.rounds), Number(values.seed)];
const RTT = 0.1;
/** What is promised of every client in every row but the first. */
const GOAL = 1.4;
/** One PUT on a dead connection never ends; it is not waited for any longer, in seconds. */
const PATIENCE = 180;
/** What curl ends with then. */
const TIMED_OUT = 28;

/** Each is measured by itself where the machine could be the bottleneck, and side by side where the link is. */
const LINKS = {
  lossless: { say: 'no loss', loss: 0 },
  'loss-0.1': { say: '0.1 % loss', loss: 0.001, together: true },
  'loss-0.5': { say: '0.5 % loss', loss: 0.005, together: true },
  stalled: { say: 'no loss, one connection dies after 2 MiB', loss: 0, freezeAfter: 2 * 1024 * 1024, together: true, rounds: 1 },
};
const CLIENTS = { put: 'one PUT (curl)', rust: '`valetkey put`', node: '`@valetkey/client`, Node', chromium: '`@valetkey/client`, Chromium' };

const folder = mkdtempSync(join(tmpdir(), 'valetkey-link-'));
const path = join(folder, 'film.bin');
const wanted = values.only?.split(',') ?? Object.keys(LINKS);
const rows = [];
try {
  writeFileSync(path, randomBytes(SIZE));
  const chosen = wanted.map((name) => LINKS[name] ?? fail(`--only knows ${Object.keys(LINKS).join(', ')}`));
  for (const link of chosen.filter((it) => !it.together)) rows.push(await measure(link));
  rows.push(...(await Promise.all(chosen.filter((it) => it.together).map(measure))));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const text = report(rows);
if (values.write) {
  writeFileSync(values.write, text);
  const ratios = (row) => Object.keys(CLIENTS).slice(1).map((it) => `${row.times[it].ratio.toFixed(2)}×`).join(', ');
  console.log(rows.map((row) => `${row.say}: ${ratios(row)}`).join('; '));
} else process.stdout.write(text);
const slow = rows.flatMap((row) => Object.keys(CLIENTS).slice(1).filter((client) => row.promised && row.times[client].ratio < GOAL).map((client) => `${CLIENTS[client]}, ${row.say}`));
for (const it of slow) console.error(`less than ${GOAL} times as fast: ${it}`);
process.exitCode = slow.length ? 1 : 0;

function fail(why) {
  throw new Error(why);
}

async function measure(link) {
  const seconds = Object.fromEntries(Object.keys(CLIENTS).map((client) => [client, []]));
  const work = [];
  for (let round = 0; round < Math.min(ROUNDS, link.rounds ?? ROUNDS); round++) {
    for (const client of Object.keys(CLIENTS)) work.push(async () => (seconds[client][round] = await timed(client, link, SEED + round)));
  }
  if (link.together) await Promise.all(work.map((it) => it()));
  else for (const it of work) await it();
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const times = Object.fromEntries(Object.keys(CLIENTS).map((client) => [client, {
    seconds: median(seconds[client]), ratio: median(seconds[client].map((it, round) => seconds.put[round] / it)),
  }]));
  return { ...link, promised: link.loss > 0 || Boolean(link.freezeAfter), times };
}

/** How long one client takes, in seconds; of a PUT that never ends, how long it was waited for. */
async function timed(client, link, seed) {
  const links = [];
  const bridge = async (port, to, more) => {
    const child = fork(new URL('./link/proxy.js', import.meta.url), [JSON.stringify({ port, to, loss: link.loss, seed, ...more })]);
    links.push(child);
    await new Promise((resolve, reject) => child.once('message', resolve).once('exit', () => reject(new Error('no link'))));
    return { close: () => child.kill() };
  };
  const options = {
    front: (port, store) => bridge(port, store, { freezeAfter: link.freezeAfter }),
    // What is one PUT here must be one for the service; all other bounds are the product's own.
    rules: client === 'put' ? `single_limit = ${SIZE}` : '',
  };
  const world = client === 'chromium' ? await open({ service: options }) : undefined;
  const service = world?.service ?? (await start(options));
  try {
    const port = await freePort();
    await bridge(port, Number(new URL(service.url).port));
    const url = `http://127.0.0.1:${port}`;
    const run = { put: onePut, rust: byRust, node: byNode, chromium: byChromium }[client];
    const ready = world && (await choose(world));
    const begun = performance.now();
    await run(url, link, ready);
    return (performance.now() - begun) / 1000;
  } finally {
    await (world ?? { close: service.stop }).close();
    for (const child of links) child.kill();
  }
}

/** As a script does it: create, `curl -T`, complete. */
async function onePut(url, { freezeAfter }) {
  const api = async (path, body) => {
    const headers = { authorization: `Bearer ${token()}`, 'content-type': 'application/json' };
    const answer = await fetch(`${url}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const upload = await api('/uploads', { filename: 'film.bin', content_type: 'application/octet-stream', size: SIZE });
  const headers = Object.entries(upload.request.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const limit = freezeAfter ? ['--max-time', String(PATIENCE)] : [];
  const code = await command('curl', ['-sS', '--fail', ...limit, '-T', path, ...headers, upload.request.url]);
  if (freezeAfter && code === TIMED_OUT) return;
  if (code !== 0) throw new Error(`curl ended with ${code}`);
  for (let done; !done?.etag; ) done = await api(`/uploads/${upload.id}/complete`, {});
}

async function byRust(url) {
  const code = await command(BINARY, ['put', '--json', path], { VALETKEY_URL: url, VALETKEY_TOKEN: token() });
  if (code !== 0) throw new Error(`valetkey put ended with ${code}`);
}

/** Runs a command; its exit code. */
function command(name, options, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(name, options, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject).on('exit', resolve);
  });
}

async function byNode(url) {
  const file = new File([await openAsBlob(path)], 'film.bin');
  await createClient({ url, token: token() }).upload(file).done;
}

/** A page in which the file was chosen, as people do. */
async function choose(world) {
  const page = await world.page();
  await page.evaluate(() => document.body.append(Object.assign(document.createElement('input'), { type: 'file' })));
  await page.setInputFiles('input', path);
  return page;
}

async function byChromium(url, _, page) {
  await page.evaluate(({ url, token }) =>
    sdk.createClient({ url, token }).upload(document.querySelector('input').files[0]).done.then(() => {}), { url, token: token() });
}

function report(rows) {
  const names = Object.keys(CLIENTS);
  const cell = (row, client) => {
    const { seconds, ratio } = row.times[client];
    if (client === 'put') return row.freezeAfter ? `never (given up after ${PATIENCE} s)` : `${seconds.toFixed(1)} s`;
    return `${seconds.toFixed(1)} s, **${row.freezeAfter ? 'more than ' : ''}${ratio.toFixed(2)}×**`;
  };
  const formula = (row) => (row.loss > 0 ? `${(SIZE / mathis(row.loss, RTT)).toFixed(0)} s` : '–');
  return `# A long link that loses packets

Written by \`sdk/javascript/bench/link.js\` (\`scripts/long\` runs it) on ${new Date().toISOString().slice(0, 10)}, seed ${SEED}: a file of ${values.size} MiB, medians of ${ROUNDS} rounds (of the last row: one);
${cpus().length} cores (${cpus()[0].model}), ${process.env.VALETKEY_TEST_BUILD ?? 'target/release'}. **Bold** is how many times as fast as one PUT.

| 100 Mbit/s, 100 ms there and back | ${names.map((it) => CLIENTS[it]).join(' | ')} | one connection by the formula |
|---|${names.map(() => '---:').join('|')}|---:|
${rows.map((row) => `| ${row.say} | ${names.map((it) => cell(row, it)).join(' | ')} | ${formula(row)} |`).join('\n')}

Parts go side by side, and each connection has a window of its own: what is lost on one halves that one alone. Without losses one
connection fills the link as well as four do, and nothing is gained. A connection that dies keeps one part from arriving; the
client sees that it stands still while others move, gives it up after 20 seconds, and sends that part again. One that dies when the rest
of its part is in the system's send buffer (here the loopback's, which is larger than a real sender's) cannot be told from storage that
thinks: it is given up after 30 seconds the first time if others moved meanwhile, and after 60 if nothing moves any more.

## What the link is

No packet is lost on the way from this machine to itself, and what makes Linux lose some (\`tc netem\`) needs privileges. So the link is
a proxy that does to each connection, in each direction, what TCP would:

- 50 ms one way; nothing before a handshake's round trip; a rate of 100 Mbit/s that all connections share, and a queue of
  100 ms that drops what does not fit.
- A window for each connection and direction: ten packets of 1460 bytes at first, doubled each round trip until something is lost,
  halved by each round trip in which something was lost, one packet more in every other (RFC 5681, 6675, 6928). Packets are lost
  by chance, each with the probability of the row. What is lost comes a round trip later, and what was sent after it waits for it.
- Most systems use CUBIC. At 100 ms and losses of 0.1 % and more its window is that of the rule above (RFC 9438, section 4.3, the "Reno-friendly region").
- A test holds its rate over 200,000 round trips against \`MSS/RTT · sqrt(3/2)/sqrt(p)\` (Mathis, Semke, Mahdavi and Ott, 1997): within 15 %, and seen
  within 6 %. The last column is a whole file at that rate, without the slow start.

Left out: delayed acknowledgements, timeouts after the loss of a whole window, and packets that overtake each other.
The API's calls cross such a link as well, which is two to four round trips for each client.
In browsers HTTP/1.1 has six connections to a host; over HTTP/2 parts would share one, and its losses.
`;
}
