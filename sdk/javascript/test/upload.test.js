import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createClient, isAborted, isProblem, isRefused, isStorage } from '../src/index.js';
import { bytes, file, memoryJournal, start, token } from './server.js';

const PART = 5 * 1024 * 1024;
const retry = { first: 10, longest: 50 };
let service;

before(async () => (service = await start()));
after(() => service.stop());
beforeEach(() => service.proxy.reset());

const client = (options) => createClient({ url: service.url, token: token(), retry, journal: false, ...options });
const parts = () => service.proxy.stored().map((it) => it.part).sort((a, b) => a - b);
const pending = async (id) => (await client().getUpload(id)).state;

/** Waits until something holds. */
async function until(holds) {
  for (let i = 0; !holds(); i++) {
    if (i > 1000) throw new Error('it never held');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sees to it that reports never go back and end at the end. */
function watched() {
  const seen = [];
  const onProgress = (progress) => {
    const last = seen.at(-1);
    if (last) assert.ok(progress.loaded >= last.loaded, `${progress.loaded} after ${last.loaded}`);
    assert.ok(progress.loaded <= progress.total);
    seen.push(progress);
  };
  return { seen, onProgress };
}

test('a small file goes up in one request, with its checksum', async () => {
  const { seen, onProgress } = watched();
  const upload = client().upload(file('note.txt', 1000, { type: 'text/plain' }), {
    onProgress, path: 'notes/2026', metadata: { from: 'a-test' },
  });
  const it = await upload.done;
  assert.deepEqual([it.filename, it.path, it.size, it.integrity, it.metadata], ['note.txt', 'notes/2026', 1000, 'checksum', { from: 'a-test' }]);
  assert.equal(it.id, upload.id);
  assert.equal(upload.state, 'done');
  assert.deepEqual(seen.at(-1), { loaded: 1000, total: 1000, state: 'done', bytesPerSecond: 0, secondsLeft: null });
  const [put] = service.proxy.requests;
  assert.equal(put.headers['x-amz-checksum-crc64nvme'], it.checksum.value);
  assert.equal(put.headers['content-length'], '1000');
  assert.equal(put.headers.authorization, undefined);
});

test('an empty file is a file', async () => {
  assert.equal((await client().upload(new File([], 'empty')).done).size, 0);
});

test('SHA-256 is computed on request and checked by storage', async () => {
  const it = await client().upload(file('a', 10), { checksum: 'sha256' }).done;
  assert.deepEqual([it.checksum.algorithm, it.integrity], ['sha256', 'checksum']);
  assert.equal((await client().upload(file('a', 10), { checksum: false }).done).integrity, 'size');
});

test('a large file goes up in parts, side by side, checked as a whole', async () => {
  const { seen, onProgress } = watched();
  let open = 0, most = 0;
  service.proxy.rule = () => {
    most = Math.max(most, ++open);
    setTimeout(() => open--, 40);
    return { wait: 40 };
  };
  const it = await client().upload(file('large.bin', 4 * PART + 5), { onProgress }).done;
  assert.deepEqual([it.size, it.integrity], [4 * PART + 5, 'checksum']);
  assert.deepEqual(parts(), [1, 2, 3, 4, 5]);
  assert.ok(most >= 2, `${most} at a time`);
  assert.ok(seen.some((progress) => progress.state === 'uploading' && progress.loaded > 0));
});

test('after a reload only the missing parts are sent', async () => {
  const journal = memoryJournal();
  const large = file('reload.bin', 5 * PART, { seed: 2 });
  service.proxy.rule = ({ part }) => (part > 2 ? { status: 400 } : undefined);
  const first = client({ journal, connections: 1 }).upload(large);
  await assert.rejects(first.done, isStorage);
  assert.equal(journal.entries.size, 1);
  service.proxy.reset();
  const { seen, onProgress } = watched();
  const second = client({ journal }).upload(large, { onProgress });
  const it = await second.done;
  assert.equal(it.id, first.id);
  assert.equal(it.integrity, 'checksum');
  assert.deepEqual(parts(), [3, 4, 5]);
  assert.ok(seen.every((progress) => progress.state === 'preparing' || progress.loaded >= PART));
  assert.equal(journal.entries.size, 0);
});

test('an upload is gone on with from another device by its id', async () => {
  const large = file('device.bin', 3 * PART, { seed: 3 });
  service.proxy.rule = ({ part }) => (part > 1 ? { status: 400 } : undefined);
  const first = client({ connections: 1 }).upload(large);
  await assert.rejects(first.done, isStorage);
  service.proxy.reset();
  assert.ok(isRefused(await client().upload(file('device.bin', 3 * PART + 1), { resume: first.id }).done.catch((it) => it)));
  assert.equal((await client().upload(large, { resume: first.id }).done).id, first.id);
  assert.deepEqual(parts(), [2, 3]);
  // A file that is there already is simply the answer.
  assert.equal((await client().upload(large, { resume: first.id }).done).id, first.id);
  assert.deepEqual(parts(), [2, 3]);
});

test('a file that was put but never completed is found again', async () => {
  const journal = memoryJournal();
  const small = file('crash.txt', 100, { seed: 4 });
  const stop = new AbortController();
  const fetch = async (url, init) => {
    if (String(url).endsWith('/complete')) return new Promise(() => stop.abort());
    return globalThis.fetch(url, init);
  };
  const first = client({ journal, fetch }).upload(small);
  await until(() => stop.signal.aborted);
  for (const key of journal.entries.keys()) journal.claim = async () => () => {};
  const it = await client({ journal }).upload(small).done;
  assert.equal(it.id, first.id);
  assert.equal(service.proxy.stored().length, 1);
});

test('a small file that never arrived is sent under the same id', async () => {
  const journal = memoryJournal();
  const small = file('never.txt', 100, { seed: 14 });
  service.proxy.rule = () => ({ wait: 60_000 });
  const first = client({ journal }).upload(small);
  await until(() => service.proxy.requests.length === 1);
  service.proxy.reset();
  journal.claim = async () => () => {};
  const it = await client({ journal }).upload(small).done;
  assert.deepEqual([it.id, it.integrity], [first.id, 'checksum']);
});

test('of two tabs with the same file each sends its own', async () => {
  const journal = memoryJournal();
  const large = file('tabs.bin', 2 * PART, { seed: 5 });
  service.proxy.rule = () => ({ wait: 200 });
  const first = client({ journal }).upload(large);
  await until(() => journal.entries.size === 1);
  const second = client({ journal }).upload(large);
  assert.notEqual((await first.done).id, (await second.done).id);
});

test('URLs that have expired are signed again', async () => {
  let held = 0;
  service.proxy.rule = () => (held++ < 3 ? { wait: 2200 } : undefined);
  const it = await client().upload(file('expired.bin', 3 * PART, { seed: 6 }), { expiresIn: 2 }).done;
  assert.equal(it.integrity, 'checksum');
  const refused = service.proxy.requests.filter((request) => request.status === 403);
  assert.ok(refused.length > 0);
  assert.deepEqual(parts(), [1, 2, 3]);
  service.proxy.reset();
  held = 0;
  service.proxy.rule = () => (held++ < 1 ? { wait: 2200 } : undefined);
  assert.equal((await client().upload(file('single', 100), { expiresIn: 2 }).done).size, 100);
  assert.deepEqual(service.proxy.requests.map((request) => request.status), [403, 200]);
});

test('a permission that is refused is asked for again, even when it should still hold', async () => {
  let signed = 0;
  const fetch = (url, init) => (String(url).endsWith('/parts') && signed++, globalThis.fetch(url, init));
  const refused = new Set();
  service.proxy.rule = ({ part }) => (refused.has(part) ? undefined : (refused.add(part), { status: 403 }));
  assert.equal((await client({ fetch }).upload(file('again.bin', 2 * PART, { seed: 15 })).done).size, 2 * PART);
  assert.ok(signed >= 1);
});

test('a permission that is refused for good is not asked for without end', async () => {
  service.proxy.rule = () => ({ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' });
  const error = await client().upload(file('refused', 2 * PART)).done.catch((it) => it);
  assert.ok(isStorage(error, 403));
  assert.equal(error.reason, 'AccessDenied');
  assert.ok(service.proxy.requests.length <= 12);
});

test('412 on a PUT that is repeated means that the bytes are stored', async () => {
  let lost = false;
  service.proxy.rule = ({ part }) => (lost || part ? undefined : ((lost = true), { loseAnswer: true }));
  const it = await client().upload(file('twice', 500, { seed: 7 })).done;
  assert.equal(it.integrity, 'checksum');
  assert.deepEqual(service.proxy.requests.filter((it) => !it.part).map((it) => it.status), [200, 412]);
});

test('a connection that is reset in the middle of a part is taken up again', async () => {
  const { onProgress } = watched();
  let resets = 0;
  service.proxy.rule = ({ part }) => (part === 2 && resets++ < 2 ? { reset: PART / 2 } : undefined);
  const it = await client().upload(file('reset.bin', 3 * PART, { seed: 8 }), { onProgress }).done;
  assert.equal(it.integrity, 'checksum');
  assert.deepEqual(parts(), [1, 2, 3]);
  assert.equal(service.proxy.requests.filter((request) => request.part === 2).length, 3);
});

test('429 and 503 are waited out for as long as they ask', async () => {
  const answers = [{ status: 429, headers: { 'retry-after': '1' } }, { status: 503, headers: { 'retry-after': '1' } }];
  service.proxy.rule = () => answers.shift();
  const begun = performance.now();
  assert.equal((await client().upload(file('slow', 10)).done).size, 10);
  assert.ok(performance.now() - begun >= 2000);
  assert.deepEqual(service.proxy.requests.map((request) => request.status), [429, 503, 200]);
});

test('a wrong type and too many bytes are refused before any request', async () => {
  const asked = [];
  const fetch = (url, init) => (asked.push(`${init.method} ${new URL(url).pathname}`), globalThis.fetch(url, init));
  const strict = client({ fetch });
  const wrong = await strict.upload(file('a.txt', 10, { type: 'text/plain' }), { bucket: 'pictures' }).done.catch((it) => it);
  assert.ok(isRefused(wrong));
  assert.equal(wrong.code, 'content_type_not_allowed');
  const large = await strict.upload(file('a.png', 1_000_001, { type: 'image/png' }), { bucket: 'pictures' }).done.catch((it) => it);
  assert.equal(large.code, 'file_too_large');
  assert.deepEqual(asked, ['GET /v1/buckets']);
});

test('what is aborted is gone at the service too', async () => {
  const stop = new AbortController();
  service.proxy.rule = ({ part }) => (part > 1 ? { wait: 300 } : undefined);
  const upload = client().upload(file('abort.bin', 3 * PART, { seed: 9 }), { signal: stop.signal });
  await until(() => service.proxy.stored().length > 0);
  stop.abort();
  await assert.rejects(upload.done, isAborted);
  assert.equal(upload.state, 'aborted');
  assert.equal(await pending(upload.id), 'aborted');
  const other = client().upload(file('abort', 10));
  await other.abort();
  assert.equal(other.state, 'aborted');
  const never = client().upload(file('abort', 10), { signal: AbortSignal.abort() });
  await assert.rejects(never.done, isAborted);
});

test('a pause stops the bytes and a resume sends only what is missing', async () => {
  const { seen, onProgress } = watched();
  service.proxy.rule = ({ part }) => (part > 2 ? { wait: 300 } : undefined);
  const upload = client({ connections: 1 }).upload(file('pause.bin', 4 * PART, { seed: 10 }), { onProgress });
  await until(() => service.proxy.requests.length === 3);
  upload.pause();
  assert.equal(upload.state, 'paused');
  assert.equal(seen.at(-1).state, 'paused');
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual(parts(), [1, 2]);
  upload.resume();
  assert.equal((await upload.done).integrity, 'checksum');
  assert.deepEqual(parts(), [1, 2, 3, 4]);
});

test('bytes that are not the declared ones fail with the code of the service', async () => {
  const changing = new File([bytes(100)], 'changing');
  const fetch = async (url, init) => {
    if (init.method === 'PUT') return globalThis.fetch(url, { ...init, body: bytes(100, 99), headers: { 'content-length': '100' } });
    return globalThis.fetch(url, init);
  };
  const error = await client({ fetch }).upload(changing).done.catch((it) => it);
  assert.ok(isStorage(error) || isProblem(error), error);
});
