import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BrowserJournal, openJournal } from '../src/journal.js';

/** As much of IndexedDB as the journal uses; `fault` may break any step. */
function database(fault = {}) {
  const rows = new Map();
  const request = (work) => {
    const it = {};
    setImmediate(() => {
      try {
        it.result = work();
        it.onupgradeneeded?.();
        it.onsuccess?.();
      } catch (error) {
        it.error = error;
        it.onerror?.();
      }
    });
    return it;
  };
  const objectStore = () => ({
    get: (key) => request(() => rows.get(key)),
    put: (value, key) => request(() => {
      if (fault.full) throw new DOMException('', 'QuotaExceededError');
      rows.set(key, value);
    }),
    delete: (key) => request(() => rows.delete(key)),
  });
  const opened = {
    createObjectStore() {},
    transaction() {
      if (fault.closed) throw new DOMException('', 'InvalidStateError');
      return { objectStore };
    },
  };
  return { rows, fault, open: () => (fault.silent ? {} : request(() => {
    if (fault.refused) throw new DOMException('', 'UnknownError');
    return opened;
  })) };
}

const entry = { id: 'one', at: Date.now() };

test('what was put is there until it is removed', async () => {
  const journal = new BrowserJournal(database());
  await journal.put('a', entry);
  assert.deepEqual(await journal.get('a'), entry);
  assert.equal(await journal.get('b'), undefined);
  await journal.remove('a');
  assert.equal(await journal.get('a'), undefined);
});

test('it never throws, whatever the database does', async () => {
  // All at once: one that is silent is waited for, each time.
  await Promise.all(['full', 'closed', 'refused', 'silent'].map(async (fault) => {
    const journal = new BrowserJournal(database({ [fault]: true }));
    const [, found] = await Promise.all([journal.put('a', entry), journal.get('a'), journal.remove('a')]);
    assert.equal(found, undefined, fault);
  }));
});

test('a database that was closed is opened again', async () => {
  const store = database();
  const journal = new BrowserJournal(store);
  await journal.put('a', entry);
  store.fault.closed = true;
  assert.equal(await journal.get('a'), undefined);
  store.fault.closed = false;
  assert.deepEqual(await journal.get('a'), entry);
});

test('what is damaged or a week old is nothing', async () => {
  const store = database();
  const journal = new BrowserJournal(store);
  store.rows.set('old', { id: 'x', at: Date.now() - 8 * 86_400_000 });
  store.rows.set('damaged', { id: 5, at: Date.now() });
  store.rows.set('text', 'x');
  for (const key of store.rows.keys()) assert.equal(await journal.get(key), undefined, key);
});

test('where there is no IndexedDB there is no journal', () => {
  assert.equal(openJournal(), null);
  Object.defineProperty(globalThis, 'indexedDB', { configurable: true, get() { throw new DOMException('', 'SecurityError'); } });
  assert.equal(openJournal(), null);
  delete globalThis.indexedDB;
});
