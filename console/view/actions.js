/** What can be done with a file, wherever it is shown. */

import { go, place } from '../route.js';
import { show } from '../ui/dialog.js';
import { h } from '../ui/dom.js';
import { day, size, time } from '../ui/format.js';
import { copy, explain, notify } from '../ui/notice.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */

/** How long a deletion can be taken back, in milliseconds. */
const GRACE = 6000;
/** How long a copied link is good for at most, in seconds. */
const LINK = 86_400;

/** The longest a link to a file may live, up to a wish. @param {App} app @param {File} file @param {number} wish */
export function lifetime(app, file, wish) {
  const bucket = app.buckets.find((it) => it.name === file.bucket);
  return Math.min(wish, bucket?.max_expires_in ?? 900);
}

/** Has the browser save a file. @param {App} app @param {File} file */
export async function download(app, file) {
  try {
    const url = await app.call(() => app.client.downloadUrl(file.id, { disposition: 'attachment' }));
    const link = h('a', { href: url, rel: 'noreferrer', download: file.filename });
    document.body.append(link);
    link.click();
    link.remove();
  } catch (error) {
    notify(`${file.filename} cannot be downloaded. ${explain(error)}`, { kind: 'failed' });
  }
}

/** @param {App} app @param {File} file */
export async function copyLink(app, file) {
  try {
    const expires_in = lifetime(app, file, LINK);
    const { url, expires_at } = await app.call(() => app.client.createDownload(file.id, { expires_in, disposition: 'attachment' }));
    await copy(url, `Link copied. Whoever has it can download until ${day(expires_at).toLowerCase() === 'today' ? '' : `${day(expires_at)}, `}${time(expires_at)}.`);
  } catch (error) {
    notify(`There is no link to ${file.filename}. ${explain(error)}`, { kind: 'failed' });
  }
}

/** Asks, and then waits: until the file is gone it can be kept. @param {App} app @param {File} file */
export async function removeFile(app, file) {
  const sure = await show({
    title: 'Delete this file?', danger: true, confirm: 'Delete', cancel: 'Keep it',
    body: [h('p', null, h('strong', null, file.filename), ` (${size(file.size)}) is deleted for ever, its bytes and its links with it.`)],
  });
  if (!sure) return;
  const next = neighbour(file.id);
  if (place().file === file.id) go({ file: undefined });
  app.library.hide(file.id, true);
  next?.focus();
  const timer = setTimeout(() => carryOut(app, file), GRACE);
  const keep = () => {
    clearTimeout(timer);
    app.library.hide(file.id, false);
  };
  notify(`${file.filename} is being deleted.`, { action: 'Undo', onaction: keep, stays: GRACE });
}

/** @param {App} app @param {File} file */
async function carryOut(app, file) {
  try {
    await app.call(() => app.client.remove(file.id));
    app.library.remove(file.id);
  } catch (error) {
    if (/** @type {any} */ (error).code === 'not_found') return app.library.remove(file.id);
    app.library.hide(file.id, false);
    notify(`${file.filename} was not deleted. ${explain(error)}`, { kind: 'failed' });
  }
}

/** Where the focus goes when a row goes. @param {string} id @returns {HTMLElement | null} */
function neighbour(id) {
  const row = document.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  const near = row?.nextElementSibling ?? row?.previousElementSibling;
  const key = /** @type {HTMLElement | null} */ (near?.querySelector('.row-link'))?.dataset.key;
  const found = () => (key ? document.querySelector(`[data-key="${CSS.escape(key)}"]`) : document.getElementById('main'));
  return /** @type {any} */ ({ focus: () => /** @type {HTMLElement | null} */ (found())?.focus() });
}
