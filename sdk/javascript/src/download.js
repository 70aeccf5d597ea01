/** From a verified file to its bytes: ranges side by side, all of the same object, checked at the end. */

import { compute } from './checksum.js';
import { Crc } from './crc.js';
import { base64, checksum } from './checksum.js';
import { ChangedError, ChecksumError, NetworkError, StorageError } from './error.js';
import { Handle } from './handle.js';
import { isStale } from './parts.js';
import { retryAfter } from './retry.js';
import { STALLED, errorCode } from './transfer.js';

const RANGE = 8 * 1024 * 1024;

/** @extends {Handle<Blob | null>} */
export class Download extends Handle {
  /** What the service knows of the file, once it was asked. @type {import('./types.js').FileInfo | undefined} */
  file;
  #options;
  #rangeSize;
  /** @type {Set<number>} */
  #written = new Set();
  /** @type {import('./types.js').DownloadInfo | undefined} */
  #way;
  #waySince = 0;
  /** @type {Promise<unknown> | undefined} */
  #asking;

  /**
   * @param {import('./client.js').Client} client
   * @param {string} id
   * @param {import('./types.js').DownloadOptions} options
   */
  constructor(client, id, options) {
    super(client, options, 'downloading', 'downloading', 0);
    this.id = id;
    this.#options = options;
    this.#rangeSize = options.checkpoint?.rangeSize ?? options.rangeSize ?? RANGE;
    this.start(() => this.#run(), async () => {});
  }

  /** What is there, to go on later with `download(id, {to, checkpoint})`. @returns {import('./types.js').Checkpoint} */
  checkpoint() {
    const { id = '', file } = this;
    return { id, etag: file?.etag ?? '', rangeSize: this.#rangeSize, ranges: [...this.#written].sort((a, b) => a - b) };
  }

  async #run() {
    const file = (this.file = await this.client.get(this.id ?? ''));
    this.total = file.size;
    const { to, checkpoint } = this.#options;
    if (checkpoint && checkpoint.etag !== file.etag) throw new ChangedError();
    const sink = await open(to, file, this.signal, Boolean(checkpoint));
    try {
      for (const number of sink.positioned ? checkpoint?.ranges ?? [] : []) {
        this.#written.add(number);
        this.count(this.#range(number).size);
      }
      await this.#fetchAll(sink);
      return await sink.finish();
    } catch (error) {
      await sink.cancel();
      throw error;
    }
  }

  /** @param {Sink} sink */
  async #fetchAll(sink) {
    const failed = new AbortController();
    let next = 0;
    const count = Math.ceil(this.total / this.#rangeSize);
    /** @type {Promise<unknown>} */
    let before = Promise.resolve();
    const lane = async () => {
      for (;;) {
        while (this.#written.has(next)) next++;
        const number = next++;
        if (number >= count) return;
        const bytes = this.#fetch(number, failed.signal);
        const write = async () => {
          await sink.write(await bytes, this.#range(number).offset);
          this.#written.add(number);
        };
        // A stream takes them one after the other; a lane that is ahead waits with its bytes.
        before = sink.positioned ? write() : Promise.all([before, bytes]).then(write);
        bytes.catch(() => {});
        await before;
      }
    };
    const lanes = Array.from({ length: Math.min(this.client.budget.most, count) }, lane);
    try {
      await Promise.all(lanes);
    } catch (error) {
      failed.abort();
      await Promise.allSettled(lanes);
      throw error;
    }
  }

  /** @param {number} number */
  #range(number) {
    const offset = number * this.#rangeSize;
    return { offset, size: Math.min(this.#rangeSize, this.total - offset) };
  }

  /**
   * The bytes of a range; what came before a connection broke is not asked for again.
   * @param {number} number
   * @param {AbortSignal} given
   */
  async #fetch(number, given) {
    const { offset, size } = this.#range(number);
    const bytes = new Uint8Array(size);
    let got = 0;
    let tried = 0;
    await this.attempt(async (signal, refused) => {
      const way = await this.#signed(refused > tried);
      tried = refused;
      await this.#receive(way, offset + got, offset + size - 1, signal, (chunk) => {
        if (got + chunk.length > size) throw new ChecksumError();
        bytes.set(chunk, got);
        got += chunk.length;
        this.moved(chunk.length);
      });
      if (got < size) throw new NetworkError('storage', 'a connection was cut by');
    }, given);
    return bytes;
  }

  /** @param {boolean} anew */
  async #signed(anew) {
    const stale = !this.#way || isStale({ ...this.#way, method: 'GET' }, this.#waySince, this.client.now());
    if (anew || stale) {
      this.#asking ??= this.client.createDownload(this.id ?? '', {}, this.signal).then((way) => {
        this.#way = way;
        this.#waySince = this.client.now();
      }).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return /** @type {import('./types.js').DownloadInfo} */ (this.#way);
  }

  /**
   * @param {import('./types.js').DownloadInfo} way
   * @param {number} first
   * @param {number} last
   * @param {AbortSignal} signal
   * @param {(chunk: Uint8Array) => void} take
   */
  async #receive(way, first, last, signal, take) {
    const stop = new AbortController();
    let timer = setTimeout(() => stop.abort(), STALLED);
    try {
      const answer = await this.client.fetch(way.url, {
        // One range is one answer: a cache that joins them would hold up the others.
        cache: 'no-store',
        headers: { ...way.headers, range: `bytes=${first}-${last}`, 'if-match': this.file?.etag ?? '*' },
        signal: AbortSignal.any([signal, stop.signal]),
      });
      if (answer.status === 412) throw new ChangedError();
      if (answer.status !== 206) throw await refusal(answer);
      const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
      for (let it; !(it = await reader.read()).done; ) {
        clearTimeout(timer);
        timer = setTimeout(() => stop.abort(), STALLED);
        take(it.value);
      }
    } catch (error) {
      if (error instanceof StorageError || error instanceof ChangedError || error instanceof ChecksumError) throw error;
      throw new NetworkError('storage');
    } finally {
      clearTimeout(timer);
    }
  }
}

