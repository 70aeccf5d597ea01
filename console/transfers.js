/** The uploads of this page: what was chosen, how far it is, and what can be done about it. */

import { checksum } from '/sdk/checksum.js';
// The client fetches this when it is needed first. Without a connection that would be too late.
import '/sdk/many.js';

/** @typedef {import('/sdk/upload.js').Upload} Upload */

/**
 * @typedef {object} Transfer
 * @property {number} key
 * @property {globalThis.File} file
 * @property {string} name
 * @property {string} folder
 * @property {number} size
 * @property {Upload} [upload] Once its turn has come.
 * @property {'waiting' | Upload['state']} state
 * @property {number} loaded
 * @property {number} speed Bytes in a second.
 * @property {unknown} [error]
 * @property {() => Upload} again
 */

const TICK = 250;
const ENDED = ['done', 'failed', 'aborted'];

export class Transfers extends EventTarget {
  /** @type {Map<number, Transfer>} */
  all = new Map();
  #client;
  #stored;
  #keys = 0;
  #timer = 0;
  /** Those of `uploadAll`, to be paused together. @type {Set<{ pause(): void, resume(): void, abort(): void }>} */
  #batches = new Set();

  /** @param {import('/sdk/index.js').Client} client @param {(file: import('/sdk/types.js').FileInfo) => void} stored */
  constructor(client, stored) {
    super();
    this.#client = client;
    this.#stored = stored;
    // Starts the worker while there is a connection to fetch it by.
    checksum(new Blob([]), 'crc64nvme', new AbortController().signal).catch(() => {});
    addEventListener('beforeunload', (event) => this.active && event.preventDefault());
  }

  /** Whether anything is still to be sent. */
  get active() {
    return [...this.all.values()].some((it) => !ENDED.includes(it.state));
  }

  /** Sends files to a folder of a bucket. @param {globalThis.File[]} files @param {string} bucket @param {string} path */
  async add(files, bucket, path) {
    if (!files.length) return;
    const transfers = files.map((file) => this.#enlist(file, bucket, path));
    this.#tell();
    const batch = await this.#client.uploadAll(files, {
      bucket, path: path || undefined,
      onUpload: (upload, _file, index) => this.#begin(transfers[index], upload),
    });
    this.#batches.add(batch);
    await batch.done;
    this.#batches.delete(batch);
  }

  /** @param {globalThis.File} file @param {string} bucket @param {string} path @returns {Transfer} */
  #enlist(file, bucket, path) {
    const inside = file.webkitRelativePath;
    const folder = [path, inside.slice(0, Math.max(0, inside.lastIndexOf('/')))].filter(Boolean).join('/');
    /** @type {Transfer} */
    const transfer = {
      key: ++this.#keys, file, name: file.name, folder, size: file.size, state: 'waiting', loaded: 0, speed: 0,
      again: () => this.#client.upload(file, { bucket, path: path || undefined }),
    };
    this.all.set(transfer.key, transfer);
    return transfer;
  }

  /** @param {Transfer} transfer @param {Upload} upload */
  #begin(transfer, upload) {
    transfer.upload = upload;
    transfer.error = undefined;
    if (transfer.state === 'aborted') upload.abort();
    transfer.state = upload.state;
    this.#watch();
    upload.done.then(
      (file) => this.#end(transfer, undefined, file),
      (error) => this.#end(transfer, error),
    );
  }

  /** @param {Transfer} transfer @param {unknown} error @param {import('/sdk/types.js').FileInfo} [file] */
  #end(transfer, error, file) {
    this.#look(transfer);
    transfer.error = error;
    if (file) this.#stored(file);
    if (transfer.state === 'aborted') this.all.delete(transfer.key);
    this.dispatchEvent(new CustomEvent('ended', { detail: transfer }));
    this.#tell();
  }

  /** @param {Transfer} transfer */
  pause(transfer) {
    transfer.upload?.pause();
    this.#refresh();
  }

  /** @param {Transfer} transfer */
  resume(transfer) {
    transfer.upload?.resume();
    this.#refresh();
  }

  /** @param {Transfer} transfer */
  cancel(transfer) {
    if (transfer.upload) transfer.upload.abort();
    else transfer.state = 'aborted';
    if (!transfer.upload || ENDED.includes(transfer.state)) this.all.delete(transfer.key);
    this.#tell();
  }

  /** @param {Transfer} transfer */
  retry(transfer) {
    transfer.loaded = 0;
    this.#begin(transfer, transfer.again());
    this.#tell();
  }

  /** @param {boolean} paused */
  pauseAll(paused) {
    const verb = paused ? 'pause' : 'resume';
    for (const batch of this.#batches) batch[verb]();
    for (const { upload } of this.all.values()) upload?.[verb]();
    this.#refresh();
  }

  cancelAll() {
    for (const batch of this.#batches) batch.abort();
    for (const transfer of [...this.all.values()]) if (transfer.state !== 'done') this.cancel(transfer);
  }

  /** Forgets what is over. */
  clear() {
    for (const [key, { state }] of this.all) if (ENDED.includes(state)) this.all.delete(key);
    this.#tell();
  }

  #watch() {
    this.#timer ||= window.setInterval(() => this.#refresh(), TICK);
  }

  #refresh() {
    for (const transfer of this.all.values()) if (!ENDED.includes(transfer.state)) this.#look(transfer);
    if (!this.active) {
      clearInterval(this.#timer);
      this.#timer = 0;
    }
    this.#tell();
  }

  /** @param {Transfer} transfer */
  #look(transfer) {
    const { upload } = transfer;
    if (!upload) return;
    const moved = upload.loaded - transfer.loaded;
    // Smooth: a quarter of what is now, three of what was.
    transfer.speed = upload.state === 'uploading' ? 0.75 * transfer.speed + 0.25 * Math.max(0, moved) * (1000 / TICK) : 0;
    transfer.loaded = upload.loaded;
    transfer.state = upload.state;
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}
