/** The uploads under way, at the foot of the page. */

import { h, replace, spoken } from '../ui/dom.js';
import { count, duration, plural, size } from '../ui/format.js';
import { soon } from '../ui/frame.js';
import { icon } from '../ui/icon.js';
import { explain } from '../ui/notice.js';
import { glyph } from './glyph.js';

/** @typedef {import('../transfers.js').Transfer} Transfer */

/** No more are drawn at one time. */
const DRAWN = 60;
/** Fewer bytes than this say nothing of how long it takes. */
const SMALL = 1_000_000;
/** What needs attention comes first. @type {Record<string, number>} */
const RANK = { failed: 0, uploading: 1, verifying: 1, offline: 1, paused: 2, preparing: 3, waiting: 4, done: 5, aborted: 6 };
/** @type {Record<string, string>} */
const SAID = { waiting: 'Waiting', preparing: 'Preparing', offline: 'Waits for a connection', paused: 'Paused', verifying: 'Being verified', done: 'Verified', aborted: 'Given up' };

/** @param {import('../app.js').App} app */
export function tray({ transfers }) {
  const head = h('div.tray-head');
  const list = h('ul.tray-list', { id: 'tray-list' });
  const told = h('p.spoken', { role: 'status' });
  const element = h('section.tray', { hidden: true, 'aria-label': 'Uploads' }, head, list, told);
  // On a small screen it would hide what is below.
  let open = !matchMedia('(max-width: 760px)').matches;
  /** @type {Map<number, Row>} */
  const rows = new Map();
  const draw = () => {
    const all = [...transfers.all.values()];
    element.hidden = !all.length;
    document.body.classList.toggle('with-tray', all.length > 0);
    list.hidden = !open;
    replace(head, header(transfers, all, open, () => ((open = !open), draw())));
    if (open) arrange(list, all, rows, transfers);
  };
  transfers.addEventListener('change', soon(draw));
  transfers.addEventListener('ended', (event) => {
    const { name, state } = /** @type {CustomEvent<Transfer>} */ (event).detail;
    if (state === 'failed') replace(told, `${name} failed`);
    else if (!transfers.active) replace(told, 'All uploads are verified');
  });
  return element;
}

/** @param {import('../transfers.js').Transfers} transfers @param {Transfer[]} all @param {boolean} open @param {() => void} turn */
function header(transfers, all, open, turn) {
  const going = all.filter((it) => !['done', 'failed', 'aborted'].includes(it.state));
  const paused = going.length > 0 && going.every((it) => it.state === 'paused' || it.state === 'waiting') && going.some((it) => it.state === 'paused');
  const button = (/** @type {string} */ key, /** @type {string} */ label, /** @type {string} */ name, /** @type {() => void} */ onclick) =>
    h('button.button.bare', { type: 'button', 'aria-label': label, title: label, 'data-key': `tray-${key}`, onclick }, icon(name));
  const loaded = sum(all, (it) => it.loaded);
  const total = sum(all, (it) => it.size);
  return [
    h('h2.tray-title', null, title(all, going), h('span.tray-speed', null, speed(all, going))),
    going.length > 0 && button('pause', paused ? 'Resume all' : 'Pause all', paused ? 'play' : 'pause', () => transfers.pauseAll(!paused)),
    h('button.button.bare.fold', { type: 'button', 'aria-expanded': String(open), 'aria-controls': 'tray-list', 'aria-label': 'Show the uploads', 'data-key': 'tray-fold', onclick: turn }, icon('down')),
    going.length ? button('stop', 'Cancel all', 'close', () => transfers.cancelAll()) : button('clear', 'Close', 'close', () => transfers.clear()),
    going.length > 0 && bar(loaded, total, 'All uploads'),
  ];
}

/** @param {Transfer[]} all @param {Transfer[]} going */
function title(all, going) {
  const failed = all.filter((it) => it.state === 'failed').length;
  if (going.length) return `Uploading ${plural(going.length, 'file')}`;
  if (failed) return `${plural(failed, 'upload')} failed`;
  return `${plural(all.length, 'file')} uploaded and verified`;
}

