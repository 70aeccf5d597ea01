/** Links to a file, for people who have no account: made, counted and revoked. */

import { show } from '../ui/dialog.js';
import { h, replace } from '../ui/dom.js';
import { count, day } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { copy, explain, notify } from '../ui/notice.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */
/** @typedef {{ id: string, name: string, created_at: string, expires_at: string, max_downloads?: number, downloads: number,
 *   networks: string[], password: boolean, landing: boolean, revoked_at?: string, url?: string }} Link */

/** @type {[string, string][]} */
const LASTS = [['3600', '1 hour'], ['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days'], ['31536000', '365 days']];

/** @param {App} app @param {File} file */
export function links(app, file) {
  const list = h('div.links');
  const make = h('button.button.small', { type: 'button', 'data-key': 'make-link', onclick: () => create(app, file, draw) }, icon('link'), 'New link');
  const draw = async () => {
    try {
      const page = await app.call(() => app.client.call('GET', `/links?file=${file.id}&limit=50`));
      const rows = page.links.map((/** @type {Link} */ link) => row(app, link, draw));
      replace(list, rows.length ? h('ul.link-list', null, rows) : h('p.hint', null, 'None. A link gives this file to somebody without an account.'));
    } catch (error) {
      replace(list, h('p.hint', null, explain(error)));
    }
  };
  draw();
  return h('section.panel-section', { 'aria-labelledby': 'links-title' },
    h('div.links-head', null, h('h3', { id: 'links-title' }, 'Links'), make), list);
}

/** @param {App} app @param {Link} link @param {() => void} draw */
function row(app, link, draw) {
  const name = link.name || 'Link';
  const over = ended(link);
  const marks = [link.password && 'password', link.landing && 'page first', link.networks.length && 'some networks only'].filter(Boolean);
  const used = link.max_downloads ? `${count(link.downloads)} of ${count(link.max_downloads)} downloads` : `${count(link.downloads)} ${link.downloads === 1 ? 'download' : 'downloads'}`;
  const facts = [used, over || `until ${day(link.expires_at)}`, ...marks].join(' · ');
  return h(`li.link${over ? '.over' : ''}`, null,
    h('div.link-about', null, h('span.link-name', null, name), h('span.hint', null, facts)),
    !over && h('button.button.small', { type: 'button', 'aria-label': `Revoke ${name}`, 'data-key': `revoke-${link.id}`, onclick: () => revoke(app, link, draw) }, 'Revoke'));
}

/** Why it is of no use any more, if it is not. @param {Link} link */
function ended({ revoked_at, expires_at, max_downloads, downloads }) {
  if (revoked_at) return 'revoked';
  if (new Date(expires_at).getTime() <= Date.now()) return 'expired';
  return max_downloads && downloads >= max_downloads ? 'used up' : '';
}

/** @param {App} app @param {Link} link @param {() => void} draw */
async function revoke(app, link, draw) {
  const sure = await show({
    title: 'Revoke this link?', danger: true, confirm: 'Revoke', cancel: 'Keep it',
    body: [h('p', null, 'Nobody can use it any more. That cannot be taken back.')],
  });
  if (!sure) return;
  try {
    await app.call(() => app.client.call('DELETE', `/links/${link.id}`));
    notify('The link is revoked.');
  } catch (error) {
    notify(explain(error), { kind: 'failed' });
  }
  draw();
}

/** @param {App} app @param {File} file @param {() => void} draw */
async function create(app, file, draw) {
  const error = h('p.field-error', { role: 'alert' });
  const name = field('link-name', 'Note', { maxlength: 100, placeholder: 'who it is for; only you see it' });
  const limit = field('link-limit', 'Downloads at most', { type: 'number', min: 1, step: 1, inputmode: 'numeric', placeholder: 'any number' });
  const password = field('link-password', 'Password', { type: 'password', maxlength: 200, autocomplete: 'new-password', placeholder: 'none' });
  const lasts = /** @type {HTMLSelectElement} */ (h('select.input', { id: 'link-lasts' },
    LASTS.map(([value, text]) => h('option', { value, selected: value === '604800' }, text))));
  const landing = /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', id: 'link-landing' }));
  /** @type {Link | undefined} */
  let made;
  const save = async () => {
    const body = {
      file: file.id, name: name.input.value.trim(), expires_in: Number(lasts.value), landing: landing.checked,
      ...(limit.input.value && { max_downloads: Number(limit.input.value) }),
      ...(password.input.value && { password: password.input.value }),
    };
    try {
      made = await app.call(() => app.client.call('POST', '/links', { body }));
      return true;
    } catch (problem) {
      replace(error, explain(problem));
      return false;
    }
  };
  await show({
    title: 'New link', confirm: 'Make the link', cancel: 'Cancel', onconfirm: save,
    body: [name.field, h('div.field', null, h('label', { for: 'link-lasts' }, 'Lasts'), h('div.select', null, lasts, icon('down'))),
      limit.field, password.field,
      h('label.check', { for: 'link-landing' }, landing, h('span', null, 'Show a page with a button first', h('span.hint', null, 'Then previews of the link do not count as downloads.'))), error],
  });
  if (!made) return;
  draw();
  await reveal(made);
}

/** Shows a link, once. @param {Link} link */
async function reveal({ url = '' }) {
  const input = /** @type {HTMLInputElement} */ (h('input.input.mono', { readonly: true, value: url, 'aria-label': 'The link', autofocus: true }));
  input.addEventListener('focus', () => input.select());
  await show({
    title: 'Your link', confirm: 'Done',
    body: [h('p', null, 'It is shown only now: copy it.'), input,
      h('button.button', { type: 'button', onclick: () => copy(url, 'Link copied.') }, icon('copy'), 'Copy the link')],
  });
}

/** @param {string} id @param {string} label @param {Record<string, any>} attributes */
function field(id, label, attributes) {
  const input = /** @type {HTMLInputElement} */ (h('input.input', { id, autocomplete: 'off', ...attributes }));
  return { field: h('div.field', null, h('label', { for: id }, label), input), input };
}
