/** What can go wrong: one class for each cause. No message ever shows a presigned URL or a token. */

/** Every error of this SDK is one. `code` never changes its meaning. */
export class ValetkeyError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} [retryAfter] How long the other end asks to wait, in milliseconds.
   */
  constructor(code, message, retryAfter) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** The service refused; `problem` says why and what to do, and `code` is its code. */
export class ProblemError extends ValetkeyError {
  /**
   * @param {import('./types.js').Problem} problem
   * @param {number} [asked]
   */
  constructor(problem, asked) {
    const seconds = problem.retry_after ?? asked;
    super(problem.code, problem.detail || problem.title, seconds === undefined ? undefined : seconds * 1000);
    this.problem = problem;
    this.status = problem.status;
  }
}

/** The file was refused here, before any request; `code` is what the service's problem would have. */
export class RefusedError extends ValetkeyError {}

/** Storage refused the bytes or the request. */
export class StorageError extends ValetkeyError {
  /**
   * @param {number} status
   * @param {string} [reason] Storage's own code, such as `AccessDenied`.
   * @param {number} [retryAfter]
   */
  constructor(status, reason, retryAfter) {
    super('storage_refused', `storage answered ${status}${reason ? ` (${reason})` : ''}`, retryAfter);
    this.status = status;
    this.reason = reason;
  }
}

/** Something answers, but not as the service does. */
export class UnexpectedError extends ValetkeyError {
  /** @param {number} status */
  constructor(status) {
    super('unexpected_answer', `status ${status} without a problem document: is this the service's address?`);
    this.status = status;
  }
}

/** No connection, a broken one, or one on which nothing moves. */
export class NetworkError extends ValetkeyError {
  /**
   * @param {'the service' | 'storage'} peer
   * @param {string} [what]
   */
  constructor(peer, what = 'no connection to') {
    super('no_connection', `${what} ${peer}`);
    this.peer = peer;
  }
}

/** It was aborted, by `abort()` or a signal. */
export class AbortedError extends ValetkeyError {
  constructor() {
    super('aborted', 'aborted');
  }
}

/** The file cannot be read, or is no longer the one that was chosen. */
export class ChangedError extends ValetkeyError {
  constructor() {
    super('file_changed', 'the file cannot be read any more: choose it again');
  }
}

/** The bytes that came are not the file's. */
export class ChecksumError extends ValetkeyError {
  constructor() {
    super('download_damaged', "the bytes that came are not the file's: fetch it again");
  }
}

/** @param {unknown} error @returns {error is ValetkeyError} */
export const isValetkey = (error) => error instanceof ValetkeyError;
/** @param {unknown} error @param {string} [code] @returns {error is ProblemError} */
export const isProblem = (error, code) => error instanceof ProblemError && (!code || error.code === code);
/** @param {unknown} error @returns {error is RefusedError} */
export const isRefused = (error) => error instanceof RefusedError;
/** @param {unknown} error @param {number} [status] @returns {error is StorageError} */
export const isStorage = (error, status) => error instanceof StorageError && (!status || error.status === status);
/** @param {unknown} error @returns {error is UnexpectedError} */
export const isUnexpected = (error) => error instanceof UnexpectedError;
/** @param {unknown} error @returns {error is NetworkError} */
export const isNetwork = (error) => error instanceof NetworkError;
/** @param {unknown} error @returns {error is AbortedError} */
export const isAborted = (error) => error instanceof AbortedError;
/** @param {unknown} error @returns {error is ChangedError} */
export const isChanged = (error) => error instanceof ChangedError;
/** @param {unknown} error @returns {error is ChecksumError} */
export const isDamaged = (error) => error instanceof ChecksumError;

const TRANSIENT = [
  'rate_limited', 'request_in_progress', 'internal', 'overloaded', 'storage_unavailable', 'clock_skew',
  'catalog_unavailable', 'auth_unavailable', 'limits_unavailable',
];

/**
 * Whether the same request may do better later.
 * @param {unknown} error
 */
export function isTransient(error) {
  if (error instanceof ProblemError) return TRANSIENT.includes(error.code);
  if (error instanceof UnexpectedError) return [429, 502, 503, 504].includes(error.status);
  if (error instanceof StorageError) {
    // 409 is two conditional writes at once; S3 says 400 when a body comes too slowly.
    return [408, 409, 425, 429, 500, 502, 503, 504].includes(error.status)
      || (error.status === 400 && error.reason === 'RequestTimeout');
  }
  return error instanceof NetworkError;
}
