/** Short messages at the edge of the page. They are spoken, and those that ask for nothing leave by themselves. */

import { h } from './dom.js';
import { icon } from './icon.js';

const STAYS = 6000;

/**
 * @param {string} text
 * @param {{ kind?: 'done' | 'failed', action?: string, onaction?: () => void, stays?: number }} [options]
 * @returns {() => void} Takes it away.
 */
export function notify(text, { kind = 'done', action, onaction, stays } = {}) {
  const close = () => {
    clearTimeout(timer);
    element.remove();
  };
  const act = () => {
    close();
    onaction?.();
  };
  const element = h(`div.notice.${kind}`, null,
    icon(kind === 'done' ? 'check' : 'alert'),
    h('p', null, text),
    action && h('button.button.quiet.small', { type: 'button', onclick: act }, action),
    h('button.button.bare', { type: 'button', 'aria-label': 'Dismiss', onclick: close }, icon('close')),
  );
  document.getElementById('notices')?.append(element);
  const timer = setTimeout(close, stays ?? (kind === 'failed' ? 2 * STAYS : STAYS));
  return close;
}

/** What to tell of an error: the problem's own words. @param {unknown} error */
export function explain(error) {
  const it = /** @type {any} */ (error);
  if (it?.code === 'no_connection') return `There is no connection to ${it.peer ?? 'the service'}.`;
  return sentence(it?.problem?.detail || it?.message || 'Something went wrong.');
}

/** @param {string} text */
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/**
 * Copies a text, and where the browser forbids that, shows it to be copied by hand.
 * @param {string} text
 * @param {string} told What is said when it is done.
 */
export async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
    notify(told);
  } catch {
    const { show } = await import('./dialog.js');
    const field = /** @type {HTMLTextAreaElement} */ (h('textarea.input.mono', { readonly: true, rows: 5, 'aria-label': 'Text to copy', value: text }));
    field.addEventListener('focus', () => field.select());
    await show({ title: 'Copy this', body: [field], confirm: 'Done' });
  }
}
