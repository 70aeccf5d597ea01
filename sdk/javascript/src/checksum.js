/** The checksum of a file: off the main thread in browsers, piece by piece elsewhere. */

import { Crc } from './crc.js';
import { AbortedError, ChangedError, RefusedError } from './error.js';

/** WebCrypto digests only what lies in memory. */
const MAX_SHA256 = 256 * 1024 * 1024;
const PIECE = 2 * 1024 * 1024;

/** @param {Uint8Array} bytes */
export const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/**
 * Computes it where it is called.
 * @param {Blob} blob
 * @param {import('./types.js').Algorithm} algorithm
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} Base64 of its big-endian bytes.
 */
export async function compute(blob, algorithm, signal) {
  if (algorithm === 'sha256') {
    if (blob.size > MAX_SHA256) {
      throw new RefusedError('invalid_request', 'SHA-256 is computed of files up to 256 MiB: use crc64nvme');
    }
    return base64(new Uint8Array(await crypto.subtle.digest('SHA-256', await read(blob))));
  }
  const crc = new Crc(algorithm);
  for (let at = 0; at < blob.size; at += PIECE) {
    if (signal?.aborted) throw new AbortedError();
    crc.update(new Uint8Array(await read(blob.slice(at, at + PIECE))));
  }
  return base64(crc.digest());
}

/** @param {Blob} blob */
async function read(blob) {
  try {
    return await blob.arrayBuffer();
  } catch {
    throw new ChangedError();
  }
}

/** @typedef {{ resolve: (value: string) => void, reject: (error: Error) => void }} Waiting */

/** @type {Promise<Worker | null> | undefined} */
let worker;
/** @type {Map<number, Waiting>} */
const waiting = new Map();
let last = 0;

/**
 * Computes it in a worker; where there is none, or a page forbids it, here.
 * @param {Blob} blob
 * @param {import('./types.js').Algorithm} algorithm
 * @param {AbortSignal} signal
 * @returns {Promise<import('./types.js').Checksum>}
 */
export async function checksum(blob, algorithm, signal) {
  worker ??= start();
  const thread = await worker;
  if (!thread) return { algorithm, value: await compute(blob, algorithm, signal) };
  const id = ++last;
  const stop = () => thread.postMessage({ id });
  try {
    const value = await new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      signal.addEventListener('abort', stop);
      thread.postMessage({ id, blob, algorithm });
      if (signal.aborted) stop();
    });
    return { algorithm, value };
  } finally {
    waiting.delete(id);
    signal.removeEventListener('abort', stop);
  }
}

/** A worker that has said it is there, or `null`. */
async function start() {
  if (typeof Worker !== 'function' || typeof document === 'undefined') return null;
  const url = new URL('./checksum.worker.js', import.meta.url).href;
  // A page may only start workers of its own origin; one that imports the module is.
  const own = URL.createObjectURL(new Blob([`import ${JSON.stringify(url)}`], { type: 'text/javascript' }));
  return (await launch(url)) ?? (await launch(own));
}

/** @param {string} url @returns {Promise<Worker | null>} */
function launch(url) {
  return new Promise((resolve) => {
    try {
      const thread = new Worker(url, { type: 'module' });
      thread.onerror = () => resolve(null);
      thread.onmessage = ({ data }) => {
        if (data.ready) return resolve(thread);
        const asked = waiting.get(data.id);
        if (data.value) asked?.resolve(data.value);
        else asked?.reject(failure(data));
      };
    } catch {
      resolve(null);
    }
  });
}

/** @param {{ code: string, message: string }} data */
function failure({ code, message }) {
  if (code === 'aborted') return new AbortedError();
  return code === 'file_changed' ? new ChangedError() : new RefusedError(code, message);
}
