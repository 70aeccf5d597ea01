/** Signing in with a token, and again when it has expired. */

import { createClient } from '/sdk/index.js';
import { show } from '../ui/dialog.js';
import { h, replace } from '../ui/dom.js';
import { mark } from '../ui/icon.js';
import { explain } from '../ui/notice.js';
import { claims } from '../session.js';

/** Asks the service whether it takes a token. @param {string} token */
async function tryToken(token) {
  await createClient({ url: location.origin, token, journal: false, retry: { attempts: 2 } }).buckets();
}

/** A field for a token, with its label and a place for what is wrong with it. */
function tokenField() {
  const error = h('p.field-error', { id: 'token-error', role: 'alert' });
  const input = /** @type {HTMLInputElement} */ (h('input.input.mono', {
    id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, placeholder: 'eyJhbGciOi…',
    'aria-describedby': 'token-error', autofocus: true,
  }));
  const field = h('div.field', null, h('label', { for: 'token' }, 'Token'), input, error);
  const read = () => input.value.trim().replace(/^bearer\s+/i, '');
  /** @param {string} text */
  const fail = (text) => {
    replace(error, text);
    input.setAttribute('aria-invalid', 'true');
    input.focus();
    return false;
  };
  const check = async () => {
    const token = read();
    if (!token) return fail('Paste a token first.');
    try {
      await tryToken(token);
      return true;
    } catch (problem) {
      return fail(explain(problem));
    }
  };
  return { field, input, read, check };
}

/** The page before there is a token. @param {HTMLElement} root @param {import('../session.js').Session} session @param {() => void} enter */
export function signIn(root, session, enter) {
  const { field, input, read, check } = tokenField();
  const go = h('button.button.primary.wide', { type: 'submit' }, 'Sign in');
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    go.setAttribute('aria-busy', 'true');
    const good = await check();
    go.removeAttribute('aria-busy');
    if (!good) return;
    session.token = read();
    enter();
  };
  document.title = 'Sign in · Valetkey';
  replace(root, h('main.signin', null,
    h('div.ticket.signin-ticket', null,
      h('div.ticket-head', null, mark('mark'), h('h1', null, 'Valetkey'), h('p', null, 'Sign in to look after your files.')),
      h('form.ticket-body', { novalidate: true, onsubmit: submit }, field, go,
        h('p.hint', null, 'Use a token of your application. With ', h('code', null, 'valetkey dev'),
          ', open the link it prints, or make one with ', h('code', null, 'valetkey token'), '.')),
    ),
    h('p.hint.signin-foot', null, 'The token stays in this tab and is forgotten when you close it.'),
  ));
  input.focus();
}

/**
 * Asks for another token while the page stays as it is.
 * @param {import('../session.js').Session} session @param {string} why @param {() => void} leave
 */
export async function askAgain(session, why, leave) {
  const before = session.claims.sub;
  const { field, read, check } = tokenField();
  const same = async () => {
    if (!(await check())) return false;
    const after = claims(read()).sub;
    session.token = read();
    // What is on the page belongs to whoever was signed in.
    if (before && after && before !== after) location.reload();
    return true;
  };
  const confirmed = await show({
    title: 'Sign in again', body: [h('p', null, why, ' Nothing is lost: what you were doing goes on.'), field],
    confirm: 'Sign in', cancel: 'Sign out', onconfirm: same, sticky: true,
  });
  if (!confirmed) leave();
  return session.token;
}
