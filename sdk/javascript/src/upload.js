/** From a file to a verified file. */

import { check, describe, journalKey } from './check.js';
import { checksum } from './checksum.js';
import { RefusedError, UnexpectedError, isProblem } from './error.js';
import { Handle } from './handle.js';
import { isStale, sendParts } from './parts.js';
import { sleep } from './retry.js';
import { put } from './transfer.js';

/** After these there is nothing to go on with. */
const FINAL = ['checksum_mismatch', 'size_mismatch', 'type_mismatch', 'upload_expired', 'conflict', 'not_found'];

/** @extends {Handle<import('./types.js').FileInfo>} */
export class Upload extends Handle {
  #file;
  #options;
  /** @type {import('./types.js').UploadInfo | undefined} */
  #upload;
  #signedAt = 0;
  /** @type {string | undefined} */
  #key;
  /** @type {(() => void) | null | undefined} */
  #claimed;
  /** @type {Promise<import('./types.js').Checksum> | undefined} */
  #late;

  /**
   * @param {import('./client.js').Client} client
   * @param {File | Blob} file
   * @param {import('./types.js').UploadOptions} options
   */
  constructor(client, file, options) {
    super(client, options, 'preparing', 'uploading', file.size);
    this.#file = file;
    this.#options = options;
    this.start(() => this.#run(), (error) => this.#giveUp(error));
  }

  async #run() {
    const { compress, resume } = this.#options;
    if (compress) {
      const { compressImage } = await import('./image.js');
      this.#file = await compressImage(this.#file, compress === true ? {} : compress);
      this.total = this.#file.size;
    }
    const intent = describe(this.#file, this.#options);
    const bucket = check(intent, await this.client.buckets());
    this.#key = journalKey(this.client.base, this.#file, intent);
    this.#claimed = await this.client.journal?.claim(this.#key);
    this.#upload = resume ? await this.#begun(resume) : await this.#remembered();
    if (this.#upload && this.#upload.state !== 'pending') return this.#complete();
    const algorithm = this.#options.checksum ?? bucket.checksum_algorithm;
    const sum = algorithm ? checksum(this.#file, algorithm, this.signal) : undefined;
    sum?.catch(() => {});
    if (intent.size > bucket.single_limit) {
      // Parts need no checksum of their own: it is declared at the end, and computed meanwhile.
      this.#late = sum;
      await this.#sendParts(intent);
    } else {
      intent.checksum = await sum;
      const found = await this.#stored();
      if (found) return found;
      await this.#sendWhole(intent);
    }
    return this.#complete();
  }

  /** @param {import('./types.js').CreateUpload} intent @param {boolean} together */
  async #create(intent, together) {
    await this.open();
    this.#upload = await this.client.createUpload(intent, together);
    this.#signedAt = this.client.now();
    await this.#remember();
  }

  async #remember() {
    this.id = /** @type {import('./types.js').UploadInfo} */ (this.#upload).id;
    // Of two at the same file only one is remembered.
    if (this.#key && this.#claimed) await this.client.journal?.put(this.#key, { id: this.id, at: Date.now() });
  }

  /** An upload of this file that a reload or a crash cut short. */
  async #remembered() {
    const entry = this.#claimed && this.#key ? await this.client.journal?.get(this.#key) : undefined;
    if (!entry) return undefined;
    try {
      return await this.#begun(entry.id);
    } catch (error) {
      if (isProblem(error, 'not_found') || error instanceof RefusedError) return undefined;
      throw error;
    }
  }

  /** @param {string} id */
  async #begun(id) {
    const upload = await this.client.getUpload(id, this.signal);
    if (upload.size !== this.#file.size) {
      throw new RefusedError('size_mismatch', 'this is not the file that upload was begun with: its size is another');
    }
    if (!['pending', 'verifying', 'available'].includes(upload.state)) {
      throw new RefusedError('conflict', `that upload is ${upload.state}: begin a new one`);
    }
    this.id = id;
    return upload;
  }

  /** @param {import('./types.js').CreateUpload} intent */
  async #sendParts(intent) {
    if (this.#upload) await this.#remember();
    else await this.#create(intent, false);
    const upload = /** @type {import('./types.js').UploadInfo} */ (this.#upload);
    if (!upload.part_count || !upload.part_size) throw new UnexpectedError(200);
    await sendParts({
      client: this.client, upload, file: this.#file, signedAt: this.#signedAt, expiresIn: this.#options.expiresIn,
      signal: this.signal,
      attempt: (transfer, signal) => this.attempt(transfer, signal),
      moved: (bytes) => this.moved(bytes),
      count: (bytes) => this.count(bytes),
      begin: () => this.enter('uploading'),
    });
  }

  /** A small upload that was begun may have its bytes already. */
  async #stored() {
    try {
      return this.#upload && (await this.#complete());
    } catch (error) {
      if (isProblem(error, 'upload_incomplete')) return undefined;
      throw error;
    }
  }

  /** @param {import('./types.js').CreateUpload} intent */
  async #sendWhole(intent) {
    if (!this.#upload) await this.#create(intent, true);
    this.enter('uploading');
    const moved = (/** @type {number} */ bytes) => this.moved(bytes);
    let tried = 0;
    let again = false;
    await this.attempt(async (signal, refused) => {
      const upload = /** @type {import('./types.js').UploadInfo} */ (this.#upload);
      if (!upload.request || refused > tried || isStale(upload.request, this.#signedAt, this.client.now())) {
        // To the service it is a plan of one part, and signed again as one.
        const [part] = await this.client.signParts(upload.id, [1], this.#options.expiresIn, signal);
        upload.request = part?.request;
        this.#signedAt = this.client.now();
        tried = refused;
      }
      const { request } = upload;
      if (!request) throw new UnexpectedError(200);
      // A slice has no type of its own that could take the place of the signed one.
      const transfer = { moved, signal, fetch: this.client.ownFetch, budget: this.client.budget, again };
      again = true;
      await put(request, this.#file.slice(), transfer);
    });
  }

  /** Asks until the bytes are checked; the service itself bounds how long that takes. */
  async #complete() {
    this.enter('verifying');
    const sum = await this.#late;
    for (let round = 0; ; ) {
      try {
        const answer = await this.client.completeUpload(this.id ?? '', sum);
        if ('etag' in answer) {
          this.count(this.total - this.loaded);
          await this.#forget();
          return answer;
        }
        await sleep((answer.retry_after ?? 1) * 1000, this.signal);
      } catch (error) {
        if (!this.#late || !isProblem(error, 'upload_incomplete') || round++ >= 2) throw error;
        this.#upload = await this.client.getUpload(this.id ?? '', this.signal);
        await this.#sendParts(/** @type {any} */ (undefined));
        this.enter('verifying');
      }
    }
  }

  async #forget() {
    if (this.#key && this.#claimed) await this.client.journal?.remove(this.#key);
    this.#claimed?.();
  }

  /**
   * After an abort or a failure: parts that can be gone on with stay, everything else is taken back. What
   * cannot be taken back expires by itself.
   * @param {unknown} error
   */
  async #giveUp(error) {
    const { aborted } = this.signal;
    const final = aborted || FINAL.includes(/** @type {{ code: string }} */ (error)?.code);
    if (this.#upload?.strategy === 'multipart' && !final) return this.#claimed?.();
    const taken = this.id && this.client.abortUpload(this.id).catch(() => {});
    if (aborted) await taken;
    await this.#forget();
  }
}
