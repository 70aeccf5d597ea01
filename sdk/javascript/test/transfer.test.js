import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAborted, isChanged, isNetwork, isStorage } from '../src/error.js';
import { put } from '../src/transfer.js';

const request = { method: 'PUT', url: 'http://store.example/key?X-Amz-Signature=secret', headers: { 'if-none-match': '*' }, expires_at: '' };
const never = new AbortController().signal;
const blob = new Blob(['0123456789']);

/** Sends with a `fetch` of the test; answers how it ended and how many bytes were counted in the end. */
async function send(fetch, { signal = never, body = blob } = {}) {
  let counted = 0;
  const ended = await put(request, body, { moved: (bytes) => (counted += bytes), signal, fetch }).then(() => 'stored', (error) => error);
  return { ended, counted };
}
const consumed = async (body) => {
  for await (const _ of body);
};

test('bytes that were stored are counted once', async () => {
  const fetch = async (_, { body, headers }) => {
    assert.deepEqual(headers, { 'if-none-match': '*', 'content-length': '10' });
    await consumed(body);
    return new Response('');
  };
  assert.deepEqual(await send(fetch), { ended: 'stored', counted: 10 });
  assert.deepEqual(await send(async () => new Response('', { status: 412 })), { ended: 'stored', counted: 10 });
});

test('bytes that were lost are not counted', async () => {
  const broken = await send(async (_, { body }) => {
    await consumed(body);
    throw new TypeError('fetch failed');
  });
  assert.ok(isNetwork(broken.ended));
  assert.equal(broken.counted, 0);
  const refused = await send(async (_, { body }) => {
    await consumed(body);
    return new Response('<Error><Code>SlowDown</Code></Error>', { status: 503, headers: { 'retry-after': '3' } });
  });
  assert.ok(isStorage(refused.ended, 503));
  assert.deepEqual([refused.counted, refused.ended.reason, refused.ended.retryAfter], [0, 'SlowDown', 3000]);
});

test('an abort is told from a broken connection, and a file that is gone from both', async () => {
  const stop = new AbortController();
  const hanging = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
  setTimeout(() => stop.abort(), 10);
  assert.ok(isAborted((await send(hanging, { signal: stop.signal })).ended));
  const gone = { size: 3, stream: () => new Blob(['abc']).stream(), slice: () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) };
  const failing = async () => {
    throw new TypeError('fetch failed');
  };
  assert.ok(isChanged((await send(failing, { body: gone })).ended));
});
