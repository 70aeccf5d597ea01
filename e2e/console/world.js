/** `valetkey dev` in a folder of its own, and a Chromium that is looked over: nothing may go wrong unseen. */

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { copyFileSync, createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const tools = createRequire(join(ROOT, 'sdk/javascript/package.json'));
const { chromium } = tools('playwright-core');
const AXE = readFileSync(tools.resolve('axe-core/axe.min.js'), 'utf8');
const BINARY = process.env.VALETKEY ?? join(ROOT, process.env.VALETKEY_TEST_BUILD ?? 'target/release', 'valetkey');
/** Where logs and catalogs are left, to be searched for secrets when all tests are over. */
const KEEP = process.env.VALETKEY_TEST_KEEP;
/** Where pictures of the page are kept, to be looked at. */
const SHOTS = join(ROOT, 'target/console');

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts a service; its first words are awaited. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), 'valetkey-console-'));
  const [api, store] = [await freePort(), await freePort()];
  const options = ['dev', '--data-dir', folder, '--listen', `127.0.0.1:${api}`, '--store-listen', `127.0.0.1:${store}`, '--metrics-listen', ''];
  const env = KEEP ? { RUST_LOG: 'debug', ...process.env } : process.env;
  const child = spawn(BINARY, options, { stdio: ['ignore', 'pipe', 'pipe'], env });
  if (KEEP) child.stderr.pipe(createWriteStream(join(KEEP, `${basename(folder)}.log`)));
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  for (const end = Date.now() + 30_000; !said.includes('Ctrl-C'); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > end || child.exitCode !== null) throw new Error(`the service did not start: ${said}`);
  }
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    if (KEEP) copyFileSync(join(folder, 'catalog.sqlite'), join(KEEP, `${basename(folder)}.sqlite`));
    rmSync(folder, { recursive: true, force: true });
  };
  return { said, stop, url: `http://127.0.0.1:${api}`, store: `http://127.0.0.1:${store}`, mint: (sub, from, to) => mint(folder, sub, from, to) };
}

/** A token whose life begins and ends so many seconds from now. */
function mint(folder, sub, from, to) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub, iss: 'valetkey-dev', aud: 'valetkey', roles: [], iat: now + from, exp: now + to };
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims].map((it) => Buffer.from(JSON.stringify(it)).toString('base64url')).join('.');
  const secret = readFileSync(join(folder, 'secret'), 'utf8').trimEnd();
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });

/**
 * A tab that remembers what went wrong in `wrong`: errors on the console, a policy that was violated, a request to
 * anybody but the service and its store. What a test brings about itself is named in `expected`.
 */
export async function tab(browser, service, { width = 1280, height = 800, scheme = 'light', motion = 'reduce', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: motion, ...options });
  const page = await context.newPage();
  const wrong = [];
  const expected = [];
  const note = (text) => expected.some((it) => it.test(text)) || wrong.push(text);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && note(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => note(String(error.stack)));
  page.on('request', (request) => {
    const there = [service.url, service.store, 'blob:'].some((it) => request.url().startsWith(it));
    if (!there) note(`a request to ${request.url()}`);
  });
  return Object.assign(page, { wrong, expected, leave: () => context.close() });
}

/** Opens the console as `valetkey dev` says. */
export async function enter(page, service, fragment = '') {
  await page.goto(/console: (\S+)/.exec(service.said)[1]);
  await page.locator('.head').waitFor();
  if (fragment) await page.evaluate((hash) => (location.hash = hash), fragment);
}

/** What axe finds that is serious. */
export async function faults(page) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter((it) => ['serious', 'critical'].includes(it.impact));
  return serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ''}`).join('; ')}`);
}

/** Keeps a picture of the page. */
export async function shoot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Bytes of a PNG, a film or a sound that the browser makes itself. */
export const picture = (page) =>
  page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 200 });
    const pen = canvas.getContext('2d');
    for (let at = 0; at < 320; at += 20) {
      pen.fillStyle = `hsl(${at} 60% 50%)`;
      pen.fillRect(at, 0, 20, 200);
    }
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    return [...new Uint8Array(await blob.arrayBuffer())];
  });

/** Two seconds of a tone that rises, as WAV: long enough to seek in. */
export function tone(seconds = 2) {
  const rate = 8000;
  const wav = Buffer.alloc(44 + seconds * rate * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  [[16, 4], [1, 2], [1, 2], [rate, 4], [rate * 2, 4], [2, 2], [16, 2]].reduce((at, [value, width]) => wav.writeUIntLE(value, at, width), 16);
  wav.write('data', 36);
  wav.writeUInt32LE(wav.length - 44, 40);
  for (let at = 0; at < seconds * rate; at++) wav.writeInt16LE(Math.round(Math.sin(at / 20) * 8000), 44 + at * 2);
  return wav;
}

/** Seconds of a film, as WebM, recorded from a canvas. */
export const film = (page, ms = 1500) =>
  page.evaluate(async (ms) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const pen = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm' });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    for (const end = performance.now() + ms; performance.now() < end; await new Promise((go) => setTimeout(go, 40))) {
      pen.fillStyle = `hsl(${performance.now() / 5} 50% 40%)`;
      pen.fillRect(0, 0, 320, 180);
    }
    recorder.stop();
    await ended;
    return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
  }, ms);
