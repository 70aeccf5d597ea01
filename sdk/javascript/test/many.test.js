import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createClient, isAborted, isRefused } from '../src/index.js';
import { file, start, token } from './server.js';

let service;
before(async () => (service = await start()));
after(() => service.stop());
beforeEach(() => service.proxy.reset());

/** A client that counts what it asks the API. */
function counting(options) {
  const asked = {};
  const fetch = (url, init) => {
    const { pathname } = new URL(url);
    if (pathname.startsWith('/v1/')) asked[`${init.method} ${pathname}`] = (asked[`${init.method} ${pathname}`] ?? 0) + 1;
    return globalThis.fetch(url, init);
  };
  return { asked, client: createClient({ url: service.url, token: token(), fetch, ...options }) };
}

const photos = (count) => Array.from({ length: count }, (_, i) => file(`photo ${i}.jpg`, 50_000 + i, { type: 'image/jpeg', seed: i + 1 }));

test('twenty files are created and completed in batches, and answered in their order', async () => {
  const { asked, client } = counting();
  const reports = [];
  const upload = await client.uploadAll(photos(20), { path: 'photos', onProgress: (it) => reports.push(it) });
  const results = await upload.done;
  assert.deepEqual(results.map((it) => it.file?.filename), photos(20).map((it) => it.name));
  assert.ok(results.every((it) => it.file.path === 'photos' && it.file.integrity === 'checksum'));
  assert.equal(asked['GET /v1/buckets'], 1);
  const requests = Object.values(asked).reduce((sum, it) => sum + it, 0);
  assert.ok(requests <= 16, JSON.stringify(asked));
  assert.ok(asked['POST /v1/uploads/batch'] >= 1 && asked['POST /v1/uploads/complete'] >= 1, JSON.stringify(asked));
  assert.equal(service.proxy.stored().length, 20);
  reports.forEach((it, i) => assert.ok(i === 0 || it.loaded >= reports[i - 1].loaded));
  assert.deepEqual(reports.at(-1), { loaded: upload.total, total: upload.total, files: 20, finished: 20, failed: 0 });
});

test('one budget holds over all files', async () => {
  let open = 0, most = 0;
  service.proxy.rule = () => {
    most = Math.max(most, ++open);
    setTimeout(() => open--, 20);
    return { wait: 20 };
  };
  const { client } = counting({ connections: 2 });
  await (await client.uploadAll(photos(12))).done;
  assert.equal(most, 2);
});

test('a file that is refused keeps no other from being sent', async () => {
  const { client } = counting();
  const mixed = [file('a.png', 10, { type: 'image/png' }), file('b.txt', 10, { type: 'text/plain' }), file('c.png', 20, { type: 'image/png' })];
  const handles = [];
  const upload = await client.uploadAll(mixed, { bucket: 'pictures', onUpload: (handle, it, index) => handles.push([handle.state, it.name, index]) });
  const results = await upload.done;
  assert.deepEqual(results.map((it) => it.file?.filename ?? it.error.code), ['a.png', 'content_type_not_allowed', 'c.png']);
  assert.ok(isRefused(results[1].error));
  assert.deepEqual([upload.finished, upload.failed, upload.state], [2, 1, 'done']);
  assert.deepEqual(handles.map(([, name, index]) => [name, index]), [['a.png', 0], ['b.txt', 1], ['c.png', 2]]);
});

test('all of them are paused, resumed and aborted together', async () => {
  service.proxy.rule = () => ({ wait: 30 });
  const { client } = counting({ connections: 1 });
  const upload = await client.uploadAll(photos(10));
  while (service.proxy.stored().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  upload.pause();
  assert.equal(upload.state, 'paused');
  await new Promise((resolve) => setTimeout(resolve, 150));
  const stored = service.proxy.stored().length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(service.proxy.stored().length, stored);
  upload.resume();
  while (service.proxy.stored().length < stored + 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await upload.abort();
  const results = await upload.done;
  assert.equal(upload.state, 'aborted');
  assert.equal(results.length, 10);
  assert.ok(results.some((it) => isAborted(it.error)));
});

test('nothing is an upload of nothing', async () => {
  const { client } = counting();
  assert.deepEqual(await (await client.uploadAll([])).done, []);
});

test('one that is paused gives its place to another', async () => {
  const held = [];
  const { client } = counting();
  const upload = await client.uploadAll(photos(80), { onUpload: (handle, _, index) => index < 70 && (handle.pause(), held.push(handle)) });
  while (upload.finished < 10) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(held.length, 70, 'all are begun, also those for which there were no places left');
  for (const handle of held) handle.resume();
  const results = await upload.done;
  assert.ok(results.every((it) => it.file), results.find((it) => it.error)?.error);
});

test('a page that throws keeps nothing from being uploaded', async ({ mock }) => {
  const thrown = [];
  mock.method(globalThis, 'queueMicrotask', (call) => {
    try {
      call();
    } catch (error) {
      thrown.push(error.message);
    }
  });
  const onUpload = () => {
    throw new Error('mine');
  };
  const results = await (await counting().client.uploadAll(photos(1), { onUpload })).done;
  assert.ok(results[0].file);
  assert.deepEqual(thrown, ['mine']);
});
