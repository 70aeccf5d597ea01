/** A real service for the tests: its API and embedded store on free ports, and a proxy before the store that may misbehave. */

import { spawn } from 'node:child_process';
import { copyFileSync, createWriteStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createServer as createTcpServer } from 'node:net';

const BUILD = process.env.VALETKEY_TEST_BUILD ?? 'target/release';
/** The binary under test. */
export const BINARY = process.env.VALETKEY ?? new URL(`../../../${BUILD}/valetkey`, import.meta.url).pathname;
/** Where logs and catalogs are left, to be searched for secrets when all tests are over. */
const KEEP = process.env.VALETKEY_TEST_KEEP;
const SECRET = 'a secret of the tests, long enough to sign with';

/** A port that is free at this moment. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A token for a subject. */
export function token(sub = 'alice', life = 3600) {
  const now = Math.floor(Date.now() / 1000);
  const text = [{ alg: 'HS256', typ: 'JWT' }, { sub, iss: 'tests', aud: 'files', iat: now, exp: now + life }]
    .map((it) => Buffer.from(JSON.stringify(it)).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

/** Small parts, so that a few MiB are many. */
const PARTS = `
single_limit = 5242880
part_size = 5242880
max_size = 1073741824
`;

const config = ({ api, store, proxy, folder, page, rules }) => `
listen = "127.0.0.1:${api}"
metrics_listen = ""
cors_origins = ${JSON.stringify(page ? [page] : [])}
catalog = "sqlite:${folder}/catalog.sqlite"
[auth]
secret = "${SECRET}"
issuer = "tests"
audience = "files"
[embedded]
data_dir = "${folder}"
listen = "127.0.0.1:${store}"
public_endpoint = "http://127.0.0.1:${proxy}"
[buckets.files]
provider = "embedded"
[buckets.files.rules]
${rules}
[buckets.pictures]
provider = "embedded"
[buckets.pictures.rules]
content_types = ["image/*"]
max_size = 1000000
`;

/**
 * Starts a service. `stop()` ends it and removes what it kept. `front(port, store)` starts what stands before the store,
 * `null` is nothing; `rules` are those of the bucket `files`.
 */
export async function start(options = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: build it first, with cargo build --release`);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Somebody may have taken a port meanwhile.
      if (attempt === 5) throw error;
    }
  }
}

async function startOnce({ page, front = startProxy, rules = PARTS }) {
  const folder = mkdtempSync(join(tmpdir(), 'valetkey-sdk-'));
  const [api, store, port] = [await freePort(), await freePort(), await freePort()];
  const proxy = front && (await front(port, store));
  writeFileSync(join(folder, 'config.toml'), config({ api, store, proxy: proxy ? port : store, folder, page, rules }));
  const env = KEEP ? { RUST_LOG: 'debug', ...process.env } : process.env;
  const child = spawn(BINARY, ['serve', '--config', join(folder, 'config.toml')], { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  if (KEEP) child.stderr.pipe(createWriteStream(join(KEEP, `${basename(folder)}.log`)));
  child.stderr.on('data', (text) => (log = (log + text).slice(-4000)));
  const ended = new Promise((resolve) => child.on('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    const catalog = join(folder, 'catalog.sqlite');
    if (KEEP && existsSync(catalog)) copyFileSync(catalog, join(KEEP, `${basename(folder)}.sqlite`));
    proxy?.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${api}`;
  for (let i = 0; ; i++) {
    if (await fetch(`${url}/readyz`).then((it) => it.ok, () => false)) return { url, proxy, stop };
    if (i < 400 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    else break;
  }
  await stop();
  throw new Error(`the service did not start: ${log}`);
}

/** The body of a request once it is there and the time is over; `null` if its sender gave up. */
async function hold(asked, seen, ms) {
  const chunks = [];
  asked.on('data', (chunk) => {
    seen.bytes += chunk.length;
    chunks.push(chunk);
  });
  const whole = new Promise((resolve) => asked.on('end', () => resolve(true)).on('close', () => resolve(asked.complete)));
  const [complete] = await Promise.all([whole, new Promise((resolve) => setTimeout(resolve, ms).unref())]);
  return complete && !asked.socket.destroyed ? Buffer.concat(chunks) : null;
}

/**
 * A proxy before the store. It keeps what was asked in `requests`; `rule(request)` may answer
 * `{status, headers}` to answer in the store's place, `{reset: bytes}` to break the connection after so many
 * bytes, `{resetAnswer: bytes}` to break it while it answers, `{loseAnswer: true}` to do what is asked and break
 * it then, or `{wait: ms}` to hold the request back.
 */
async function startProxy(port, store) {
  const proxy = { requests: [], rule: () => undefined, stored: () => proxy.requests.filter((it) => it.method === 'PUT' && it.status === 200) };
  const server = createServer(async (asked, answer) => {
    const { searchParams, pathname } = new URL(asked.url, 'http://store');
    const seen = { method: asked.method, path: pathname, part: Number(searchParams.get('partNumber')), headers: asked.headers, status: 0, bytes: 0 };
    proxy.requests.push(seen);
    const turn = asked.method === 'OPTIONS' ? undefined : proxy.rule(seen);
    // What is held back is taken whole: storage may refuse it before its end, and nobody would take the rest.
    const held = turn?.wait && (await hold(asked, seen, turn.wait));
    if (held === null) return;
    if (turn?.status) {
      seen.status = turn.status;
      asked.resume();
      answer.writeHead(turn.status, { 'access-control-allow-origin': '*', ...turn.headers }).end(turn.body);
      return;
    }
    const onward = request({ host: '127.0.0.1', port: store, method: asked.method, path: asked.url, headers: asked.headers });
    onward.on('error', () => asked.destroy());
    onward.on('response', (came) => {
      seen.status = came.statusCode;
      if (turn?.loseAnswer) return asked.socket.destroy();
      answer.writeHead(came.statusCode, came.headers);
      let sent = 0;
      came.on('data', (chunk) => {
        sent += chunk.length;
        if (turn?.resetAnswer !== undefined && sent > turn.resetAnswer) return asked.socket.destroy();
        if (!answer.write(chunk)) {
          came.pause();
          answer.once('drain', () => came.resume());
        }
      });
      came.on('end', () => answer.end());
      came.on('error', () => asked.destroy());
    });
    if (held) return onward.end(held);
    asked.on('data', (chunk) => {
      seen.bytes += chunk.length;
      if (turn?.reset !== undefined && seen.bytes > turn.reset) {
        onward.destroy();
        asked.socket.destroy();
        return;
      }
      if (!onward.write(chunk)) {
        asked.pause();
        onward.once('drain', () => asked.resume());
      }
    });
    asked.on('end', () => onward.end());
    asked.on('close', () => asked.complete || onward.destroy());
  });
  await new Promise((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', resolve));
  proxy.reset = () => {
    proxy.requests = [];
    proxy.rule = () => undefined;
  };
  proxy.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return proxy;
}

/** Bytes that are the same for the same seed, and have no pattern a store could fold. */
export function bytes(size, seed = 1) {
  const made = new Uint32Array(Math.ceil(size / 4));
  let x = seed * 2654435761 || 1;
  for (let i = 0; i < made.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    made[i] = x;
  }
  return new Uint8Array(made.buffer, 0, size);
}

export const file = (name, size, { type = 'application/octet-stream', seed = 1 } = {}) =>
  new File([bytes(size, seed)], name, { type, lastModified: 1 });

/** A journal in memory, as a page that is reloaded has in IndexedDB. */
export function memoryJournal() {
  const entries = new Map();
  const held = new Set();
  return {
    entries,
    get: async (key) => entries.get(key),
    put: async (key, entry) => void entries.set(key, entry),
    remove: async (key) => void entries.delete(key),
    claim: async (key) => {
      if (held.has(key)) return null;
      held.add(key);
      return () => held.delete(key);
    },
  };
}
