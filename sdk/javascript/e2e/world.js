/** A real service, a real Chromium, and a page of another origin that loads the client from `/sdk/`. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { freePort, start, token } from '../test/server.js';

const PAGE = readFileSync(new URL('./page.html', import.meta.url));

/** Starts everything. `page()` opens a tab in which `client` is the client and `sdk` its module; `service` is said to `start`. */
export async function open(options = {}) {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const service = await start({ page: origin, ...options.service });
  const server = createServer((_, answer) => answer.writeHead(200, { 'content-type': 'text/html' }).end(PAGE));
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const context = await browser.newContext();
  const world = { service, proxy: service.proxy, browser, context, origin };
  world.page = async () => {
    const page = await context.newPage();
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(String(error)));
    await page.goto(origin);
    await prepare(page, service.url);
    return page;
  };
  world.reload = async (page) => {
    await page.reload();
    await prepare(page, service.url);
  };
  world.close = async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await service.stop();
  };
  return world;
}

async function prepare(page, url) {
  await page.addScriptTag({ type: 'module', content: `
    import * as sdk from '${url}/sdk/index.js';
    Object.assign(window, { sdk, ready: true });
  ` });
  await page.waitForFunction(() => window.ready);
  await page.evaluate(({ url, token }) => {
    window.token = token;
    window.client = sdk.createClient({ url, token, retry: { first: 50, longest: 500, attempts: 8 } });
    /** Bytes that are the same for the same seed. */
    window.bytes = (size, seed) => {
      const made = new Uint32Array(Math.ceil(size / 4));
      let x = seed * 2654435761 || 1;
      for (let i = 0; i < made.length; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        made[i] = x;
      }
      return new Uint8Array(made.buffer, 0, size);
    };
    window.file = (name, size, type = 'application/octet-stream', seed = 1) =>
      new File([window.bytes(size, seed)], name, { type, lastModified: 1 });
    /** Remembers what an upload reports, and whether it ever went back. */
    window.watch = () => {
      const seen = { count: 0, loaded: 0, back: false, states: [] };
      seen.onProgress = ({ loaded, state }) => {
        seen.count++;
        if (loaded < seen.loaded) seen.back = true;
        seen.loaded = loaded;
        if (state && seen.states.at(-1) !== state) seen.states.push(state);
      };
      return seen;
    };
    window.outcome = (done) => done.then(({ id, size, integrity }) => ({ id, size, integrity }), ({ code, message }) => ({ code, message }));
  }, { url, token: token() });
}

/** Waits until something holds on this side. */
export async function until(holds, ms = 30_000) {
  for (const end = Date.now() + ms; !holds(); ) {
    if (Date.now() > end) throw new Error('it never held');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
