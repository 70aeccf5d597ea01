/** How many transfers may run at one time, over all files of a client: as many as the link has use for. */

import { AbortedError } from './error.js';

/** How long the link is watched before its budget changes, in milliseconds. */
const WINDOW = 1500;
/** For how many windows a limit is kept before one more is tried again. */
const PATIENCE = 6;

/**
 * It begins with a few and takes one more for as long as that brings more bytes; when a connection breaks or
 * storage asks for patience, it goes down to half.
 */
export class Budget {
  #used = 0;
  #bytes = 0;
  #since = 0;
  #before = 0;
  #trying = false;
  #hold = 0;
  /** @type {(() => void)[]} */
  #waiting = [];
  #now;

  /**
   * @param {number} most
   * @param {() => number} [now] The time, in milliseconds.
   */
  constructor(most, now = () => performance.now()) {
    this.most = Math.max(1, most);
    this.limit = Math.min(3, this.most);
    /** Bytes a second, of the last window. */
    this.rate = 0;
    /** Bytes of all transfers, those that had to be sent again included. */
    this.total = 0;
    this.#now = now;
  }

  /**
   * Waits for a turn; the answer ends it.
   * @param {AbortSignal} signal
   * @returns {Promise<() => void>}
   */
  async turn(signal) {
    while (this.#used >= this.limit) {
      await new Promise((resolve, reject) => {
        const stop = () => {
          this.#waiting = this.#waiting.filter((it) => it !== go);
          reject(new AbortedError());
        };
        const go = () => {
          signal.removeEventListener('abort', stop);
          resolve(undefined);
        };
        if (signal.aborted) return stop();
        signal.addEventListener('abort', stop);
        this.#waiting.push(go);
      });
    }
    if (this.#used++ === 0) this.#watch();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#used--;
      this.#wake();
    };
  }

  /**
   * Counts bytes that moved.
   * @param {number} bytes
   */
  moved(bytes) {
    this.total += bytes;
    this.#bytes += bytes;
    const took = this.#now() - this.#since;
    if (took < WINDOW) return;
    this.rate = (this.#bytes * 1000) / took;
    // Only a link that was busy all the time tells anything.
    if (this.#used >= this.limit && this.#waiting.length > 0) this.#judge();
    this.#watch();
  }

  /** A connection broke, or storage asked for patience. */
  troubled() {
    this.limit = Math.max(1, this.limit >> 1);
    this.#trying = false;
    this.#hold = PATIENCE;
    this.#watch();
  }

  /** Tries one more now and then, and takes it back when it brought nothing. */
  #judge() {
    if (this.#trying && this.rate < this.#before * 1.05) {
      this.#trying = false;
      this.limit--;
      this.#hold = PATIENCE;
    } else if (this.#hold > 0) {
      this.#hold--;
    } else if (this.limit < this.most) {
      this.#trying = true;
      this.#before = this.rate;
      this.limit++;
      this.#wake();
    }
  }

  #watch() {
    this.#bytes = 0;
    this.#since = this.#now();
  }

  #wake() {
    for (let free = this.limit - this.#used; free > 0; free--) this.#waiting.shift()?.();
  }
}
