/** What narrows the list down, and what adds to it. */

import { go, place } from '../route.js';
import { h, replace, spoken } from '../ui/dom.js';
import { icon } from '../ui/icon.js';
import { receive } from './receive.js';

/** @type {[string, string][]} */
const TYPES = [
  ['', 'Any type'], ['image/*', 'Images'], ['video/*', 'Videos'], ['audio/*', 'Audio'], ['text/*', 'Text'],
  ['application/pdf', 'PDF'], ['application/*', 'Other data'],
];
/** @type {[string, string][]} */
const SORTS = [['', 'Newest first'], ['oldest', 'Oldest first'], ['name', 'By name'], ['size', 'Largest first'], ['type', 'By type']];
/** Long enough to type the next letter. */
const TYPING = 200;
const CHECKSUM = /^(sha256|crc64nvme|crc32c):[A-Za-z0-9+/]+=*$/;

/** @param {import('../app.js').App} app */
export function toolbar(app) {
  const search = /** @type {HTMLInputElement} */ (h('input.input', {
    type: 'search', placeholder: 'Search names and folders', 'aria-label': 'Search names and folders, or a checksum such as sha256:…',
    title: 'Names and folders, or a checksum such as sha256:…', oninput: later(() => find(search.value)),
  }));
  const type = choice('Type', TYPES, (value) => go({ type: value || undefined }));
  const sort = choice('Order', SORTS, (value) => go({ sort: value || undefined }));
  // Where there is no room for the rail.
  const names = app.buckets.map(({ name }) => /** @type {[string, string]} */ ([name, name]));
  const bucket = choice('Bucket', names, (value) => go({ bucket: value, path: '', file: undefined }));
  const update = () => {
    offer(bucket, names, app.bucket());
    const { q, checksum, type: kind = '', sort: order = '' } = place();
    if (document.activeElement !== search) search.value = checksum ?? q ?? '';
    offer(type, TYPES, kind);
    offer(sort, SORTS, order);
  };
  return {
    actions: h('div.head-actions', null, ...upload(app)),
    filters: h('div.filters', { role: 'search' }, h('div.search', null, icon('search'), search),
      names.length > 1 && h('div.narrow-only', null, wrap(bucket)), wrap(type), wrap(sort)),
    update,
  };
}

/** A checksum is asked of the service; names are looked for here. @param {string} text */
function find(text) {
  const wanted = text.trim();
  const checksum = CHECKSUM.test(wanted) ? wanted : undefined;
  go({ q: checksum ? undefined : wanted || undefined, checksum }, { instead: true });
}

/** @param {string} label @param {[string, string][]} options @param {(value: string) => void} choose */
function choice(label, options, choose) {
  const select = /** @type {HTMLSelectElement} */ (h('select.input', { 'aria-label': label, onchange: () => choose(select.value) }));
  offer(select, options, '');
  return select;
}

/** Offers what there is and, when the address says something else, that. @param {HTMLSelectElement} select @param {[string, string][]} options @param {string} value */
function offer(select, options, value) {
  const all = options.some(([it]) => it === value) ? options : [...options, [value, value.startsWith('-') ? 'Reversed' : value]];
  replace(select, all.map(([it, text]) => h('option', { value: it }, text)));
  select.value = value;
}

/** @param {HTMLElement} select */
const wrap = (select) => h('div.select', null, select, icon('down'));

/** Buttons that choose files and folders. @param {import('../app.js').App} app */
function upload(app) {
  const take = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.target);
    app.transfers.add([...(input.files ?? [])], app.bucket(), place().path);
    input.value = '';
  };
  const files = h('input', { type: 'file', multiple: true, hidden: true, 'data-role': 'files', onchange: take });
  const folder = h('input', { type: 'file', webkitdirectory: true, hidden: true, 'data-role': 'folder', onchange: take });
  return [
    files, folder,
    h('button.button', { type: 'button', title: 'Receive files here', onclick: () => receive(app) }, icon('receive'), h('span.label-wide', null, 'Receive', spoken(' files here'))),
    h('button.button', { type: 'button', onclick: () => folder.click() }, icon('folder'), h('span.label-wide', null, spoken('Upload a '), 'Folder')),
    h('button.button.primary', { type: 'button', onclick: () => files.click() }, icon('upload'), 'Upload'),
  ];
}

/** @param {() => void} work */
function later(work) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(work, TYPING);
  };
}
