import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch } from '../src/batch.js';
import { NetworkError, ProblemError } from '../src/error.js';

function recording(answer = (item) => item) {
  const asked = { one: [], many: [] };
  const batch = new Batch(
    async (item) => (asked.one.push(item), `${item} alone`),
    async (items) => (asked.many.push(items.length), items.map(answer)),
  );
  return { asked, batch };
}

test('what comes together goes in one request, and each gets its own answer', async () => {
  const { asked, batch } = recording((item) => item * 2);
  assert.deepEqual(await Promise.all([1, 2, 3].map((item) => batch.add(item))), [2, 4, 6]);
  assert.deepEqual(asked, { one: [], many: [3] });
});

test('one goes alone', async () => {
  const { asked, batch } = recording();
  assert.equal(await batch.add(1), '1 alone');
  assert.deepEqual(asked.many, []);
});

test('no request has more than a hundred', async () => {
  const { asked, batch } = recording();
  await Promise.all(Array.from({ length: 250 }, (_, item) => batch.add(item)));
  assert.deepEqual(asked.many, [100, 100, 50]);
});

test('a problem is its own item\'s alone', async () => {
  const problem = new ProblemError({ code: 'quota_exceeded', status: 413, title: '', detail: 'full' });
  const { batch } = recording((item) => (item === 2 ? problem : item));
  const results = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)));
  assert.deepEqual(results.map((it) => it.value ?? it.reason), [1, problem, 3]);
});

test('what may do better later is asked for again alone', async () => {
  const busy = new ProblemError({ code: 'overloaded', status: 503, title: '', detail: 'busy' });
  const { asked, batch } = recording((item) => (item === 2 ? busy : item));
  assert.deepEqual(await Promise.all([1, 2].map((item) => batch.add(item))), [1, '2 alone']);
  assert.deepEqual(asked.one, [2]);
});

test('a batch that fails fails for everybody in it', async () => {
  const batch = new Batch(async () => 0, async () => {
    throw new NetworkError('the service');
  });
  const results = await Promise.allSettled([1, 2].map((item) => batch.add(item)));
  assert.ok(results.every((it) => it.reason instanceof NetworkError));
});
