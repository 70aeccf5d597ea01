/** The hook and the component with React in Chromium, against a real service. */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';
import { open, until } from '../../javascript/e2e/world.js';

const { build } = createRequire(new URL('../../javascript/package.json', import.meta.url))('esbuild');
const PART = 5 * 1024 * 1024;
let world, page;

/** The page's code in one piece; the client is the one that the service has. */
async function bundle(url) {
  const served = {
    name: 'served',
    setup: (it) => it.onResolve({ filter: /^@valetkey\/client/ }, ({ path }) => ({
      path: `${url}/sdk/${path.endsWith('/element') ? 'element' : 'index'}.js`, external: true,
    })),
  };
  const { outputFiles } = await build({
    entryPoints: [new URL('./harness.js', import.meta.url).pathname], bundle: true, format: 'esm', write: false,
    define: { 'process.env.NODE_ENV': '"development"' }, plugins: [served],
  });
  return outputFiles[0].text;
}

before(async () => {
  world = await open();
  page = await world.page();
  page.on('console', (message) => message.type() === 'error' && page.errors.push(message.text()));
  await page.addScriptTag({ type: 'module', content: await bundle(world.service.url) });
  await page.waitForFunction(() => window.react);
});
after(() => world.close());
beforeEach(async () => {
  world.proxy.reset();
  page.errors.length = 0;
  await page.evaluate(() => react.reset());
});

const shown = () => page.locator('main li').evaluateAll((items) => items.map((it) => [it.children[0].textContent, it.children[2].textContent]));
const told = () => page.evaluate(() => react.seen.told);

test('files go up, and the list says so', async () => {
  await page.evaluate(() => react.list({ client }));
  await page.waitForFunction(() => react.seen.latest);
  await page.evaluate(() => react.seen.latest.add([file('a.txt', 1000, 'text/plain'), file('b.bin', 2000)]));
  await page.waitForFunction(() => react.seen.latest.finished === 2);
  assert.deepEqual(await shown(), [['a.txt', 'done'], ['b.bin', 'done']]);
  assert.deepEqual((await told()).sort(), [['uploaded', 'a.txt', 'files'], ['uploaded', 'b.bin', 'files']]);
  const { loaded, total, active } = await page.evaluate(() => react.seen.latest);
  assert.deepEqual({ loaded, total, active }, { loaded: 3000, total: 3000, active: false });
  assert.deepEqual(page.errors, []);
});

