/** When to try again, and waiting for it. */

import { AbortedError, isNetwork, isTransient, isValetkey } from './error.js';

/** @type {import('./types.js').RetryPolicy} */
export const POLICY = { attempts: 6, first: 250, longest: 10_000, patience: 120_000 };

/**
 * The pause after attempt number `attempt` (from 1) failed, in milliseconds; `null` when it is time to give up.
 * It is "full jitter", a random share of a bound that doubles; what the other end asks for is never cut short.
 * @param {import('./types.js').RetryPolicy} policy
 * @param {number} attempt
 * @param {number} asked
 * @param {number} share Random, from 0 to 1.
 */
export function pauseAfter(policy, attempt, asked, share) {
  if (attempt >= policy.attempts || asked > policy.patience) return null;
  return asked + Math.min(policy.first * 2 ** (attempt - 1), policy.longest) * share;
}

/** Whether the machine knows that it has no network. */
export const isOffline = () => globalThis.navigator?.onLine === false;

/**
 * Waits; a network that comes back ends the wait, unless the other end asked for it.
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @param {boolean} [wakeable]
 * @returns {Promise<void>}
 */
export function sleep(ms, signal, wakeable = false) {
  return new Promise((resolve, reject) => {
    const events = wakeable && typeof addEventListener === 'function';
    const timer = ms === Infinity ? undefined : setTimeout(() => end(resolve), ms);
    const stop = () => end(() => reject(new AbortedError()));
    const wake = () => end(resolve);
    /** @param {() => void} then */
    function end(then) {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      if (events) removeEventListener('online', wake);
      then();
    }
    if (signal?.aborted) return stop();
    signal?.addEventListener('abort', stop);
    if (events) addEventListener('online', wake);
  });
}

/**
 * Waits before another attempt, or throws the error when there should be none. Without a network it waits for
 * one, and the attempt does not count. Answers the number of the next attempt.
 * @param {unknown} error
 * @param {number} attempt
 * @param {import('./types.js').RetryPolicy} policy
 * @param {AbortSignal} [signal]
 */
export async function pause(error, attempt, policy, signal) {
  if (isNetwork(error) && isOffline()) {
    await sleep(Infinity, signal, true);
    return attempt;
  }
  const asked = (isValetkey(error) && error.retryAfter) || 0;
  const ms = isTransient(error) ? pauseAfter(policy, attempt, asked, Math.random()) : null;
  if (ms === null) throw error;
  await sleep(ms, signal, asked === 0);
  return attempt + 1;
}

/**
 * Runs `work` until it succeeds or it is time to give up.
 * @template T
 * @param {() => Promise<T>} work
 * @param {import('./types.js').RetryPolicy} policy
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function persist(work, policy, signal) {
  for (let attempt = 1; ; ) {
    try {
      return await work();
    } catch (error) {
      attempt = await pause(error, attempt, policy, signal);
    }
  }
}

/**
 * The `Retry-After` of an answer, in seconds (RFC 9110 §10.2.3): a count or a date.
 * @param {string | null} text
 * @param {number} now In milliseconds.
 */
export function retryAfter(text, now) {
  if (!text) return undefined;
  const seconds = /^\s*\d+\s*$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
