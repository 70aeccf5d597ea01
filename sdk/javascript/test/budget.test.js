import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Budget } from '../src/budget.js';
import { isAborted } from '../src/error.js';
import { setMaxListeners } from 'node:events';

const never = new AbortController().signal;
setMaxListeners(0, never);

/** A link that carries `each(connections)` bytes a second, and a budget that watches it. */
function link(most, each) {
  let now = 0;
  const budget = new Budget(most, () => now);
  const held = [];
  const ask = () => budget.turn(never).then((end) => held.push(end));
  for (let i = 0; i < most * 2; i++) ask();
  const run = async (seconds) => {
    for (let tick = 0; tick < seconds * 2; tick++) {
      await new Promise(setImmediate);
      now += 500;
      budget.moved(each(held.length) / 2);
      // A transfer ends and another takes its turn, now and then.
      held.shift()?.();
      ask();
    }
  };
  return { budget, run };
}

test('no more transfers than the limit have a turn', async () => {
  const budget = new Budget(2);
  const ends = [await budget.turn(never), await budget.turn(never)];
  let third = false;
  const waiting = budget.turn(never).then((end) => ((third = true), end));
  await new Promise(setImmediate);
  assert.equal(third, false);
  ends[0]();
  ends[0](); // Ending it twice gives no second turn away.
  (await waiting)();
  assert.equal(third, true);
});

test('whoever waits for a turn can be aborted, and its turn goes to the next', async () => {
  const budget = new Budget(1);
  const end = await budget.turn(never);
  const stop = new AbortController();
  const first = budget.turn(stop.signal);
  const second = budget.turn(never);
  stop.abort();
  await assert.rejects(first, isAborted);
  end();
  (await second)();
});

test('more connections are taken for as long as they bring more', async () => {
  const { budget, run } = link(8, (connections) => connections * 1e6);
  await run(30);
  assert.equal(budget.limit, 8);
});

test('a link that is full gets no more connections than fill it', async () => {
  const { budget, run } = link(8, () => 1e6);
  await run(120);
  assert.ok(budget.limit <= 4, `${budget.limit}`);
});

test('trouble halves it, down to one', () => {
  const budget = new Budget(8);
  budget.limit = 8;
  const limits = [1, 2, 3, 4].map(() => (budget.troubled(), budget.limit));
  assert.deepEqual(limits, [4, 2, 1, 1]);
});
