/**
 * A link as a proxy, in a process of its own: 50 ms each way, a rate that all connections share, and for each connection the
 * window of `tcp.js` in either direction, with losses by chance. It is told everything as one JSON argument:
 * `{ port, to, loss, seed, freezeAfter }`; with `freezeAfter` the first connection that has carried so many bytes to the store
 * carries nothing more, for ever, and is not closed.
 */

import { createServer, connect } from 'node:net';
import { Lane, MSS, Window, dice } from './tcp.js';

/** One way, in milliseconds, and the link's rate: 100 Mbit/s. */
const DELAY = 50;
const RATE = 12_500;
/** What is delivered is handed on so often, in milliseconds: timers are no finer. */
const TICK = 2;
/** The least a connection's sender has in its buffer. */
const BUFFER = 64 * 1024;

const { port, to, loss, seed, freezeAfter } = JSON.parse(process.argv[2]);
const now = () => performance.now();
// A queue as long as the delay keeps a link full.
const lanes = { up: new Lane(RATE, 2 * DELAY), down: new Lane(RATE, 2 * DELAY) };
let connections = 0;
let frozen = false;

/** One direction of a connection. */
class Direction {
  #from;
  #to;
  #lane;
  #window;
  /** @type {Buffer[]} What the sender has and the link has not, and how much. */
  #waiting = [];
  #bytes = 0;
  /** @type {{ at: number, bytes: Buffer }[]} What is on its way, in order. */
  #moving = [];
  #arrives = 0;
  #round = false;
  #ended = false;
  #carried = 0;
  #closed = false;
  #timers = new Set();

  constructor(from, to, lane, chance, readyAt) {
    this.#from = from;
    this.#to = to;
    this.#lane = lane;
    this.#window = new Window(() => chance() < loss);
    this.freezes = false;
    from.on('data', (bytes) => {
      this.#waiting.push(bytes);
      this.#bytes += bytes.length;
      if (this.#bytes > Math.max(BUFFER, 2 * this.#window.size * MSS)) from.pause();
      this.#send();
    });
    from.on('end', () => {
      this.#ended = true;
      this.#deliver();
    });
    // Nothing goes before both ends have said hello.
    this.#readyAt = readyAt;
  }
  #readyAt;

  #later(ms, act) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  /** Sends what the window has room for; the first packet begins a round trip. */
  #send() {
    if (this.#closed || this.#bytes === 0) return;
    const at = now();
    if (at < this.#readyAt) return this.#later(this.#readyAt - at, () => this.#send());
    if (!this.#round) {
      this.#round = true;
      this.#window.begin(at);
      const ends = at + 2 * DELAY + this.#lane.wait(at);
      this.#later(ends - at, () => {
        this.#window.end(now());
        this.#round = false;
        this.#send();
      });
    }
    while (this.#bytes > 0 && this.#window.room > 0) this.#packet(at);
    if (this.#bytes < BUFFER || this.#bytes < this.#window.size * MSS) this.#from.resume();
    this.#tick();
  }

  #packet(at) {
    const bytes = this.#take();
    const passed = this.#lane.pass(bytes.length, at);
    const lost = this.#window.send(passed === null);
    // What is lost comes a round trip later, and what was sent after it waits for it.
    const arrives = (passed ?? at + this.#lane.wait(at)) + DELAY + (lost ? 2 * DELAY : 0);
    this.#arrives = Math.max(this.#arrives, arrives);
    this.#moving.push({ at: this.#arrives, bytes });
    this.#carried += bytes.length;
    if (this.freezes && !frozen && this.#carried >= freezeAfter) {
      frozen = true;
      this.freeze();
    }
  }

  #take() {
    const first = this.#waiting[0];
    const bytes = first.subarray(0, MSS);
    this.#bytes -= bytes.length;
    if (first.length > MSS) this.#waiting[0] = first.subarray(MSS);
    else this.#waiting.shift();
    return bytes;
  }

  #ticking = false;
  #tick() {
    if (this.#ticking || this.#closed || this.#moving.length === 0) return;
    this.#ticking = true;
    this.#later(Math.max(TICK, this.#moving[0].at - now()), () => {
      this.#ticking = false;
      this.#deliver();
      this.#tick();
    });
  }

  #deliver() {
    if (this.#closed) return;
    const at = now();
    let count = 0;
    while (count < this.#moving.length && this.#moving[count].at <= at) count++;
    if (count > 0) this.#to.write(Buffer.concat(this.#moving.splice(0, count).map((it) => it.bytes)));
    if (this.#ended && this.#bytes === 0 && this.#moving.length === 0) this.#to.end();
  }

  freeze() {
    this.close();
    this.#from.pause();
    this.#from.removeAllListeners('data');
  }

  close() {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

const server = createServer({ allowHalfOpen: true }, (client) => {
  const number = ++connections;
  const store = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
  const readyAt = now() + 2 * DELAY;
  const up = new Direction(client, store, lanes.up, dice(seed * 1000 + number), readyAt);
  const down = new Direction(store, client, lanes.down, dice(seed * 1000 + number + 500), readyAt);
  up.freezes = freezeAfter !== undefined;
  for (const socket of [client, store]) {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
      up.close();
      down.close();
      client.destroy();
      store.destroy();
    });
  }
});
server.listen(port, '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit());
