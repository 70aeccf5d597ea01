import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAborted, isChanged, isNetwork, isStorage } from '../src/error.js';
import { ANSWER, STALLED, STUCK, put } from '../src/transfer.js';

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

test('a connection that stands still is given up, sooner when the others move', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const hanging = (_, { body, signal }) => new Promise((_, reject) => {
    body?.cancel?.().catch(() => {});
    signal.addEventListener('abort', () => reject(new Error('stopped')));
  });
  /** After how many seconds it is given up, while others move so many bytes each second. */
  const givenUp = async (others, sent, again = false) => {
    const budget = { total: 0 };
    let ended;
    const fetch = async (url, init) => {
      if (sent) await consumed(init.body);
      return hanging(url, sent ? { signal: init.signal } : init);
    };
    put(request, blob, { moved: () => {}, signal: never, fetch, budget, again }).catch((error) => (ended = error));
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    for (let seconds = 1; seconds <= 100; seconds++) {
      budget.total += others;
      mock.timers.tick(1000);
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
      if (ended) return assert.ok(isNetwork(ended)), seconds;
    }
    return null;
  };
  assert.equal(await givenUp(1_000_000, false), STUCK / 1000, 'its bytes go nowhere, and the network is there');
  assert.equal(await givenUp(0, false), STALLED / 1000, 'nothing moves at all');
  assert.equal(await givenUp(1_000_000, true), ANSWER / 1000, 'all is with the system, and no answer comes');
  assert.equal(await givenUp(1_000_000, true, true), STALLED / 1000, 'nor the second time: storage may be slow');
  assert.equal(await givenUp(0, true), STALLED / 1000, 'nothing moves at all, and all is sent');
});
