/** Drop links: anybody who has one sends files into the folder that is open. */

import { place } from '../route.js';
import { show } from '../ui/dialog.js';
import { h, replace } from '../ui/dom.js';
import { count, day, size } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { copy, explain, notify } from '../ui/notice.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {{ id: string, url: string, bucket: string, path: string, name: string, expires_at: string, max_files?: number,
 *   max_size?: number, files: number, bytes: number, revoked_at?: string }} Drop */

/** @type {[string, string][]} */
const LASTS = [['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days'], ['31536000', '365 days']];
const MEGABYTE = 1_000_000;

/** @param {App} app */
export async function receive(app) {
  const [bucket, path] = [app.bucket(), place().path];
  const error = h('p.field-error', { role: 'alert' });
  const name = field('drop-name', 'Title of its page', { maxlength: 100, placeholder: 'Send files' });
  const files = field('drop-files', 'Files at most', { type: 'number', min: 1, max: 10_000, step: 1, value: '100' });
  const largest = field('drop-size', 'Megabytes each at most', { type: 'number', min: 1, step: 1, placeholder: 'as the bucket says' });
  const lasts = /** @type {HTMLSelectElement} */ (h('select.input', { id: 'drop-lasts' },
    LASTS.map(([value, text]) => h('option', { value, selected: value === '604800' }, text))));
  const list = h('div.drops');
  /** @type {Drop | undefined} */
  let made;
  const save = async () => {
    const body = {
      bucket, path, name: name.input.value.trim(), expires_in: Number(lasts.value),
      ...(files.input.value && { max_files: Number(files.input.value) }),
      ...(largest.input.value && { max_size: Number(largest.input.value) * MEGABYTE }),
    };
    try {
      made = await app.call(() => app.client.call('POST', '/drops', { body }));
      return true;
    } catch (problem) {
      replace(error, explain(problem));
      return false;
    }
  };
  draw(app, bucket, path, list);
  await show({
    title: 'Receive files here', confirm: 'Make a drop link', cancel: 'Close', onconfirm: save,
    body: [h('p', null, 'Whoever has the link sends files into ', h('strong', null, path || 'the top level'), ', without an account, and sees nothing of what is there.'),
      name.field, h('div.field', null, h('label', { for: 'drop-lasts' }, 'Lasts'), h('div.select', null, lasts, icon('down'))),
      files.field, largest.field, error, list],
  });
  if (made) await reveal(app, made);
}

/** The drop links into this folder that hold. @param {App} app @param {string} bucket @param {string} path @param {HTMLElement} list */
async function draw(app, bucket, path, list) {
  try {
    const page = await app.call(() => app.client.call('GET', '/drops?limit=1000'));
    const here = page.drops.filter((/** @type {Drop} */ it) => it.bucket === bucket && it.path === path && !it.revoked_at && Date.parse(it.expires_at) > Date.now());
    replace(list, here.length > 0 && h('h3', null, 'Links into this folder'),
      here.length > 0 && h('ul.link-list', null, here.map((/** @type {Drop} */ it) => row(app, it, () => draw(app, bucket, path, list)))));
  } catch (error) {
    replace(list, h('p.hint', null, explain(error)));
  }
}

/** @param {App} app @param {Drop} link @param {() => void} again */
function row(app, link, again) {
  const name = link.name || 'Send files';
  const sent = `${count(link.files)}${link.max_files ? ` of ${count(link.max_files)}` : ''} files, ${size(link.bytes)}`;
  const end = async () => {
    try {
      await app.call(() => app.client.call('DELETE', `/drops/${link.id}`));
      notify('Nobody can send files by this link any more.');
    } catch (error) {
      notify(explain(error), { kind: 'failed' });
    }
    again();
  };
  return h('li.link', null,
    h('div.link-about', null, h('span.link-name', null, name), h('span.hint', null, `${sent} · until ${day(link.expires_at)}`)),
    h('button.button.small', { type: 'button', 'aria-label': `Show ${name}`, onclick: () => reveal(app, link) }, 'Show'),
    h('button.button.small', { type: 'button', 'aria-label': `Revoke ${name}`, onclick: end }, 'Revoke'));
}

/** Shows a link, its code and the command. @param {App} app @param {Drop} link */
async function reveal(app, link) {
  const input = /** @type {HTMLInputElement} */ (h('input.input.mono', { readonly: true, value: link.url, 'aria-label': 'The link', autofocus: true }));
  input.addEventListener('focus', () => input.select());
  const code = h('div.qr');
  const line = `curl -LT FILE ${link.url}/`;
  picture(app, link).then((url) => {
    const image = h('img', { src: url, alt: 'QR code of the link', width: 192, height: 192 });
    image.addEventListener('load', () => URL.revokeObjectURL(url));
    replace(code, image);
  }, (error) => replace(code, h('p.hint', null, explain(error))));
  await show({
    title: 'Your drop link', confirm: 'Done',
    body: [input, h('button.button', { type: 'button', onclick: () => copy(link.url, 'Link copied.') }, icon('copy'), 'Copy the link'),
      code, h('pre.line', { tabindex: '0', 'aria-label': 'Command' }, line),
      h('button.button', { type: 'button', onclick: () => copy(line, 'Command copied.') }, icon('copy'), 'Copy the command')],
  });
}

/** @param {App} app @param {Drop} link */
async function picture(app, link) {
  const token = await app.session.source({ expired: false });
  const answer = await fetch(`/v1/drops/${link.id}/qr.svg`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error('There is no QR code at the moment.');
  return URL.createObjectURL(new Blob([await answer.text()], { type: 'image/svg+xml' }));
}

/** @param {string} id @param {string} label @param {Record<string, any>} attributes */
function field(id, label, attributes) {
  const input = /** @type {HTMLInputElement} */ (h('input.input', { id, autocomplete: 'off', ...attributes }));
  return { field: h('div.field', null, h('label', { for: id }, label), input), input };
}
