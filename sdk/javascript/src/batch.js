/** What is asked together goes in one request. */

import { isTransient } from './error.js';

const MOST = 100;
/** How many requests may be under way; what comes meanwhile waits and makes the next one fuller. */
const REQUESTS = 3;

/**
 * @template In
 * @template Out
 */
export class Batch {
  /** @type {{ item: In, resolve: (it: any) => void, reject: (error: unknown) => void }[]} */
  #waiting = [];
  #running = 0;
  #planned = false;
  #one;
  #many;

  /**
   * @param {(item: In) => Promise<Out>} one Asks for one.
   * @param {(items: In[]) => Promise<(Out | Error)[]>} many Asks for up to 100; the results are in their order.
   */
  constructor(one, many) {
    this.#one = one;
    this.#many = many;
  }

  /** @param {In} item @returns {Promise<Out>} */
  add(item) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#plan();
    });
  }

  #plan() {
    if (this.#planned || this.#running >= REQUESTS || this.#waiting.length === 0) return;
    this.#planned = true;
    // A moment, for those who come at the same time.
    setTimeout(() => {
      this.#planned = false;
      const asked = this.#waiting.splice(0, MOST);
      this.#running++;
      this.#send(asked).finally(() => {
        this.#running--;
        this.#plan();
      });
      this.#plan();
    }, this.#running === 0 ? 2 : 10);
  }

  /** @param {{ item: In, resolve: (it: any) => void, reject: (error: unknown) => void }[]} asked */
  async #send(asked) {
    if (asked.length === 1) return this.#alone(asked[0]);
    try {
      const answers = await this.#many(asked.map((it) => it.item));
      await Promise.all(asked.map((it, i) => {
        const answer = answers[i];
        // What may do better later is asked for alone, with its own pauses.
        if (isTransient(answer)) return this.#alone(it);
        return answer instanceof Error ? it.reject(answer) : it.resolve(answer);
      }));
    } catch (error) {
      for (const it of asked) it.reject(error);
    }
  }

  /** @param {{ item: In, resolve: (it: any) => void, reject: (error: unknown) => void }} asked */
  #alone({ item, resolve, reject }) {
    return this.#one(item).then(resolve, reject);
  }
}
