/** Many PUTs at a time, signed just in time. */

import { UnexpectedError } from './error.js';
import { put } from './transfer.js';

/** The most parts signed by one request. */
const MOST_SIGNED = 100;
/** What a request lives when nobody says how long, in seconds. */
const LIFETIME = 900;

/**
 * Whether a request is so near its end that it should be signed again before it is sent.
 * @param {import('./types.js').PresignedRequest | undefined} request
 * @param {number} signedAt
 * @param {number} now
 */
export function isStale(request, signedAt, now) {
  if (!request) return false;
  const end = Date.parse(request.expires_at);
  return end - now < Math.min(30_000, (end - signedAt) / 2);
}

/**
 * @typedef {object} PartsRun
 * @property {import('./client.js').Client} client
 * @property {import('./types.js').UploadInfo} upload
 * @property {Blob} file
 * @property {number} signedAt
 * @property {number} [expiresIn]
 * @property {AbortSignal} signal
 * @property {(transfer: (signal: AbortSignal, refused: number) => Promise<void>, signal: AbortSignal) => Promise<void>} attempt
 * @property {(bytes: number) => void} moved
 * @property {(bytes: number) => void} count
 * @property {() => void} begin
 */

/**
 * Sends the parts storage does not have, as many at a time as the budget allows.
 * @param {PartsRun} run
 */
export async function sendParts(run) {
  const { upload } = run;
  const stored = new Map(upload.uploaded_parts?.map((part) => [part.part_number, part.size]));
  /** @type {number[]} */
  const missing = [];
  for (let number = 1; number <= (upload.part_count ?? 0); number++) {
    const size = piece(run, number).size;
    if (stored.get(number) === size) run.count(size);
    else missing.push(number);
  }
  run.begin();
  const failed = new AbortController();
  const signer = new Signer(run, missing);
  const lane = async () => {
    for (let number; (number = missing.shift()) !== undefined; ) await sendPart(run, signer, number, failed.signal);
  };
  const lanes = Array.from({ length: Math.min(run.client.budget.most, missing.length) }, lane);
  try {
    await Promise.all(lanes);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(lanes);
    throw error;
  }
}

/**
 * @param {PartsRun} run
 * @param {Signer} signer
 * @param {number} number
 * @param {AbortSignal} given
 */
async function sendPart(run, signer, number, given) {
  let tried = 0;
  let again = false;
  await run.attempt(async (signal, refused) => {
    const request = await signer.request(number, refused > tried);
    tried = refused;
    const transfer = { moved: run.moved, signal, fetch: run.client.ownFetch, budget: run.client.budget, again };
    again = true;
    await put(request, piece(run, number), transfer);
  }, given);
}

/** @param {PartsRun} run @param {number} number */
function piece({ upload, file }, number) {
  const size = upload.part_size ?? 0;
  return file.slice((number - 1) * size, number * size);
}

/** The signed requests of parts: made when the first of them is needed, for as many as will be sent before they expire. */
class Signer {
  /** @type {Map<number, { request: import('./types.js').PresignedRequest, at: number }>} */
  #signed = new Map();
  /** @type {Set<number>} */
  #wanted = new Set();
  /** @type {Promise<void> | undefined} */
  #signing;
  #run;
  #missing;

  /** @param {PartsRun} run @param {number[]} missing */
  constructor(run, missing) {
    this.#run = run;
    this.#missing = missing;
    for (const part of run.upload.parts ?? []) this.#signed.set(part.part_number, { request: part.request, at: run.signedAt });
  }

  /**
   * @param {number} number
   * @param {boolean} anew
   */
  async request(number, anew) {
    if (anew) this.#signed.delete(number);
    for (;;) {
      const known = this.#fresh(number);
      if (known) return known;
      this.#wanted.add(number);
      this.#signing ??= this.#sign().finally(() => {
        this.#signing = undefined;
      });
      await this.#signing;
    }
  }

  /** @param {number} number */
  #fresh(number) {
    const known = this.#signed.get(number);
    return known && !isStale(known.request, known.at, this.#run.client.now()) ? known.request : undefined;
  }

  async #sign() {
    const { client, upload, expiresIn, signal } = this.#run;
    const next = this.#missing.filter((number) => !this.#fresh(number));
    const inTime = (client.budget.rate * (expiresIn ?? LIFETIME)) / 2 / (upload.part_size ?? 1);
    const count = Math.min(MOST_SIGNED, Math.max(client.budget.most * 2, Math.ceil(inTime)));
    const numbers = [...new Set([...this.#wanted, ...next])].slice(0, Math.max(count, this.#wanted.size));
    this.#wanted.clear();
    const parts = await client.signParts(upload.id, numbers, expiresIn, signal);
    const at = client.now();
    for (const part of parts) this.#signed.set(part.part_number, { request: part.request, at });
    if (numbers.some((number) => !this.#signed.has(number))) throw new UnexpectedError(200);
  }
}
