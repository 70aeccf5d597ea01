/** One service and the permission to use it: the API, verb by verb. */

import { Batch } from './batch.js';
import { Budget } from './budget.js';
import { NetworkError, ProblemError, RefusedError, UnexpectedError, isProblem } from './error.js';
import { openJournal } from './journal.js';
import { POLICY, persist, retryAfter } from './retry.js';
import { Upload } from './upload.js';

/** Longer than the five seconds a completion may wait, with room for a slow line; in milliseconds. */
const ANSWER_TIMEOUT = 60_000;
const ABORT_TIMEOUT = 10_000;

/** @typedef {{ body?: unknown, key?: string, signal?: AbortSignal }} CallOptions */

/** @param {import('./types.js').ClientOptions} options */
export const createClient = (options) => new Client(options);

export class Client {
  #token;
  /** @type {Promise<import('./types.js').BucketInfo[]> | undefined} */
  #buckets;
  #creates;
  #completes;

  /** @param {import('./types.js').ClientOptions} options */
  constructor({ url, token, connections, retry, journal, fetch }) {
    this.base = String(url).replace(/\/+$/, '');
    if (!/^https?:\/\//.test(this.base)) {
      throw new RefusedError('invalid_request', `'${url}' is no address of a service: use one like 'https://files.example.com'`);
    }
    this.#token = token;
    /** @type {import('./types.js').RetryPolicy} */
    this.policy = { ...POLICY, ...retry };
    // Browsers open six connections to one host.
    this.budget = new Budget(connections ?? (typeof XMLHttpRequest === 'function' ? 6 : 8));
    /** @type {import('./types.js').Journal | null} */
    this.journal = journal === undefined ? openJournal() : journal || null;
    this.ownFetch = fetch;
    this.fetch = fetch ?? ((...args) => globalThis.fetch(...args));
    /** How far the service's clock is ahead of this machine's, in milliseconds. */
    this.skew = 0;
    this.#creates = new Batch(
      (item) => this.#create(item),
      async (uploads) => results(await this.call('POST', '/uploads/batch', { body: { uploads } }), 'upload'),
    );
    this.#completes = new Batch(
      (id) => this.#complete(id),
      async (ids) => results(await this.call('POST', '/uploads/complete', { body: { ids } }), 'file'),
    );
  }

  /** The time by the service's clock, in milliseconds. */
  now() {
    return Date.now() + this.skew;
  }

  /**
   * Uploads a file.
   * @param {File | Blob} file
   * @param {import('./types.js').UploadOptions} [options]
   */
  upload(file, options = {}) {
    return new Upload(this, file, options);
  }

  /**
   * Uploads many files within one budget of connections.
   * @param {Iterable<File | Blob>} files
   * @param {import('./types.js').UploadAllOptions} [options]
   */
  async uploadAll(files, options = {}) {
    const { Uploads } = await import('./many.js');
    return new Uploads(this, files, options);
  }

  /**
   * Downloads a file. The answer's `done` is the Blob, or `null` when the bytes went elsewhere.
   * @param {string} id
   * @param {import('./types.js').DownloadOptions} [options]
   */
  async download(id, options = {}) {
    const { Download } = await import('./download.js');
    return new Download(this, id, options);
  }

  /**
   * One page of files.
   * @param {import('./types.js').ListOptions} [query]
   * @returns {Promise<import('./types.js').FilePage>}
   */
  list(query = {}) {
    const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return this.call('GET', `/files${text && `?${text}`}`);
  }

  /**
   * Every file, page after page as they are asked for.
   * @param {import('./types.js').ListOptions} [query]
   */
  async *files(query = {}) {
    for (let cursor = query.cursor; ; ) {
      const page = await this.list({ ...query, cursor });
      yield* page.files;
      if (!(cursor = page.next_cursor)) return;
    }
  }

  /** @param {string} id @returns {Promise<import('./types.js').FileInfo>} */
  get(id) {
    return this.call('GET', `/files/${encodeURIComponent(id)}`);
  }

  /** Deletes a file, for ever. @param {string} id @returns {Promise<void>} */
  remove(id) {
    return this.call('DELETE', `/files/${encodeURIComponent(id)}`);
  }

  /**
   * The ways to a file's bytes.
   * @param {string} id
   * @param {import('./types.js').UrlOptions} [options]
   * @param {AbortSignal} [signal]
   * @returns {Promise<import('./types.js').DownloadInfo>}
   */
  createDownload(id, options = {}, signal) {
    return this.call('POST', `/files/${encodeURIComponent(id)}/download`, { body: options, signal });
  }

  /**
   * A presigned URL of a file's bytes, straight to storage.
   * @param {string} id
   * @param {import('./types.js').UrlOptions} [options]
   */
  async downloadUrl(id, options) {
    return (await this.createDownload(id, options)).url;
  }

  /**
   * A URL of the service for `<img>` and `<video>`, which cannot send a token.
   * @param {string} id
   * @param {import('./types.js').UrlOptions} [options]
   */
  async contentUrl(id, options = { disposition: 'inline' }) {
    return (await this.createDownload(id, options)).content_url;
  }

  /**
   * What may be uploaded where; asked once.
   * @returns {Promise<import('./types.js').BucketInfo[]>}
   */
  buckets() {
    this.#buckets ??= this.call('GET', '/buckets').then(
      (answer) => answer.buckets,
      (error) => {
        this.#buckets = undefined;
        throw error;
      },
    );
    return this.#buckets;
  }

  /**
   * Creates an upload; those that are asked for together go in one request.
   * @param {import('./types.js').CreateUpload} create
   * @param {boolean} together
   * @returns {Promise<import('./types.js').UploadInfo>}
   */
  createUpload(create, together) {
    return together ? this.#creates.add(create) : this.#create(create);
  }

  /** @param {import('./types.js').CreateUpload} body */
  #create(body) {
    return this.call('POST', '/uploads', { body, key: randomKey() });
  }

  /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<import('./types.js').UploadInfo>} */
  getUpload(id, signal) {
    return this.call('GET', `/uploads/${encodeURIComponent(id)}`, { signal });
  }

  /**
   * Signs parts; the requests are in the order asked.
   * @param {string} id
   * @param {number[]} part_numbers
   * @param {number} [expires_in]
   * @param {AbortSignal} [signal]
   * @returns {Promise<import('./types.js').PartRequest[]>}
   */
  async signParts(id, part_numbers, expires_in, signal) {
    return (await this.call('POST', `/uploads/${id}/parts`, { body: { part_numbers, expires_in }, signal })).parts;
  }

  /**
   * Completes an upload once: the file, or a state while the bytes are being checked. Those without a late
   * checksum that are asked for together go in one request.
   * @param {string} id
   * @param {import('./types.js').Checksum} [checksum]
   * @returns {Promise<import('./types.js').FileInfo | { state: 'verifying', retry_after?: number }>}
   */
  completeUpload(id, checksum) {
    return checksum ? this.#complete(id, checksum) : this.#completes.add(id);
  }

  /** @param {string} id @param {import('./types.js').Checksum} [checksum] */
  #complete(id, checksum) {
    return this.call('POST', `/uploads/${id}/complete`, { body: { checksum } });
  }

  /** Aborts an upload; it is not tried for long, since what is left expires. @param {string} id @returns {Promise<void>} */
  abortUpload(id) {
    return this.call('DELETE', `/uploads/${id}`, { signal: AbortSignal.timeout(ABORT_TIMEOUT) });
  }

  /**
   * Asks the API until it answers well: every verb can be repeated, twice is as good as once.
   * @param {string} method
   * @param {string} path
   * @param {CallOptions} [options]
   * @returns {Promise<any>}
   */
  call(method, path, options = {}) {
    let expired = false;
    return persist(async () => {
      try {
        return await this.#once(method, path, options, expired);
      } catch (error) {
        if (expired || typeof this.#token !== 'function' || !isProblem(error, 'token_expired')) throw error;
        expired = true;
        return this.#once(method, path, options, true);
      }
    }, this.policy, options.signal);
  }

  /** @param {string} method @param {string} path @param {CallOptions} options @param {boolean} expired */
  async #once(method, path, { body, key, signal }, expired) {
    const token = typeof this.#token === 'function' ? await this.#token({ expired }) : this.#token;
    /** @type {Record<string, string>} */
    const headers = { authorization: `Bearer ${token}` };
    if (body) headers['content-type'] = 'application/json';
    if (key) headers['idempotency-key'] = key;
    const late = AbortSignal.timeout(ANSWER_TIMEOUT);
    let answer, text;
    const sent = Date.now();
    try {
      answer = await this.fetch(`${this.base}/v1${path}`, {
        method, headers, body: body ? JSON.stringify(body) : undefined, signal: signal ? AbortSignal.any([signal, late]) : late,
      });
      text = await answer.text();
    } catch {
      throw new NetworkError('the service');
    }
    this.#compareClocks(answer.headers.get('date'), sent);
    const json = parse(text);
    const asked = retryAfter(answer.headers.get('retry-after'), this.now());
    if (answer.ok) return answer.status === 202 ? { ...json, retry_after: asked } : json;
    if (!json?.code) throw new UnexpectedError(answer.status);
    throw new ProblemError(json, asked);
  }

  /** @param {string | null} date @param {number} sent */
  #compareClocks(date, sent) {
    const theirs = date ? Date.parse(date) : NaN;
    // Its header has whole seconds: half a second is added for those it leaves out.
    const ahead = theirs + 500 - (sent + Date.now()) / 2;
    if (!Number.isNaN(ahead)) this.skew = Math.abs(ahead) < 1500 ? 0 : ahead;
  }
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The results of a batch, each as if it had been asked alone.
 * @param {{ results: any[] }} answer
 * @param {string} name
 */
const results = (answer, name) =>
  answer.results.map((it) => (it.problem ? new ProblemError(it.problem) : it[name] ?? it));

function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
