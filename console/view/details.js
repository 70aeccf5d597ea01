/** Everything there is to know about a file, beside the list; on a small screen, in its place. */

import { go, href, place } from '../route.js';
import { h, replace } from '../ui/dom.js';
import { count, full, size } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { copyLink, download, removeFile } from './actions.js';
import { edit } from './edit.js';
import { chronicle } from './chronicle.js';
import { glyph } from './glyph.js';
import { links } from './links.js';
import { preview } from './preview.js';
import { fact, proof } from './proof.js';
import { failure } from './shell.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */

/** @param {HTMLElement} panel @param {App} app */
export function details(panel, app) {
  /** @type {{ id?: string, file?: File, end?: AbortController }} */
  let shown = {};
  const close = () => go({ file: undefined });
  /** @param {File} file */
  const draw = (file) => {
    if (shown.file === file) return;
    // A film that plays stays where it is, and plays on.
    if (!shown.file) {
      const look = preview(app, file, /** @type {any} */ (shown.end).signal);
      replace(panel, h('div.panel-head'), look, h('div.panel-about'), links(app, file), chronicle(app, file));
    }
    shown.file = file;
    replace(/** @type {Element} */ (panel.querySelector('.panel-head')), glyph(file), h('h2', { tabindex: '-1', 'data-key': 'title' }, file.filename), closer(close));
    replace(/** @type {Element} */ (panel.querySelector('.panel-about')), contents(app, file));
  };
  // What it hides is out of reach, too.
  const narrow = matchMedia('(max-width: 560px)');
  const cover = () => {
    for (const it of panel.parentElement?.children ?? []) if (it !== panel) it.toggleAttribute('inert', narrow.matches && !panel.hidden);
  };
  const turn = async () => {
    const { file: id } = place();
    if (id === shown.id) return;
    const back = panel.contains(document.activeElement) && shown.id;
    shown.end?.abort();
    shown = { id, end: new AbortController() };
    panel.hidden = !id;
    document.body.classList.toggle('with-panel', Boolean(id));
    cover();
    if (!id) {
      panel.replaceChildren();
      if (back) (rowOf(back) ?? document.getElementById('main'))?.focus();
      return;
    }
    const known = app.library.get(id);
    if (known) draw(known);
    else await fetchIt(id);
    panel.scrollTo(0, 0);
    /** @type {HTMLElement | null} */ (panel.querySelector('h2, .button'))?.focus();
    // A list leaves the receipt out.
    if (known && !known.receipt) await refresh(id);
  };
  /** @param {string} id */
  const fetchIt = async (id) => {
    replace(panel, h('div.loading', null, h('span.spinner'), 'Opening…'));
    try {
      const file = await app.call(() => app.client.get(id));
      if (shown.id === id) draw(file);
    } catch (error) {
      if (shown.id === id) replace(panel, h('div.panel-head', null, closer(close)), failure('This file cannot be shown', error, () => fetchIt(id)));
    }
  };
  /** @param {string} id */
  const refresh = async (id) => {
    const file = await app.call(() => app.client.get(id)).catch(() => null);
    if (file && shown.id === id) app.library.put(file);
  };
  panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close();
  });
  app.library.addEventListener('change', () => {
    const file = shown.id && app.library.get(shown.id);
    if (file && shown.file) draw(file);
  });
  narrow.addEventListener('change', cover);
  addEventListener('hashchange', turn);
  turn();
}

/** @param {string} id @returns {HTMLElement | null} */
const rowOf = (id) => document.querySelector(`[data-key="file-${CSS.escape(id)}"]`);

/** @param {() => void} close */
const closer = (close) =>
  h('button.button.bare', { type: 'button', 'aria-label': 'Close the details', title: 'Close', 'data-key': 'close', onclick: close }, icon('close'));

/** @param {App} app @param {File} file */
function contents(app, file) {
  const act = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
    h(`button.button${name === 'download' ? '.primary' : ''}`, { type: 'button', 'data-key': name, onclick }, icon(name), label);
  return [
    h('div.panel-actions', null,
      act('download', 'Download', () => download(app, file)), act('link', 'Copy link', () => copyLink(app, file)),
      act('edit', 'Edit', () => edit(app, file)), act('trash', 'Delete', () => removeFile(app, file))),
    proof(file),
    section('About', h('dl.facts', null,
      plain('Size', size(file.size), file.size >= 1000 ? `${count(file.size)} bytes` : ''),
      plain('Type', file.content_type, file.detected_type && file.detected_type !== file.content_type ? `its bytes say ${file.detected_type}` : ''),
      plain('Folder', h('a', { href: href({ page: 'files', path: file.path, q: undefined, type: undefined, checksum: undefined }) }, file.path || 'Top level')),
      plain('Added', full(file.created_at)), plain('Kept', file.expires_at ? `until ${full(file.expires_at)}` : 'for ever'),
      plain('Owner', file.owner), plain('Bucket', file.bucket), plain('Downloads', count(file.download_count)),
      fact('ID', file.id, 'id', file.id), fact('Key', file.key, 'key', file.key))),
    section('Notes', notes(file.metadata)),
  ];
}

/** @param {string} title @param {...any} children */
export const section = (title, ...children) => h('section.panel-section', null, h('h3', null, title), ...children);

/** @param {string} name @param {any} value @param {string} [more] */
const plain = (name, value, more) =>
  h('div.fact', null, h('dt', null, name), h('dd', null, value, more && h('span.fact-more', null, more)));

/** @param {Record<string, string>} metadata */
function notes(metadata) {
  const all = Object.entries(metadata);
  if (!all.length) return h('p.hint', null, 'None. Edit the file to add some.');
  return h('dl.facts', null, all.map(([key, value]) => plain(key, value)));
}
