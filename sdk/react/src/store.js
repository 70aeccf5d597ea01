/** The uploads of one component: begun one after another, and told to React as snapshots, at most one for each frame. */

import { isAborted } from '@valetkey/client';

/** How many uploads are open at one time; the client's own budget bounds their connections. */
const OPEN = 32;
/** No frame is drawn in a hidden page: then it is told after so many milliseconds. */
const HIDDEN = 250;

/**
 * One upload as it is rendered. It is another object as soon as anything of it changed, and the same one until then.
 * @typedef {object} UploadItem
 * @property {string} key For React, and for the verbs; it is no id of the service.
 * @property {File | Blob} source
 * @property {string} name
 * @property {'waiting' | import('@valetkey/client').UploadState} state
 * @property {number} loaded Bytes that are stored or under way.
 * @property {number} total Bytes in all.
 * @property {number} bytesPerSecond
 * @property {number | null} secondsLeft `null` while it cannot be told.
 * @property {import('@valetkey/client').FileInfo | null} file What came of it, once it is done.
 * @property {Error | null} error Why it failed.
 */

/**
 * @typedef {object} UploadsState
 * @property {readonly UploadItem[]} uploads In the order in which they were added.
 * @property {number} loaded Bytes of all of them together.
 * @property {number} total
 * @property {number} finished How many are done.
 * @property {number} failed How many failed.
 * @property {boolean} active Whether any of them is not over.
 */

/**
 * @typedef {object} OwnOptions
 * @property {import('@valetkey/client').Client} client
 * @property {(file: import('@valetkey/client').FileInfo, source: File | Blob) => void} [onUploaded]
 * @property {(error: Error, source: File | Blob) => void} [onFailed] Is not told of what was aborted.
 * @property {boolean} [keep] Goes on with what is under way when the component goes.
 */

/** @typedef {OwnOptions & Omit<import('@valetkey/client').UploadOptions, 'onProgress' | 'resume' | 'filename'>} UploadsOptions */

/**
 * What can be done. Without a key it is done to all; whatever is no key, such as an event, counts as none.
 * @typedef {object} Verbs
 * @property {(files: Iterable<File | Blob> | null | undefined) => void} add A file that is in the list already is not added again.
 * @property {(key?: unknown) => void} pause
 * @property {(key?: unknown) => void} resume
 * @property {(key?: unknown) => void} abort
 * @property {(key?: unknown) => void} retry Begins again what failed or was aborted.
 * @property {(key?: unknown) => void} remove Takes it from the list; what is under way is aborted.
 */

/** One that `rests` is paused and has given its place to another. @typedef {{ item: UploadItem, upload: import('@valetkey/client').Upload | null, rests: boolean }} Entry */

/** @type {UploadsState} */
export const NOTHING = Object.freeze({ uploads: Object.freeze([]), loaded: 0, total: 0, finished: 0, failed: 0, active: false });

/** @param {UploadItem} item */
const isOver = ({ state }) => state === 'done' || state === 'failed' || state === 'aborted';

export class Store {
  /** @type {Verbs} */
  verbs = {
    add: (files) => this.#add(files ?? []),
    pause: (key) => this.#each(key, (it) => this.#pause(it)),
    resume: (key) => this.#each(key, (it) => this.#resume(it)),
    abort: (key) => this.#each(key, (it) => this.#abort(it)),
    retry: (key) => this.#each(key, (it) => ['failed', 'aborted'].includes(it.item.state) && this.#queue(it)),
    remove: (key) => this.#each(key, (it) => this.#remove(it)),
  };
  #options;
  #state = NOTHING;
  #running = 0;
  #last = 0;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Set<Entry>} */
  #waiting = new Set();
  /** @type {Set<File | Blob>} */
  #sources = new Set();
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {(() => void) | null} */
  #planned = null;