/** @param {Response} answer */
async function refusal(answer) {
  const text = await answer.text().catch(() => '');
  const seconds = retryAfter(answer.headers.get('retry-after'), Date.now());
  return new StorageError(answer.status, errorCode(text), seconds === undefined ? undefined : seconds * 1000);
}

/**
 * @typedef {object} Sink
 * @property {boolean} positioned Whether it takes ranges in any order.
 * @property {(bytes: Uint8Array, offset: number) => Promise<unknown>} write
 * @property {() => Promise<Blob | null>} finish Checks what was written.
 * @property {() => Promise<unknown>} cancel
 */

/**
 * @param {import('./types.js').DownloadTarget | undefined} to
 * @param {import('./types.js').FileInfo} file
 * @param {AbortSignal} signal
 * @param {boolean} keep Whether what is there is kept.
 * @returns {Promise<Sink>}
 */
async function open(to, file, signal, keep) {
  if (!to) return intoBlob(file, signal);
  if ('getWriter' in to) return intoStream(to, file);
  if ('createWritable' in to) return intoHandle(to, file, signal, keep);
  return intoFile(to, file);
}

/** @param {import('./types.js').FileInfo} file @param {AbortSignal} signal @returns {Sink} */
function intoBlob(file, signal) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const pieces = [];
  return {
    positioned: false,
    write: async (bytes) => pieces.push(/** @type {Uint8Array<ArrayBuffer>} */ (bytes)),
    finish: async () => {
      const blob = new Blob(pieces, { type: file.content_type });
      if (file.checksum) compare(file, (await checksum(blob, file.checksum.algorithm, signal)).value);
      return blob;
    },
    cancel: async () => pieces.splice(0),
  };
}

/** @param {WritableStream<Uint8Array>} to @param {import('./types.js').FileInfo} file @returns {Sink} */
function intoStream(to, file) {
  const writer = to.getWriter();
  const crc = running(file);
  return {
    positioned: false,
    write: async (bytes) => {
      crc?.update(bytes);
      await writer.write(bytes);
    },
    finish: async () => {
      if (crc) compare(file, base64(crc.digest()));
      await writer.close();
      return null;
    },
    cancel: () => writer.abort().catch(() => {}),
  };
}

/**
 * @param {FileSystemFileHandle} to
 * @param {import('./types.js').FileInfo} file
 * @param {AbortSignal} signal
 * @param {boolean} keep
 * @returns {Promise<Sink>}
 */
async function intoHandle(to, file, signal, keep) {
  const writable = await to.createWritable({ keepExistingData: keep });
  return {
    positioned: true,
    write: (bytes, position) => writable.write({ type: 'write', position, data: /** @type {Uint8Array<ArrayBuffer>} */ (bytes) }),
    finish: async () => {
      await writable.close();
      if (file.checksum) compare(file, await compute(await to.getFile(), file.checksum.algorithm, signal));
      return null;
    },
    // Closing keeps what was written, for a checkpoint.
    cancel: () => writable.close().catch(() => {}),
  };
}

/** @param {import('./types.js').PositionedFile} to @param {import('./types.js').FileInfo} file @returns {Sink} */
function intoFile(to, file) {
  return {
    positioned: true,
    write: (bytes, position) => to.write(bytes, 0, bytes.length, position),
    finish: async () => {
      const crc = running(file);
      const piece = new Uint8Array(1024 * 1024);
      for (let at = 0; crc && at < file.size; ) {
        const { bytesRead } = await to.read(piece, 0, Math.min(piece.length, file.size - at), at);
        if (bytesRead === 0) throw new ChecksumError();
        crc.update(piece.subarray(0, bytesRead));
        at += bytesRead;
      }
      if (crc) compare(file, base64(crc.digest()));
      return null;
    },
    cancel: async () => {},
  };
}

/** @param {import('./types.js').FileInfo} file */
function running({ checksum: known }) {
  return known && known.algorithm !== 'sha256' ? new Crc(known.algorithm) : undefined;
}

/** @param {import('./types.js').FileInfo} file @param {string} value */
function compare(file, value) {
  if (value !== file.checksum?.value) throw new ChecksumError();
}
