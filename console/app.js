/** The console: what there is, put together. Each page and panel is a room of its own in `view/`. */

import { createClient, isProblem } from '/sdk/index.js';
import { Library } from './library.js';
import { place } from './route.js';
import { Session } from './session.js';
import { Transfers } from './transfers.js';
import { shell } from './view/shell.js';
import { askAgain, signIn } from './view/signin.js';

/**
 * What the rooms share.
 * @typedef {object} App
 * @property {Session} session
 * @property {import('/sdk/index.js').Client} client
 * @property {Library} library
 * @property {Transfers} transfers
 * @property {import('/sdk/types.js').BucketInfo[]} buckets
 * @property {<T>(work: () => Promise<T>) => Promise<T>} call Carries out what needs a good token.
 * @property {() => string} bucket The bucket that is looked at.
 * @property {() => void} leave Signs out.
 */

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
const session = new Session();

/** @returns {App} */
function assemble() {
  const client = createClient({ url: location.origin, token: (why) => session.source(why) });
  /** @type {App['call']} */
  const call = async (work) => {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error, 'unauthenticated')) throw error;
      await session.renew('Your token is not accepted any more.');
      return work();
    }
  };
  const library = new Library((query) => call(() => client.list(query)));
  const transfers = new Transfers(client, (file) => library.put(file));
  /** @type {App} */
  const app = {
    session, client, library, transfers, call, leave, buckets: [],
    bucket: () => place().bucket ?? app.buckets.find((it) => it.default)?.name ?? app.buckets[0]?.name ?? '',
  };
  return app;
}

/** Ends the session. Transfers end with the page, so the page is begun anew. */
function leave() {
  session.token = '';
  location.replace(location.pathname);
}

function enter() {
  session.ask = (why) => askAgain(session, why, leave);
  shell(root, assemble());
}

// A link of `valetkey dev` that is opened where the console is open already.
addEventListener('hashchange', () => {
  if (location.hash.startsWith('#token=')) location.reload();
});

if (session.token) enter();
else signIn(root, session, enter);
