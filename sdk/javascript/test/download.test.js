import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createClient, isAborted, isChanged, isDamaged, isProblem } from '../src/index.js';
import { bytes, file, start, token } from './server.js';

const SIZE = 10 * 1024 * 1024 + 17;
const rangeSize = 1024 * 1024;
let service, client, stored, folder;

before(async () => {
  service = await start();
  client = createClient({ url: service.url, token: token(), retry: { first: 10, longest: 50 } });
  stored = await client.upload(file('movie.bin', SIZE, { seed: 42, type: 'video/mp4' })).done;
  folder = await mkdtemp(join(tmpdir(), 'valetkey-download-'));
});
after(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => service.proxy.reset());

const same = (found) => assert.equal(Buffer.compare(Buffer.from(found), Buffer.from(bytes(SIZE, 42))), 0);
const gets = () => service.proxy.requests.filter((it) => it.method === 'GET');

test('ranges of one object come side by side into a Blob', async () => {
  let last = 0;
  const download = await client.download(stored.id, { rangeSize, onProgress: ({ loaded }) => {
    assert.ok(loaded >= last);
    last = loaded;
  } });
  const blob = await download.done;
  same(await blob.arrayBuffer());
  assert.equal(blob.type, 'video/mp4');
  assert.equal(last, SIZE);
  assert.equal(gets().length, 11);
  assert.ok(gets().every((it) => it.headers['if-match'] === stored.etag && it.status === 206));
});

test('a stream gets them in their order', async () => {
  const pieces = [];
  const to = new WritableStream({ write: (chunk) => void pieces.push(chunk) });
  let wait = 5;
  service.proxy.rule = () => ({ wait: (wait = 60 - wait) });
  assert.equal(await (await client.download(stored.id, { to, rangeSize })).done, null);
  same(Buffer.concat(pieces));
});

test('a connection that breaks goes on where it broke', async () => {
  let breaks = 0;
  service.proxy.rule = () => (breaks++ < 2 ? { resetAnswer: rangeSize / 2 } : undefined);
  const blob = await (await client.download(stored.id, { rangeSize: SIZE })).done;
  same(await blob.arrayBuffer());
  const begins = gets().map((it) => Number(/bytes=(\d+)-/.exec(it.headers.range)[1]));
  assert.equal(begins[0], 0);
  assert.ok(begins.length === 3 && begins[1] > 0 && begins[2] > begins[1], `${begins}`);
});

test('a download that was cut short goes on in the file it was written to', async () => {
  const path = join(folder, 'movie.bin');
  const first = await open(path, 'w+');
  const stop = new AbortController();
  const download = await client.download(stored.id, { to: first, rangeSize, signal: stop.signal, onProgress: ({ loaded }) => loaded > 4e6 && stop.abort() });
  await assert.rejects(download.done, isAborted);
  const checkpoint = JSON.parse(JSON.stringify(download.checkpoint()));
  await first.close();
  assert.ok(checkpoint.ranges.length > 0);
  service.proxy.reset();
  const second = await open(path, 'r+');
  assert.equal(await (await client.download(stored.id, { to: second, checkpoint })).done, null);
  await second.close();
  same(await readFile(path));
  assert.equal(gets().length, 11 - checkpoint.ranges.length);
  const other = await client.download(stored.id, { to: second, checkpoint: { ...checkpoint, etag: '"other"' } });
  await assert.rejects(other.done, isChanged);
});

test('bytes that are not the file\'s are found out', async () => {
  const fetch = async (url, init) => {
    const answer = await globalThis.fetch(url, init);
    if (answer.status !== 206) return answer;
    const wrong = new Uint8Array(await answer.arrayBuffer());
    wrong[5] ^= 1;
    return new Response(wrong, { status: 206 });
  };
  const lied = createClient({ url: service.url, token: token(), fetch });
  await assert.rejects((await lied.download(stored.id)).done, isDamaged);
  const to = new WritableStream();
  await assert.rejects((await lied.download(stored.id, { to })).done, isDamaged);
});

test('it can be paused and goes on', async () => {
  service.proxy.rule = () => ({ wait: 20 });
  const download = await client.download(stored.id, { rangeSize });
  while (gets().length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  download.pause();
  assert.equal(download.state, 'paused');
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = gets().length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(gets().length, before);
  download.resume();
  same(await (await download.done).arrayBuffer());
});

test('files are listed, looked at, fetched by URL and removed', async () => {
  const small = await client.upload(file('small.txt', 9, { type: 'text/plain' }), { path: 'listed' }).done;
  assert.deepEqual((await client.list({ path: 'listed' })).files.map((it) => it.id), [small.id]);
  const found = [];
  for await (const it of client.files({ limit: 1 })) found.push(it.id);
  assert.deepEqual(found.sort(), [stored.id, small.id].sort());
  assert.equal((await client.get(small.id)).filename, 'small.txt');
  for (const url of [await client.downloadUrl(small.id), await client.contentUrl(small.id)]) {
    assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, 9);
  }
  await client.remove(small.id);
  assert.ok(isProblem(await client.get(small.id).catch((it) => it), 'not_found'));
  assert.ok(isProblem(await (await client.download(small.id)).done.catch((it) => it), 'not_found'));
});

test('an empty file is downloaded too', async () => {
  const empty = await client.upload(new File([], 'empty')).done;
  assert.equal((await (await client.download(empty.id)).done).size, 0);
});