test('progress is rendered as it comes, once a frame at most, with the same verbs', async () => {
  await page.evaluate(() => {
    react.list({ client });
    window.values = new Set();
    const frame = () => {
      react.seen.frames++;
      const bar = document.querySelector('main progress');
      if (bar) values.add(bar.value);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  world.proxy.rule = ({ part }) => ({ wait: part * 30 });
  await page.evaluate((size) => react.seen.latest.add([
    file('large.bin', 6 * size, undefined, 3), ...Array.from({ length: 40 }, (_, i) => file(`${i}.txt`, 100 + i, 'text/plain', i + 1)),
  ]), PART);
  await page.waitForFunction(() => react.seen.latest.finished === 41);
  const found = await page.evaluate(() => ({ commits: react.seen.commits, frames: react.seen.frames, verbs: react.seen.verbs.size, values: values.size }));
  assert.ok(found.values > 3, `${found.values} values of the bar`);
  assert.ok(found.commits <= found.frames + 2, `${found.commits} commits in ${found.frames} frames`);
  assert.equal(found.verbs, 1);
});

test('in StrictMode, where effects run twice, a file goes up once', async () => {
  await page.evaluate(() => react.list({ client, first: [file('once.txt', 500, 'text/plain', 4)] }, true));
  await page.waitForFunction(() => react.seen.latest?.active === false && react.seen.latest.uploads.length > 0);
  assert.deepEqual(await shown(), [['once.txt', 'done']]);
  assert.equal(world.proxy.stored().length, 1);
  assert.deepEqual(await told(), [['uploaded', 'once.txt', 'files']]);
  await page.evaluate(() => react.leave());
  await page.evaluate(() => react.element({ client, multiple: true }, true));
  await page.waitForFunction(() => document.querySelector('valetkey-upload')?.client);
  await page.evaluate(() => document.querySelector('valetkey-upload').add([file('element.txt', 500, 'text/plain', 5)]));
  await page.waitForFunction(() => react.seen.told.some(([type]) => type === 'finished'));
  assert.deepEqual((await told()).slice(1), [['uploaded', 'element.txt'], ['finished', 1]]);
  assert.deepEqual(page.errors, []);
});

test('when the component goes, what is under way is aborted and nobody is told', async () => {
  world.proxy.rule = ({ part }) => (part > 1 ? { wait: 60_000 } : undefined);
  await page.evaluate((size) => react.list({ client, first: [file('gone.bin', 3 * size, undefined, 6)] }), PART);
  await until(() => world.proxy.stored().length === 1);
  const gone = page.waitForResponse((answer) => answer.request().method() === 'DELETE');
  await page.evaluate(() => react.leave());
  assert.equal((await gone).status(), 204);
  assert.deepEqual(await told(), []);
  assert.deepEqual(page.errors, []);
});

test('with `keep` it goes on, and the callbacks are told', async () => {
  world.proxy.rule = () => ({ wait: 100 });
  await page.evaluate(() => react.list({ client, keep: true, first: [file('kept.txt', 500, 'text/plain', 7)] }));
  await until(() => world.proxy.requests.some((it) => it.method === 'PUT'));
  await page.evaluate(() => react.leave());
  await page.waitForFunction(() => react.seen.told.length > 0);
  assert.deepEqual(await told(), [['uploaded', 'kept.txt', 'files']]);
});

test('all of it is paused, resumed, aborted, tried again and removed', async () => {
  world.proxy.rule = ({ part }) => (part > 1 ? { wait: 60_000 } : undefined);
  await page.evaluate((size) => react.list({ client, first: [file('verbs.bin', 3 * size, undefined, 8)] }), PART);
  await until(() => world.proxy.stored().length === 1);
  const state = (wanted) => page.waitForFunction((it) => react.seen.latest.uploads[0]?.state === it, wanted);
  // Called as an event handler would be, with what is no key.
  await page.evaluate(() => react.seen.latest.pause(new Event('click')));
  await state('paused');
  await page.evaluate(() => react.seen.latest.resume());
  await state('uploading');
  await page.evaluate(() => react.seen.latest.abort(react.seen.latest.uploads[0].key));
  await state('aborted');
  world.proxy.reset();
  await page.evaluate(() => react.seen.latest.retry());
  await state('done');
  assert.deepEqual(await told(), [['uploaded', 'verbs.bin', 'files']]);
  await page.evaluate(() => react.seen.latest.remove());
  await page.waitForFunction(() => document.querySelectorAll('main li').length === 0);
});

test('those that are paused give their places to others', async () => {
  world.proxy.rule = () => ({ wait: 60_000 });
  await page.evaluate(() => react.list({ client, first: Array.from({ length: 40 }, (_, i) => file(`place ${i}`, 10, undefined, i + 40)) }));
  const waiting = (count) => page.waitForFunction((count) => react.seen.latest?.uploads.filter((it) => it.state === 'waiting').length === count, count);
  await waiting(8);
  await page.evaluate(() => {
    const { uploads, pause } = react.seen.latest;
    for (const it of uploads) if (it.state !== 'waiting') pause(it.key);
  });
  await waiting(0);
  world.proxy.reset();
  // What storage holds already is sent anew.
  await page.evaluate(() => {
    react.seen.latest.pause();
    react.seen.latest.resume();
  });
  await page.waitForFunction(() => react.seen.latest.finished === 40);
});

test('what is refused is told with its reason', async () => {
  await page.evaluate(() => react.list({ client, bucket: 'pictures', first: [file('b.txt', 10, 'text/plain')] }));
  await page.waitForFunction(() => react.seen.latest?.failed === 1);
  assert.match(await page.evaluate(() => react.seen.latest.uploads[0].error.message), /text\/plain/);
  assert.deepEqual(await told(), [['failed', 'content_type_not_allowed', 'files']]);
  await page.evaluate(() => react.reset());
  await page.evaluate(() => react.element({ client, bucket: 'pictures', multiple: true }));
  await page.waitForFunction(() => document.querySelector('valetkey-upload')?.client);
  await page.evaluate(() => document.querySelector('valetkey-upload').add([file('a.txt', 10, 'text/plain')]));
  await page.waitForFunction(() => react.seen.told.some(([type]) => type === 'finished'));
  assert.deepEqual(await told(), [['failed', 'content_type_not_allowed', 'a.txt'], ['finished', 0]]);
});

test('the element takes changed props, and what it is doing ends with it', async () => {
  world.proxy.rule = () => ({ wait: 60_000 });
  await page.evaluate(() => react.element({ client, path: 'one', className: 'wide' }));
  await page.waitForFunction(() => document.querySelector('valetkey-upload')?.client);
  await page.evaluate(() => react.element({ client, path: 'two', disabled: false, multiple: true }));
  await page.waitForFunction(() => document.querySelector('valetkey-upload').getAttribute('path') === 'two');
  assert.equal(await page.evaluate(() => document.querySelector('valetkey-upload').hasAttribute('disabled')), false);
  await page.evaluate(() => document.querySelector('valetkey-upload').add([file('held.txt', 10, 'text/plain', 9)]));
  await until(() => world.proxy.requests.some((it) => it.method === 'PUT'));
  const gone = page.waitForResponse((answer) => answer.request().method() === 'DELETE');
  await page.evaluate(() => react.leave());
  assert.equal((await gone).status(), 204);
});

test('what a server has rendered is taken over as it is', async () => {
  await page.evaluate(() => react.hydrate('<ul></ul>', { client, first: [file('hydrated.txt', 10, 'text/plain', 10)] }));
  await page.waitForFunction(() => react.seen.latest?.finished === 1);
  assert.deepEqual(await told(), [['uploaded', 'hydrated.txt', 'files']]);
  assert.deepEqual(page.errors, []);
});
