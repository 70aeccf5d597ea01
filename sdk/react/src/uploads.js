/** `useUploads`: a list of uploads as React state. */

import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { usePresence } from './leave.js';
import { NOTHING, Store } from './store.js';

/** @typedef {import('./store.js').UploadsState & import('./store.js').Verbs} Uploads */

const nothing = () => NOTHING;

/**
 * Uploads files and renders how far they are, at most once for each frame. The verbs are the same functions in every
 * render. When the component goes, what is under way is aborted, unless `keep` is set.
 * @param {import('./store.js').UploadsOptions} options Read when an upload begins: they may change from render to render.
 * @returns {Uploads}
 * @throws {TypeError} Without a client.
 */
export function useUploads(options) {
  if (!options?.client) {
    throw new TypeError('useUploads needs a client: useUploads({ client }) with one of createClient({ url, token })');
  }
  const [store] = useState(() => new Store(options));
  useEffect(() => store.configure(options));
  usePresence(() => {}, () => store.leave());
  const state = useSyncExternalStore(store.subscribe, store.snapshot, nothing);
  return useMemo(() => ({ ...state, ...store.verbs }), [state, store]);
}
