/** Where unfinished uploads are remembered over a reload or a crash. It never throws: without it, one begins anew. */

const NAME = 'valetkey';
const STORE = 'uploads';
/** Sessions end after a day by default; what is a week old is forgotten. */
const KEPT = 7 * 86_400_000;
/** A database that does not answer is none; in milliseconds. */
const PATIENCE = 2000;

/** The browser's journal; `null` where there is no IndexedDB. @returns {import('./types.js').Journal | null} */
export function openJournal() {
  try {
    return globalThis.indexedDB ? new BrowserJournal(globalThis.indexedDB) : null;
  } catch {
    return null; // Some browsers throw when it is only looked at.
  }
}

export class BrowserJournal {
  /** @type {Promise<IDBDatabase> | undefined} */
  #database;
  #factory;

  /** @param {IDBFactory} factory */
  constructor(factory) {
    this.#factory = factory;
  }

  /** @param {string} key @returns {Promise<import('./types.js').JournalEntry | undefined>} */
  async get(key) {
    const entry = await this.#run('readonly', (store) => store.get(key));
    return entry && typeof entry.id === 'string' && Date.now() - entry.at < KEPT ? entry : undefined;
  }

  /** @param {string} key @param {import('./types.js').JournalEntry} entry */
  async put(key, entry) {
    await this.#run('readwrite', (store) => store.put(entry, key));
  }

  /** @param {string} key */
  async remove(key) {
    await this.#run('readwrite', (store) => store.delete(key));
  }

  /**
   * Two tabs that send the same file must not go on with the same upload.
   * @param {string} key
   * @returns {Promise<(() => void) | null>}
   */
  claim(key) {
    const locks = globalThis.navigator?.locks;
    if (!locks) return Promise.resolve(() => {});
    return new Promise((resolve) => {
      const held = locks.request(`${NAME}:${key}`, { ifAvailable: true }, (lock) => {
        if (!lock) return resolve(null);
        return new Promise((release) => resolve(() => release(undefined)));
      });
      held.catch(() => resolve(() => {}));
    });
  }

  /**
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest} ask
   * @returns {Promise<any>}
   */
  async #run(mode, ask) {
    try {
      const database = await (this.#database ??= within(open(this.#factory)));
      return await within(settled(ask(database.transaction(STORE, mode).objectStore(STORE))));
    } catch {
      this.#database = undefined; // Closed by the browser, perhaps: it is opened afresh next time.
      return undefined;
    }
  }
}

/** @param {IDBFactory} factory @returns {Promise<IDBDatabase>} */
function open(factory) {
  const request = factory.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

/** @param {IDBRequest} request @returns {Promise<any>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @template T @param {Promise<T>} work @returns {Promise<T>} */
function within(work) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), PATIENCE);
  });
  return /** @type {Promise<T>} */ (Promise.race([work, late])).finally(() => clearTimeout(timer));
}
