/** The files of a folder: its path, what narrows it down, its rows. */

import { sorted } from '../library.js';
import { go, href, place } from '../route.js';
import { h, replace, spoken } from '../ui/dom.js';
import { count, plural, size, when, full } from '../ui/format.js';
import { soon } from '../ui/frame.js';
import { icon } from '../ui/icon.js';
import { download, removeFile } from './actions.js';
import { glyph } from './glyph.js';
import { failure } from './shell.js';
import { toolbar } from './toolbar.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */

/** So many rows are drawn at first, and more of them when they are asked for. */
const ROWS = 100;

/** @param {HTMLElement} main @param {App} app */
export function filesPage(main, app) {
  const crumbs = h('nav.crumbs', { 'aria-label': 'Folders' });
  const tools = toolbar(app);
  const body = h('div.files');
  const told = h('p.spoken', { role: 'status' });
  main.append(h('div.head', null, crumbs, tools.actions), tools.filters, told, body);
  let rows = ROWS;
  let shown = '';
  const draw = () => {
    const { path, bucket, q, type, checksum } = place();
    const view = JSON.stringify([path, bucket, q, type, checksum]);
    if (view !== shown) rows = ROWS;
    shown = view;
    const more = () => ((rows += ROWS), draw());
    replace(crumbs, breadcrumbs(app, path));
    replace(body, content(app, rows, more));
    if (app.library.state === 'ready') replace(told, summary(app));
  };
  const update = () => {
    open(app);
    tools.update();
    draw();
  };
  body.addEventListener('keydown', (event) => walk(event, app));
  const drawSoon = soon(() => main.contains(body) && draw());
  app.library.addEventListener('change', drawSoon);
  update();
  return { update, close: () => app.library.removeEventListener('change', drawSoon) };
}

/** Has the library read what the address asks for. @param {App} app */
function open(app) {
  const { type, checksum, sort } = place();
  app.library.open({ bucket: app.bucket(), content_type: type, checksum, order: sort === 'oldest' ? 'oldest' : undefined });
}

/** @param {App} app @param {string} path */
function breadcrumbs(app, path) {
  const folders = path ? path.split('/') : [];
  const last = folders.length;
  const steps = [app.buckets.length > 1 ? app.bucket() : 'Files', ...folders].map((name, at) => {
    const to = href({ path: folders.slice(0, at).join('/'), file: undefined, q: undefined });
    return h('li', null, at === last ? h('h1', { 'aria-current': 'page' }, name) : h('a', { href: to, 'data-key': `crumb-${at}` }, name),
      at < last && icon('chevron'));
  });
  return h('ol', null, steps);
}

/** What the folder or the search has, in order. @param {App} app */
function contents(app) {
  const { path, q, type, checksum, sort = 'newest' } = place();
  const flat = Boolean(q || type || checksum);
  const { folders, files } = flat ? { folders: [], files: app.library.search(path, q ?? '') } : app.library.folder(path);
  folders.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return { flat, folders, files: sorted(files, sort) };
}

/** @param {App} app */
function summary(app) {
  const { folders, files } = contents(app);
  return `${folders.length ? `${plural(folders.length, 'folder')} and ` : ''}${plural(files.length, 'file')}`;
}

/** @param {App} app @param {number} rows @param {() => void} more */
function content(app, rows, more) {
  const { library } = app;
  const { flat, folders, files } = contents(app);
  const empty = !folders.length && !files.length;
  if (library.state === 'failed' && empty) return failure('The files cannot be listed', library.error, () => library.reload());
  if (library.state === 'loading' && empty) return skeleton();
  if (empty) return nothing(app, flat);
  return [
    table(app, folders, files.slice(0, rows), flat),
    files.length > rows && h('button.button.more', { type: 'button', 'data-key': 'more', onclick: more },
      `Show ${count(Math.min(ROWS, files.length - rows))} more of ${count(files.length - rows)}`),
    remainder(app),
  ];
}

/** What is said of files that were not read. @param {App} app */
function remainder({ library }) {
  if (library.state === 'failed') {
    return h('div.remainder', null, icon('alert'), 'The rest of the files cannot be read. ',
      h('button.button.small', { type: 'button', onclick: () => library.more() }, 'Try again'));
  }
  if (library.state === 'loading') return h('div.remainder', null, h('span.spinner'), `Reading… ${plural(library.files.size, 'file')} so far`);
  if (library.complete) return null;
  return h('div.remainder', null, `Folders, search and order cover the first ${plural(library.files.size, 'file')}. `,
    h('button.button.small', { type: 'button', 'data-key': 'read-more', onclick: () => library.more() }, 'Read more'));
}

/** @param {App} app @param {any[]} folders @param {File[]} files @param {boolean} flat */
function table(app, folders, files, flat) {
  const sort = place().sort ?? 'newest';
  return h('table.rows', null,
    h('caption.spoken', null, 'Folders and files'),
    h('thead', null, h('tr', null,
      column('Name', 'name', sort, sort === 'name' ? '-name' : 'name'),
      column('Size', 'size', sort, sort === 'size' ? '-size' : 'size'),
      h('th.col-type', { scope: 'col' }, 'Type'),
      column('Added', 'added', sort, sort === 'newest' ? 'oldest' : 'newest'),
      h('th.col-do', { scope: 'col' }, spoken('Actions')))),
    h('tbody', null, folders.map(folderRow), files.map((file) => fileRow(app, file, flat))));
}

