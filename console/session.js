/** Who is signed in: a token, kept in this tab until it is closed. */

const KEY = 'valetkey.token';

/** Tokens in a link are taken on this machine alone, where `valetkey dev` prints one. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A new token stands for those that were refused this many milliseconds ago. */
const RENEWED = 15_000;

export class Session {
  #token = '';
  #renewed = -Infinity;
  /** @type {Promise<string> | null} */
  #asking = null;
  /** Asks for another token. @type {(why: string) => Promise<string>} */
  ask = async () => '';

  constructor() {
    this.#token = takeFromAddress() || read();
    write(this.#token);
  }

  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token;
    this.#renewed = performance.now();
    write(token);
  }

  /** What the token says of itself; it is shown and never trusted. */
  get claims() {
    return claims(this.#token);
  }

  /** A token for a request; when the last one was refused, another one. @param {{ expired: boolean }} why */
  async source({ expired }) {
    if (!expired || performance.now() - this.#renewed < RENEWED) return this.#token;
    return this.renew('Your token has expired.');
  }

  /** Asks once, however many are waiting. @param {string} why */
  renew(why) {
    this.#asking ??= this.ask(why).finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }
}

/** @param {string} token @returns {{ sub?: string, exp?: number, roles?: string[] | string }} */
export function claims(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')), (it) => it.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

/** The token of `#token=…`. It leaves the address bar and this entry of the history whether it is taken or not. */
function takeFromAddress() {
  const found = /^#token=([\w.-]+)$/.exec(location.hash);
  if (!found) return '';
  history.replaceState(null, '', location.pathname);
  return LOOPBACK.includes(location.hostname) ? found[1] : '';
}

function read() {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} token */
function write(token) {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Where storage is forbidden, the token lives as long as the page.
  }
}
