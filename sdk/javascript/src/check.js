/** What a file is called and whether its bucket takes it, before any of it is sent. */

import { RefusedError } from './error.js';

/**
 * What the service is told of a file.
 * @param {File | Blob} file
 * @param {import('./types.js').UploadOptions} options
 * @returns {import('./types.js').CreateUpload}
 */
export function describe(file, options) {
  const filename = options.filename ?? ('name' in file ? file.name : undefined);
  if (!filename) throw new RefusedError('invalid_request', 'a Blob has no name: give it one with `filename`');
  return {
    filename,
    content_type: options.contentType || file.type || 'application/octet-stream',
    size: file.size,
    bucket: options.bucket,
    path: folder(file, options.path),
    metadata: options.metadata,
    expires_in: options.expiresIn,
    retain_for: options.retainFor,
  };
}

/**
 * The folder asked for, and in it the folders of a chosen directory.
 * @param {File | Blob} file
 * @param {string} [path]
 */
function folder(file, path) {
  const inside = /** @type {{ webkitRelativePath?: string }} */ (file).webkitRelativePath ?? '';
  return [path, inside.slice(0, Math.max(0, inside.lastIndexOf('/')))].filter(Boolean).join('/') || undefined;
}

/**
 * The bucket a file goes to.
 * @param {import('./types.js').CreateUpload} intent
 * @param {import('./types.js').BucketInfo[]} buckets
 */
export function check(intent, buckets) {
  const bucket = buckets.find((it) => (intent.bucket ? it.name === intent.bucket : it.default));
  if (!bucket) {
    const names = buckets.map((it) => it.name).join(', ');
    throw new RefusedError('invalid_request', `there is no bucket '${intent.bucket ?? ''}': use one of ${names}`);
  }
  if (!bucket.content_types.some((pattern) => matches(intent.content_type, pattern))) {
    const types = bucket.content_types.join(', ');
    throw new RefusedError('content_type_not_allowed', `${intent.content_type} is not taken here: choose ${types}`);
  }
  const name = intent.filename.toLowerCase();
  if (bucket.extensions?.length && !bucket.extensions.some((end) => name.endsWith(`.${end}`))) {
    throw new RefusedError('invalid_request', `a file that ends in .${bucket.extensions.join(', .')} is taken here`);
  }
  if (intent.size < (bucket.min_size ?? 0)) {
    throw new RefusedError('invalid_request', `the file has ${intent.size} bytes; at least ${bucket.min_size} are taken here`);
  }
  if (intent.size > bucket.max_size) {
    throw new RefusedError('file_too_large', `the file has ${intent.size} bytes; at most ${bucket.max_size} are taken here`);
  }
  return bucket;
}

/**
 * @param {string} type
 * @param {string} pattern Such as `image/png` or `image/*`; each half may be `*`.
 */
export function matches(type, pattern) {
  const [major, minor] = type.toLowerCase().split(';')[0].trim().split('/');
  const [wantedMajor, wantedMinor] = pattern.toLowerCase().split('/');
  return (wantedMajor === '*' || wantedMajor === major) && (wantedMinor === '*' || wantedMinor === minor);
}

/**
 * What tells that a file is the one that was begun with.
 * @param {string} base
 * @param {File | Blob} file
 * @param {import('./types.js').CreateUpload} intent
 */
export const journalKey = (base, file, intent) =>
  JSON.stringify([
    base, intent.bucket, intent.path, intent.filename, intent.content_type, intent.size,
    /** @type {{ lastModified?: number }} */ (file).lastModified,
  ]);
