import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkError, ProblemError, RefusedError, isAborted } from '../src/error.js';
import { pause, pauseAfter, persist, retryAfter, sleep } from '../src/retry.js';

const policy = { attempts: 5, first: 100, longest: 500, patience: 60_000 };
const quick = { attempts: 4, first: 1, longest: 2, patience: 5000 };

test('pauses double up to the longest and then end', () => {
  assert.deepEqual([1, 2, 3, 4, 5].map((attempt) => pauseAfter(policy, attempt, 0, 1)), [100, 200, 400, 500, null]);
});

test('a pause is a random share of its bound', () => {
  assert.equal(pauseAfter(policy, 4, 0, 0), 0);
  assert.equal(pauseAfter(policy, 4, 0, 0.5), 250);
});

test('what the other end asks for is kept or given up', () => {
  assert.equal(pauseAfter(policy, 1, 7000, 0.5), 7050);
  assert.equal(pauseAfter(policy, 1, 61_000, 0.5), null);
});

test('what may do better is tried again and what may not is thrown at once', async () => {
  let tries = 0;
  const flaky = async () => {
    if (++tries < 3) throw new NetworkError('storage');
    return 'there';
  };
  assert.equal(await persist(flaky, quick), 'there');
  assert.equal(tries, 3);
  tries = 0;
  const hopeless = async () => {
    tries++;
    throw new RefusedError('file_too_large', 'no');
  };
  await assert.rejects(persist(hopeless, quick), RefusedError);
  assert.equal(tries, 1);
});

test('it gives up after as many attempts as it may make', async () => {
  let tries = 0;
  const dead = async () => {
    tries++;
    throw new NetworkError('the service');
  };
  await assert.rejects(persist(dead, quick), NetworkError);
  assert.equal(tries, 4);
});

test('the pause a problem asks for is waited for', async () => {
  const busy = new ProblemError({ code: 'overloaded', status: 503, title: '', detail: 'busy', retry_after: 0.1 });
  const start = performance.now();
  assert.equal(await pause(busy, 1, quick), 2);
  assert.ok(performance.now() - start >= 95);
});

test('a wait ends with its signal', async () => {
  const stop = new AbortController();
  const wait = sleep(60_000, stop.signal);
  stop.abort();
  await assert.rejects(wait, isAborted);
  await assert.rejects(sleep(0, stop.signal), isAborted);
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT');
  assert.equal(retryAfter('120', now), 120);
  assert.equal(retryAfter('Wed, 21 Oct 2015 07:28:30 GMT', now), 30);
  assert.equal(retryAfter('Wed, 21 Oct 2015 07:27:30 GMT', now), 0);
  assert.equal(retryAfter('soon', now), undefined);
  assert.equal(retryAfter(null, now), undefined);
});
