/** What the page of the tests runs: React itself, and the components under test. */

import { createElement as h, Profiler, StrictMode, useEffect } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { ValetkeyUpload, useUploads } from '../src/index.js';

/** What was seen: commits, the verbs of each, what was told. */
const fresh = () => ({ commits: 0, frames: 0, verbs: new Set(), told: [], latest: null });
let seen = fresh();

function List({ first, label = 'files', ...options }) {
  const uploads = useUploads({
    ...options,
    onUploaded: (file) => seen.told.push(['uploaded', file.filename, label]),
    onFailed: (error) => seen.told.push(['failed', error.code, label]),
  });
  const { add } = uploads;
  seen.latest = uploads;
  seen.verbs.add(add);
  useEffect(() => {
    if (first) add(first);
  }, [add, first]);
  return h('ul', null, uploads.uploads.map((it) => h('li', { key: it.key },
    h('span', null, it.name), h('progress', { max: it.total, value: it.loaded }), h('b', null, it.state))));
}

let root;
const place = () => document.querySelector('main');
const wrap = (node, strict) => h(strict ? StrictMode : 'div', null,
  h(Profiler, { id: 'list', onRender: () => seen.commits++ }, node));

Object.assign(window, {
  react: {
    get seen() {
      return seen;
    },
    list(props, strict = false) {
      root ??= createRoot(place());
      root.render(wrap(h(List, props), strict));
    },
    element(props, strict = false) {
      root ??= createRoot(place());
      const told = (type) => (...it) => seen.told.push([type, ...it.map((value) => value?.filename ?? value?.code ?? value?.length ?? value?.name)]);
      root.render(wrap(h(ValetkeyUpload, {
        ...props, onUploaded: told('uploaded'), onFailed: told('failed'), onFinished: told('finished'),
      }), strict));
    },
    hydrate(html, props) {
      place().innerHTML = html;
      root = hydrateRoot(place(), h(List, props), { onRecoverableError: (error) => seen.told.push(['mismatch', String(error)]) });
    },
    leave() {
      root?.unmount();
      root = undefined;
    },
    reset() {
      this.leave();
      seen = fresh();
    },
  },
});