  /** @param {UploadsOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** @param {UploadsOptions} options */
  configure(options) {
    this.#options = options;
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  snapshot = () => this.#state;

  /** The component is gone. */
  leave() {
    if (!this.#options.keep) this.verbs.abort();
  }

  /** @param {Iterable<File | Blob>} files */
  #add(files) {
    for (const source of files) {
      if (this.#sources.has(source)) continue;
      this.#sources.add(source);
      const key = String(++this.#last);
      /** @type {Entry} */
      const entry = { item: fresh(key, source), upload: null, rests: false };
      this.#entries.set(key, entry);
      this.#waiting.add(entry);
    }
    this.#tell();
    this.#next();
  }

  /** @param {unknown} key @param {(entry: Entry) => void} act */
  #each(key, act) {
    const one = typeof key === 'string' ? this.#entries.get(key) : undefined;
    if (one) act(one);
    else if (typeof key !== 'string') for (const entry of [...this.#entries.values()]) act(entry);
    this.#next();
  }

  /** @param {Entry} entry */
  #pause(entry) {
    if (entry.upload) entry.upload.pause();
    else if (this.#waiting.delete(entry)) this.#show(entry, { state: 'paused' });
  }

  /** @param {Entry} entry */
  #resume(entry) {
    if (entry.upload) entry.upload.resume();
    else if (entry.item.state === 'paused') this.#queue(entry);
  }

  /** @param {Entry} entry */
  #abort(entry) {
    if (entry.upload) entry.upload.abort();
    else if (!isOver(entry.item)) {
      this.#waiting.delete(entry);
      this.#show(entry, { state: 'aborted' });
    }
  }

  /** @param {Entry} entry */
  #remove(entry) {
    this.#abort(entry);
    this.#entries.delete(entry.item.key);
    this.#sources.delete(entry.item.source);
    this.#tell();
  }

  /** @param {Entry} entry */
  #queue(entry) {
    entry.item = fresh(entry.item.key, entry.item.source);
    this.#waiting.add(entry);
    this.#tell();
  }

  /** Begins what waits, as far as there is room. */
  #next() {
    for (const entry of this.#waiting) {
      if (this.#running >= OPEN) break;
      this.#waiting.delete(entry);
      this.#begin(entry);
    }
  }

  /** @param {Entry} entry */
  async #begin(entry) {
    const { client, onUploaded, onFailed, keep, ...options } = this.#options;
    const { source } = entry.item;
    this.#running++;
    try {
      const upload = client.upload(source, {
        ...options,
        onProgress: (progress) => {
          // How it ended is said below, with what came of it.
          if (!isOver(/** @type {any} */ (progress))) this.#show(entry, progress);
          this.#rest(entry, progress.state === 'paused');
        },
      });
      entry.upload = upload;
      this.#show(entry, { state: 'preparing' });
      const file = await upload.done;
      entry.upload = null;
      this.#show(entry, { ...STILL, state: 'done', loaded: upload.total, total: upload.total, file });
      tell(() => this.#options.onUploaded?.(file, source));
    } catch (reason) {
      const error = /** @type {Error} */ (reason);
      entry.upload = null;
      this.#show(entry, { ...STILL, state: isAborted(error) ? 'aborted' : 'failed', error: isAborted(error) ? null : error });
      if (!isAborted(error)) tell(() => this.#options.onFailed?.(error, source));
    }
    this.#running--;
    this.#next();
  }

  /** @param {Entry} entry @param {boolean} paused */
  #rest(entry, paused) {
    if (entry.rests === paused) return;
    entry.rests = paused;
    this.#running += paused ? -1 : 1;
    if (paused) this.#next();
  }

  /** @param {Entry} entry @param {Partial<UploadItem>} change */
  #show(entry, change) {
    entry.item = { ...entry.item, ...change };
    this.#tell();
  }

  /** Plans one snapshot for all that changes until the next frame. */
  #tell() {
    if (this.#planned) return;
    const now = () => {
      this.#planned?.();
      this.#planned = null;
      this.#state = summary([...this.#entries.values()].map((entry) => entry.item));
      for (const listener of this.#listeners) listener();
    };
    const frame = requestAnimationFrame(now);
    const timer = setTimeout(now, HIDDEN);
    this.#planned = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }
}

const STILL = { bytesPerSecond: 0, secondsLeft: null };

/** @param {string} key @param {File | Blob} source @returns {UploadItem} */
function fresh(key, source) {
  const name = 'name' in source ? source.name : 'file';
  return { key, source, name, state: 'waiting', loaded: 0, total: source.size, ...STILL, file: null, error: null };
}

/** @param {UploadItem[]} uploads @returns {UploadsState} */
function summary(uploads) {
  const state = { uploads, loaded: 0, total: 0, finished: 0, failed: 0, active: false };
  for (const item of uploads) {
    state.loaded += item.loaded;
    state.total += item.total;
    if (item.state === 'done') state.finished++;
    else if (item.state === 'failed') state.failed++;
    else if (item.state !== 'aborted') state.active = true;
  }
  return state;
}

/** What a callback throws is the page's to see, and keeps no upload from going on. @param {() => void} callback */
const tell = (callback) => queueMicrotask(callback);