/** How fast it goes; of many small files, where bytes tell nothing, how many are done. @param {Transfer[]} all @param {Transfer[]} going */
function speed(all, going) {
  const bytes = sum(going, (it) => it.speed);
  const left = sum(going, (it) => it.size - it.loaded);
  if (left < SMALL) return going.length ? `${count(all.length - going.length)} of ${count(all.length)} done` : '';
  return bytes < 1 ? '' : `${size(bytes)}/s · ${duration(left / bytes)} left`;
}

/** @param {Transfer[]} all @param {(it: Transfer) => number} value */
const sum = (all, value) => all.reduce((sum, it) => sum + value(it), 0);

/** @param {number} value @param {number} max @param {string} label */
const bar = (value, max, label) => h('progress.bar', { value, max: max || 1, 'aria-label': label });

/** @typedef {{ element: HTMLElement, state: string, update(): void }} Row */

/** Puts the rows in order, and draws anew only what changed. @param {HTMLElement} list @param {Transfer[]} all @param {Map<number, Row>} rows @param {import('../transfers.js').Transfers} transfers */
function arrange(list, all, rows, transfers) {
  const first = all.sort((a, b) => RANK[a.state] - RANK[b.state] || a.key - b.key).slice(0, DRAWN);
  const kept = new Set(first.map((it) => it.key));
  for (const key of rows.keys()) if (!kept.has(key)) rows.delete(key);
  const elements = first.map((transfer) => {
    let it = rows.get(transfer.key);
    if (it?.state === transfer.state) it.update();
    else rows.set(transfer.key, (it = row(transfer, transfers)));
    return it.element;
  });
  const rest = all.length - first.length;
  if (rest) elements.push(h('li.tray-rest', null, `and ${plural(rest, 'more file', 'more files')}`));
  const same = !rest && elements.length === list.children.length && elements.every((it, at) => list.children[at] === it);
  if (!same) replace(list, elements);
}

/** @param {Transfer} transfer @param {import('../transfers.js').Transfers} transfers @returns {Row} */
function row(transfer, transfers) {
  const { state, name, key } = transfer;
  const going = ['preparing', 'uploading', 'offline', 'paused', 'verifying'].includes(state);
  const said = h('span.tray-said');
  const progress = going && bar(transfer.loaded, transfer.size, `Progress of ${name}`);
  const button = (/** @type {string} */ label, /** @type {string} */ symbol, /** @type {() => void} */ onclick) => h('button.button.bare', {
    type: 'button', 'aria-label': `${label} ${name}`, title: label, 'data-key': `${symbol}-${key}`, onclick,
  }, icon(symbol));
  const element = h(`li.tray-row.${state}`, null,
    state === 'done' ? h('span.glyph.done', null, icon('check')) : glyph({ filename: name, content_type: transfer.file.type }),
    h('div.tray-text', null, h('span.tray-name', { title: name }, name), transfer.folder && h('span.tray-folder', null, spoken('in '), transfer.folder), progress, said),
    h('div.tray-do', null,
      ['uploading', 'preparing', 'offline'].includes(state) && button('Pause', 'pause', () => transfers.pause(transfer)),
      state === 'paused' && button('Resume', 'play', () => transfers.resume(transfer)),
      state === 'failed' && button('Retry', 'retry', () => transfers.retry(transfer)),
      state !== 'done' && button(state === 'failed' ? 'Dismiss' : 'Cancel', 'close', () => transfers.cancel(transfer))));
  const update = () => {
    if (progress) progress.setAttribute('value', String(transfer.loaded));
    const text = sentence(transfer);
    if (said.textContent !== text) replace(said, text);
  };
  update();
  return { element, state, update };
}

/** @param {Transfer} transfer */
function sentence({ state, loaded, size: total, speed, error }) {
  if (state === 'failed') return explain(error);
  if (state !== 'uploading') return `${SAID[state]} · ${size(total)}`;
  const left = speed > 1 ? ` · ${duration((total - loaded) / speed)} left` : '';
  return `${size(loaded)} of ${size(total)}${left}`;
}
