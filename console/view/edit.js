/** Changing what the application says of a file: its name, folder, notes and how long it is kept. */

import { show } from '../ui/dialog.js';
import { h, replace } from '../ui/dom.js';
import { full } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { explain, notify } from '../ui/notice.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */

/** @type {[string, string][]} */
const KEEP = [['', 'As it is'], ['null', 'For ever'], ['86400', '1 day from now'], ['604800', '7 days from now'], ['2592000', '30 days from now'], ['31536000', '365 days from now']];

/** @param {App} app @param {File} file */
export async function edit(app, file) {
  const error = h('p.field-error', { role: 'alert' });
  const name = input('edit-name', 'Name', file.filename, 255);
  const path = input('edit-path', 'Folder', file.path, 1024, 'photos/2026; empty for none');
  const notes = pairs(file.metadata);
  const keep = /** @type {HTMLSelectElement} */ (h('select.input', { id: 'edit-keep' }, KEEP.map(([value, text]) => h('option', { value }, text))));
  const expiry = file.expires_at ? `It is deleted by itself on ${full(file.expires_at)}.` : 'It is kept for ever.';
  const save = async () => {
    const patch = change(file, name.value(), path.value(), notes.read(), keep.value);
    if (!Object.keys(patch).length) return true;
    try {
      app.library.put(await app.call(() => app.client.call('PATCH', `/files/${file.id}`, { body: patch })));
      notify('Saved.');
      return true;
    } catch (problem) {
      replace(error, explain(problem));
      return false;
    }
  };
  await show({
    title: 'Edit details', confirm: 'Save', cancel: 'Cancel', onconfirm: save,
    body: [name.field, path.field, notes.field,
      h('div.field', null, h('label', { for: 'edit-keep' }, 'Keep it'), h('div.select', null, keep, icon('down')), h('p.hint', null, expiry)), error],
  });
}

/** What differs, as a merge patch. @param {File} file @param {string} filename @param {string} path @param {Record<string, string>} notes @param {string} keep */
function change(file, filename, path, notes, keep) {
  /** @type {Record<string, any>} */
  const patch = {};
  if (filename !== file.filename) patch.filename = filename;
  if (path !== file.path) patch.path = path || null;
  /** @type {Record<string, string | null>} */
  const metadata = {};
  for (const key of Object.keys(file.metadata)) if (!(key in notes)) metadata[key] = null;
  for (const [key, value] of Object.entries(notes)) if (file.metadata[key] !== value) metadata[key] = value;
  if (Object.keys(metadata).length) patch.metadata = metadata;
  if (keep) patch.retain_for = JSON.parse(keep);
  return patch;
}

/** @param {string} id @param {string} label @param {string} value @param {number} longest @param {string} [placeholder] */
function input(id, label, value, longest, placeholder) {
  const element = /** @type {HTMLInputElement} */ (h('input.input', { id, value, maxlength: longest, placeholder, autocomplete: 'off', spellcheck: 'false' }));
  return { field: h('div.field', null, h('label', { for: id }, label), element), value: () => element.value.trim() };
}

/** Rows of a key and its value. @param {Record<string, string>} metadata */
function pairs(metadata) {
  const rows = h('div.pairs');
  const add = (key = '', value = '') => {
    const row = h('div.pair', null,
      h('input.input', { value: key, 'aria-label': 'Key', placeholder: 'key', spellcheck: 'false' }),
      h('input.input', { value, 'aria-label': 'Value', placeholder: 'value', spellcheck: 'false' }),
      h('button.button.bare', { type: 'button', 'aria-label': 'Remove this note', onclick: () => row.remove() }, icon('close')));
    rows.append(row);
    return row;
  };
  for (const [key, value] of Object.entries(metadata)) add(key, value);
  const more = h('button.button.small', { type: 'button', onclick: () => add().querySelector('input')?.focus() }, 'Add a note');
  const read = () => {
    const found = [...rows.children].map((row) => [...row.querySelectorAll('input')].map((it) => it.value.trim()));
    return Object.fromEntries(found.filter(([key]) => key));
  };
  return { field: h('fieldset.field', null, h('legend', null, 'Notes'), rows, more), read };
}
