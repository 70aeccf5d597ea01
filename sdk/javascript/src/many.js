/** Many files within one budget: created in batches, sent side by side, completed in batches. */

import { AbortedError } from './error.js';

/** How many uploads are open at one time: enough to fill a batch, few enough that none waits until it expires. */
const OPEN = 64;
const REPORT_EVERY = 50;

export class Uploads {
  /** Resolves to one result for each file, in their order; it never rejects. @type {Promise<import('./types.js').UploadResult[]>} */
  done;
  loaded = 0;
  finished = 0;
  failed = 0;
  #client;
  #options;
  #files;
  #next = 0;
  #over = false;
  #reported = 0;
  #paused = false;
  /** @type {Map<import('./upload.js').Upload, number>} */
  #open = new Map();
  /** Those of them that are paused: each gives its place to another. @type {Set<import('./upload.js').Upload>} */
  #resting = new Set();
  /** @type {(results: import('./types.js').UploadResult[]) => void} */
  #end = () => {};
  /** @type {import('./types.js').UploadResult[]} */
  #results = [];
  #stop = new AbortController();

  /**
   * @param {import('./client.js').Client} client
   * @param {Iterable<File | Blob>} files
   * @param {import('./types.js').UploadAllOptions} options
   */
  constructor(client, files, options) {
    this.#client = client;
    this.#options = options;
    this.#files = [...files];
    this.total = this.#files.reduce((sum, file) => sum + file.size, 0);
    this.done = this.#run();
  }

  get state() {
    if (this.#over) return this.#stop.signal.aborted ? 'aborted' : 'done';
    return this.#paused ? 'paused' : 'uploading';
  }

  pause() {
    this.#paused = true;
    for (const upload of this.#open.keys()) upload.pause();
  }

  resume() {
    this.#paused = false;
    for (const upload of this.#open.keys()) upload.resume();
    this.#fill();
  }

  /** Aborts what is not done; the results of what is stay. */
  async abort() {
    this.#stop.abort();
    this.resume();
    for (const upload of this.#open.keys()) upload.abort();
    await this.done;
  }

  #run() {
    const { signal } = this.#options;
    if (signal?.aborted) this.#stop.abort();
    signal?.addEventListener('abort', () => this.abort(), { once: true, signal: this.#stop.signal });
    /** @type {Promise<import('./types.js').UploadResult[]>} */
    const done = new Promise((resolve) => (this.#end = resolve));
    this.#fill();
    return done;
  }

  /** Begins what waits, as far as there is room. */
  #fill() {
    while (!this.#paused && this.#next < this.#files.length && this.#open.size - this.#resting.size < OPEN) {
      const index = this.#next++;
      this.#one(this.#files[index], index);
    }
    if (this.#over || this.#next < this.#files.length || this.#open.size > 0) return;
    this.#over = true;
    this.#report(true);
    this.#end(this.#results);
  }

  /** @param {File | Blob} file @param {number} index */
  async #one(file, index) {
    if (this.#stop.signal.aborted) {
      this.#results[index] = { error: new AbortedError() };
      return;
    }
    const { onUpload, onProgress, signal, ...options } = this.#options;
    /** @type {import('./upload.js').Upload} */
    const upload = this.#client.upload(file, { ...options, onProgress: () => this.#count(upload) });
    this.#open.set(upload, 0);
    // What it throws is the page's to see, and keeps no upload from going on.
    if (onUpload) queueMicrotask(() => onUpload(upload, file, index));
    try {
      this.#results[index] = { file: await upload.done };
      this.finished++;
    } catch (error) {
      this.#results[index] = { error: /** @type {Error} */ (error) };
      this.failed++;
    }
    this.#count(upload);
    this.#open.delete(upload);
    this.#resting.delete(upload);
    // A compressed image is smaller than the file that was chosen.
    if (upload.state === 'done') this.total += upload.total - file.size;
    this.#report(true);
    this.#fill();
  }

  /** @param {import('./upload.js').Upload} upload */
  #count(upload) {
    const before = this.#open.get(upload);
    if (before === undefined) return;
    this.#open.set(upload, upload.loaded);
    this.loaded += upload.loaded - before;
    this.#report(false);
    if (upload.state !== 'paused') this.#resting.delete(upload);
    else if (!this.#resting.has(upload)) {
      this.#resting.add(upload);
      this.#fill();
    }
  }

  /** @param {boolean} always */
  #report(always) {
    const now = performance.now();
    if (!always && now - this.#reported < REPORT_EVERY) return;
    this.#reported = now;
    const { loaded, total, finished, failed } = this;
    this.#options.onProgress?.({ loaded, total, files: this.#files.length, finished, failed });
  }
}