/** @type {Record<string, Record<string, 'ascending' | 'descending'>>} */
const SORTED = {
  name: { name: 'ascending', '-name': 'descending' },
  size: { size: 'descending', '-size': 'ascending' },
  added: { newest: 'descending', oldest: 'ascending' },
};

/** @param {string} label @param {string} name @param {string} sort @param {string} next */
function column(label, name, sort, next) {
  const direction = SORTED[name][sort];
  return h(`th.col-${name}`, { scope: 'col', 'aria-sort': direction ?? 'none' },
    h('button.sort', { type: 'button', 'data-key': `sort-${name}`, onclick: () => go({ sort: next === 'newest' ? undefined : next }) },
      label, direction && h(`span.sort-mark.${direction}`, null, icon('down'))));
}

/** @param {{ name: string, path: string, files: number, size: number, newest: string }} folder */
function folderRow(folder) {
  return h('tr.row', null,
    h('td.col-name', null, h('a.row-link', { href: href({ path: folder.path, file: undefined }), 'data-key': `folder-${folder.path}` },
      h('span.glyph.folder', null, icon('folder')), h('span.row-text', null, h('span.row-name', null, spoken('Folder '), folder.name),
        h('span.row-sub', null, `${plural(folder.files, 'file')} · ${size(folder.size)}`)))),
    h('td.col-size', null, size(folder.size)), h('td.col-type', null, plural(folder.files, 'file')),
    h('td.col-added', null, when(folder.newest)), h('td.col-do'));
}

/** @param {App} app @param {File} file @param {boolean} flat */
function fileRow(app, file, flat) {
  const open = place().file === file.id;
  const act = (/** @type {string} */ name, /** @type {string} */ label, /** @type {() => void} */ onclick) => h('button.button.bare', {
    type: 'button', 'aria-label': `${label} ${file.filename}`, title: label, 'data-key': `${name}-${file.id}`, onclick,
  }, icon(name));
  return h(`tr.row${open ? '.open' : ''}`, { 'data-id': file.id },
    h('td.col-name', null, h('a.row-link', { href: href({ file: file.id }), 'data-key': `file-${file.id}`, 'aria-current': open && 'true' },
      glyph(file), h('span.row-text', null, h('span.row-name', null, file.filename),
        flat && file.path && h('span.row-path', null, file.path),
        h('span.row-sub', null, `${size(file.size)} · ${when(file.created_at)}`)))),
    h('td.col-size', null, size(file.size)), h('td.col-type', null, file.content_type),
    h('td.col-added', null, h('time', { datetime: file.created_at, title: full(file.created_at) }, when(file.created_at))),
    h('td.col-do', null, act('download', 'Download', () => download(app, file)), act('trash', 'Delete', () => removeFile(app, file))));
}

/** Arrows go from row to row, Delete removes. @param {KeyboardEvent} event @param {App} app */
function walk(event, app) {
  const link = /** @type {HTMLElement} */ (event.target).closest('.row-link');
  if (!link || event.altKey || event.ctrlKey || event.metaKey) return;
  const links = /** @type {HTMLElement[]} */ ([...(link.closest('tbody')?.querySelectorAll('.row-link') ?? [])]);
  const at = links.indexOf(/** @type {HTMLElement} */ (link));
  /** @type {Record<string, number>} */
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 };
  const file = app.library.get(link.closest('tr')?.dataset.id ?? '');
  if (event.key === 'Delete' && file) removeFile(app, file);
  else if (event.key in to) links[to[event.key]]?.focus();
  else return;
  event.preventDefault();
}

const skeleton = () =>
  h('div.skeleton', { role: 'status' }, spoken('Reading the files…'), Array.from({ length: 8 }, () => h('div.skeleton-row')));

/** @param {App} app @param {boolean} flat */
function nothing(app, flat) {
  if (flat) {
    return h('div.blank', null, icon('search'), h('h2', null, 'Nothing found'), h('p', null, 'No file here has that name, type or checksum.'),
      place().path && h('a.button', { href: href({ path: '' }) }, 'Search all folders'),
      h('a.button', { href: href({ q: undefined, type: undefined, checksum: undefined }) }, 'Show all files'));
  }
  const bucket = app.buckets.find((it) => it.name === app.bucket());
  return h('div.blank.empty', null, h('div.claim', null, icon('upload')), h('h2', null, place().path ? 'This folder is empty' : 'No files yet'),
    h('p', null, 'Drop files or folders anywhere on this page.'),
    bucket && h('p.hint', null, `Up to ${size(bucket.max_size)} each, ${takes(bucket.content_types)}.`));
}

/** @param {string[]} types */
const takes = (types) => (types.includes('*/*') ? 'of any type' : `of these types: ${types.join(', ')}`);
