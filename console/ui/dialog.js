/** Modal dialogs: the browser's own `<dialog>` keeps the focus inside and gives it back. */

import { h } from './dom.js';

let named = 0;

/**
 * Shows a dialog. Resolves to true when it was confirmed.
 * @param {{ title: string, body: any[], confirm: string, cancel?: string, danger?: boolean,
 *   onconfirm?: () => Promise<boolean | void> | boolean | void, sticky?: boolean }} options
 *   `onconfirm` may answer false to keep it open; a `sticky` one has no other way out.
 * @returns {Promise<boolean>}
 */
export function show({ title, body, confirm, cancel, danger, onconfirm, sticky }) {
  const id = `dialog-${++named}`;
  const go = h(`button.button.${danger ? 'danger' : 'primary'}`, { type: 'submit' }, confirm);
  const stop = cancel && h('button.button', { type: 'button', autofocus: danger, onclick: () => dialog.close('cancel') }, cancel);
  const form = h('form', { novalidate: true, onsubmit: submit }, h('h2', { id }, title), ...body, h('div.dialog-actions', null, stop, go));
  const dialog = /** @type {HTMLDialogElement} */ (h('dialog.dialog', { 'aria-labelledby': id }, form));

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    go.setAttribute('aria-busy', 'true');
    const kept = (await onconfirm?.()) === false;
    go.removeAttribute('aria-busy');
    if (!kept) dialog.close('confirm');
  }

  document.body.append(dialog);
  if (sticky) dialog.addEventListener('cancel', (event) => event.preventDefault());
  else dialog.addEventListener('click', (event) => event.target === dialog && dialog.close('cancel'));
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'confirm');
    });
  });
}
