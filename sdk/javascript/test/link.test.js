/** The link that `bench/link.js` measures with does as TCP does. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane, MSS, Window, dice, mathis } from '../bench/link/tcp.js';

const RTT = 100;

/** Bytes a second of a sender that always has something, over so many round trips. */
function rate(loss, rounds, seed) {
  const chance = dice(seed);
  const window = new Window(() => chance() < loss);
  let arrived = 0;
  for (let round = 0; round < rounds; round++) {
    window.begin(round * RTT);
    while (window.room > 0) if (!window.send()) arrived++;
    window.end((round + 1) * RTT);
  }
  return (arrived * MSS * 1000) / (rounds * RTT);
}

test('a long transfer is as fast as Mathis and others say', () => {
  for (const loss of [0.001, 0.002, 0.005]) {
    const ratio = rate(loss, 200_000, 7) / mathis(loss, RTT / 1000);
    assert.ok(Math.abs(ratio - 1) < 0.15, `${loss}: ${ratio.toFixed(3)} of it`);
  }
});

test('a window doubles until something is lost, is halved then, and grows by one after that', () => {
  let lose = false;
  const window = new Window(() => lose);
  const sizes = [];
  const round = (at) => {
    window.begin(at);
    while (window.room > 0) window.send();
    window.end(at + RTT);
    sizes.push(window.size);
  };
  round(0);
  round(100);
  lose = true;
  round(200);
  lose = false;
  round(300);
  round(400);
  assert.deepEqual(sizes, [20, 40, 20, 21, 22]);
  window.begin(5000);
  assert.equal(window.size, 10, 'a window is not believed after a while');
  window.send();
  window.end(5100);
  assert.equal(window.size, 10, 'nor does one grow that was not used');
});

test('a link that is full makes wait, and drops what does not fit', () => {
  const lane = new Lane(100, 10);
  assert.equal(lane.pass(500, 0), 5);
  assert.equal(lane.pass(500, 0), 10);
  assert.equal(lane.wait(4), 6);
  assert.equal(lane.pass(500, 0), 15);
  assert.equal(lane.pass(500, 0), null);
  assert.equal(lane.pass(500, 10), 20);
});
