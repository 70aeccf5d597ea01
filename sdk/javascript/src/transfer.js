/** Bytes to storage with a presigned request, and nothing of ours besides. */

import { AbortedError, ChangedError, NetworkError, StorageError } from './error.js';
import { retryAfter } from './retry.js';

/** A transfer on which nothing moved for so long is given up; in milliseconds. */
export const STALLED = 60_000;
/**
 * While others move, one is given up sooner: its connection is dead and the network is not. With bytes left to send after so
 * many milliseconds; when all are with the system, which may still be sending, or storage may think, the first time after `ANSWER`.
 */
export const STUCK = 20_000;
export const ANSWER = 30_000;
const LOOK_EVERY = 10_000;
/** What others must have moved meanwhile, in bytes. */
const OTHERS = 256 * 1024;

/**
 * @typedef {object} Transfer
 * @property {(bytes: number) => void} moved Is told of bytes as they leave.
 * @property {AbortSignal} signal
 * @property {typeof globalThis.fetch} [fetch]
 * @property {{ total: number }} [budget] What all transfers together have moved.
 * @property {boolean} [again] Whether it was tried before.
 */

/**
 * Sends bytes with a presigned PUT. 412 means that they are stored already: an earlier attempt arrived, and
 * only its answer was lost.
 * @param {import('./types.js').PresignedRequest} request
 * @param {Blob} blob
 * @param {Transfer} transfer
 */
export async function put(request, blob, transfer) {
  const stop = new AbortController();
  let sent = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const watch = (still = 0, before = transfer.budget?.total ?? 0) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      still += LOOK_EVERY;
      const alone = (transfer.budget?.total ?? 0) - before <= OTHERS;
      const patience = alone ? STALLED : sent < blob.size ? STUCK : transfer.again ? STALLED : ANSWER;
      if (still >= patience) stop.abort();
      else watch(still, before);
    }, LOOK_EVERY);
  };
  watch();
  /** @param {number} bytes */
  const moved = (bytes) => {
    sent += bytes;
    transfer.moved(bytes);
    watch();
  };
  const carry = typeof XMLHttpRequest === 'function' && !transfer.fetch ? byXhr : byFetch;
  try {
    const { signal } = transfer;
    const answer = await carry(request, blob, { ...transfer, moved, signal: AbortSignal.any([signal, stop.signal]) });
    if (answer.status !== 412 && (answer.status < 200 || answer.status > 299)) throw refusal(answer);
    moved(blob.size - sent);
  } catch (error) {
    transfer.moved(-sent);
    if (transfer.signal.aborted) throw new AbortedError();
    if (error instanceof StorageError) throw error;
    if (!(await isReadable(blob))) throw new ChangedError();
    throw new NetworkError('storage', stop.signal.aborted ? 'nothing moves on the connection to' : undefined);
  } finally {
    clearTimeout(timer);
  }
}

/** @typedef {{ status: number, text: string, retryAfter: string | null }} Answer */

/**
 * By XMLHttpRequest: `fetch` does not tell in browsers what has been sent.
 * @param {import('./types.js').PresignedRequest} request
 * @param {Blob} blob
 * @param {Transfer} transfer
 * @returns {Promise<Answer>}
 */
function byXhr(request, blob, { moved, signal }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let before = 0;
    const stop = () => xhr.abort();
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => {
      moved(loaded - before);
      before = loaded;
    };
    xhr.onload = () => resolve({ status: xhr.status, text: xhr.responseText, retryAfter: header(xhr, 'retry-after') });
    xhr.onerror = xhr.onabort = () => reject(new NetworkError('storage'));
    xhr.onloadend = () => signal.removeEventListener('abort', stop);
    if (signal.aborted) return reject(new AbortedError());
    signal.addEventListener('abort', stop);
    xhr.send(blob);
  });
}

/**
 * A header the page may read, if it is there; asking for another one is an error in the console.
 * @param {XMLHttpRequest} xhr
 * @param {string} name
 */
const header = (xhr, name) =>
  new RegExp(`^${name}: *(.*)$`, 'im').exec(xhr.getAllResponseHeaders())?.[1]?.trim() ?? null;

/**
 * @param {import('./types.js').PresignedRequest} request
 * @param {Blob} blob
 * @param {Transfer} transfer
 * @returns {Promise<Answer>}
 */
async function byFetch(request, blob, { moved, signal, fetch = globalThis.fetch }) {
  const counter = new TransformStream({
    transform(chunk, controller) {
      moved(chunk.length);
      controller.enqueue(chunk);
    },
  });
  const body = blob.size > 0 ? blob.stream().pipeThrough(counter) : undefined;
  const answer = await fetch(request.url, /** @type {RequestInit} */ ({
    method: request.method,
    headers: { ...request.headers, 'content-length': String(blob.size) },
    body, duplex: 'half', signal,
  }));
  return { status: answer.status, text: await answer.text(), retryAfter: answer.headers.get('retry-after') };
}

/** @param {Answer} answer */
const refusal = ({ status, text, retryAfter: asked }) => {
  const seconds = retryAfter(asked, Date.now());
  return new StorageError(status, errorCode(text), seconds === undefined ? undefined : seconds * 1000);
};

/**
 * The `<Code>` of an error document, if it is a plain word.
 * @param {string} xml
 */
export const errorCode = (xml) => /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(xml)?.[1];

/** @param {Blob} blob */
const isReadable = (blob) =>
  blob.slice(0, 1).arrayBuffer().then(() => true, () => false);
