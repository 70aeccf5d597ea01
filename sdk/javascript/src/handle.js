/** What uploads and downloads have in common: a state, pause, resume, abort, and progress that never goes back. */

import { AbortedError, isNetwork, isStorage, isTransient } from './error.js';
import { isOffline, pause } from './retry.js';

/** Speed is what moved in so many milliseconds. */
const SPEED_WINDOW = 5000;
/** The shortest time from one report to the next, in milliseconds. */
const REPORT_EVERY = 50;
const ENDED = ['done', 'failed', 'aborted'];

/** @typedef {import('./types.js').UploadState | import('./types.js').DownloadState} State */

/** @template T */
export class Handle {
  /** The id of the upload or file, once it has one. @type {string | undefined} */
  id;
  /** Bytes that are there or under way; never less than before. */
  loaded = 0;
  /** Resolves when it is done, and rejects when it failed or was aborted. @type {Promise<T>} */
  done = /** @type {any} */ (undefined);

  #phase;
  #moving;
  #tell;
  #actual = 0;
  #paused = false;
  #reported = 0;
  /** @type {{ at: number, loaded: number }[]} */
  #samples = [];
  #stop = new AbortController();
  #halt = new AbortController();
  /** @type {(() => void)[]} */
  #resumed = [];

  /**
   * @param {import('./client.js').Client} client
   * @param {{ onProgress?: (progress: any) => void, signal?: AbortSignal }} options
   * @param {State} first
   * @param {'uploading' | 'downloading'} moving
   * @param {number} total
   */
  constructor(client, { onProgress, signal }, first, moving, total) {
    /** @protected */
    this.client = client;
    this.total = total;
    this.#phase = first;
    this.#moving = moving;
    this.#tell = onProgress;
    if (signal?.aborted) this.#stop.abort();
    const stop = () => this.#stop.abort();
    signal?.addEventListener('abort', stop, { once: true, signal: this.#stop.signal });
  }

  /** @returns {State} */
  get state() {
    return this.#paused && !ENDED.includes(this.#phase) ? 'paused' : this.#phase;
  }

  /** Stops all transfers until `resume()`. What was stored stays. */
  pause() {
    if (this.#paused || ENDED.includes(this.#phase)) return;
    this.#paused = true;
    this.#halt.abort();
    this.report(true);
  }

  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    this.#halt = new AbortController();
    for (const go of this.#resumed.splice(0)) go();
    this.report(true);
  }

  /** Gives it up, for ever. Resolves when that is done. */
  async abort() {
    this.#stop.abort();
    for (const go of this.#resumed.splice(0)) go();
    await this.done.catch(() => {});
  }

  /** @protected */
  get signal() {
    return this.#stop.signal;
  }

  /** @protected @param {() => Promise<T>} work @param {(error: unknown) => Promise<void>} undo */
  start(work, undo) {
    this.done = (async () => {
      try {
        await this.open();
        const it = await work();
        this.enter('done');
        return it;
      } catch (error) {
        const aborted = this.signal.aborted;
        this.#phase = aborted ? 'aborted' : 'failed';
        await undo(error);
        this.report(true);
        throw aborted ? new AbortedError() : error;
      }
    })();
    this.done.catch(() => {}); // Whoever does not look at `done` is not brought down by it.
  }

  /** Waits while it is paused. @protected */
  async open() {
    while (this.#paused && !this.signal.aborted) await new Promise((go) => this.#resumed.push(() => go(undefined)));
    if (this.signal.aborted) throw new AbortedError();
  }

  /**
   * Carries out a transfer until it succeeds: within the budget, not while it is paused, and with pauses after
   * failures. `refused` tells how often storage refused the permission, as it does with one that has expired.
   * @protected
   * @template R
   * @param {(signal: AbortSignal, refused: number) => Promise<R>} transfer
   * @param {AbortSignal} [given]
   * @returns {Promise<R>}
   */
  async attempt(transfer, given = this.signal) {
    for (let attempt = 1, refused = 0; ; ) {
      await this.open();
      const halt = this.#halt.signal;
      let end;
      try {
        const signal = AbortSignal.any([this.signal, given, halt]);
        end = await this.client.budget.turn(signal);
        if (this.#phase === 'offline') this.enter(this.#moving);
        return await transfer(signal, refused);
      } catch (error) {
        end?.();
        if (this.signal.aborted || given.aborted) throw new AbortedError();
        if (halt.aborted) continue;
        if (isStorage(error, 403) && refused++ < 3) continue;
        if (isNetwork(error) && isOffline()) this.enter('offline');
        else if (isTransient(error)) this.client.budget.troubled();
        attempt = await pause(error, attempt, this.client.policy, AbortSignal.any([this.signal, given]));
      } finally {
        end?.();
      }
    }
  }

  /** @protected @param {State} phase */
  enter(phase) {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.report(true);
  }

  /**
   * Counts bytes that move now; with a negative count, bytes that were lost.
   * @protected @param {number} bytes
   */
  moved(bytes) {
    if (bytes > 0) this.client.budget.moved(bytes);
    this.count(bytes);
  }

  /** Counts bytes that are there without having moved now. @protected @param {number} bytes */
  count(bytes) {
    this.#actual += bytes;
    this.loaded = Math.min(this.total, Math.max(this.loaded, this.#actual));
    this.report(false);
  }

  /** @protected @param {boolean} always */
  report(always) {
    const now = performance.now();
    if (!this.#tell || (!always && now - this.#reported < REPORT_EVERY && this.loaded < this.total)) return;
    this.#reported = now;
    const bytesPerSecond = this.#phase === this.#moving && !this.#paused ? this.#speed(now) : 0;
    const secondsLeft = bytesPerSecond > 0 ? (this.total - this.loaded) / bytesPerSecond : null;
    this.#tell({ loaded: this.loaded, total: this.total, state: this.state, bytesPerSecond, secondsLeft });
  }

  /** @param {number} now */
  #speed(now) {
    const samples = this.#samples;
    if (!(now - (samples.at(-1)?.at ?? 0) < 200)) samples.push({ at: now, loaded: this.loaded });
    while (samples.length > 2 && now - samples[0].at > SPEED_WINDOW) samples.shift();
    const took = now - samples[0].at;
    return took < 200 ? 0 : ((this.loaded - samples[0].loaded) * 1000) / took;
  }
}
