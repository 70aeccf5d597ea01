/** The worker's side of checksum.js: `{id, blob, algorithm}` in, `{id, value}` or `{id, code, message}` out; `{id}` stops one. */

import { compute } from './checksum.js';

const port = /** @type {{ postMessage(it: unknown): void, onmessage: ((event: MessageEvent) => void) | null }} */ (
  /** @type {unknown} */ (self)
);
/** @type {Map<number, AbortController>} */
const running = new Map();

port.onmessage = async ({ data: { id, blob, algorithm } }) => {
  if (!blob) return running.get(id)?.abort();
  const stop = new AbortController();
  running.set(id, stop);
  try {
    port.postMessage({ id, value: await compute(blob, algorithm, stop.signal) });
  } catch (error) {
    const { code, message } = /** @type {import('./error.js').ValetkeyError} */ (error);
    port.postMessage({ id, code: code ?? 'file_changed', message });
  } finally {
    running.delete(id);
  }
};
port.postMessage({ ready: true });
