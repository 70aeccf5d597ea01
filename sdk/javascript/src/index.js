/** Uploads and downloads straight to object storage, decided and verified by Valetkey. */

export { Client, createClient } from './client.js';
export * from './error.js';

/** @typedef {import('./upload.js').Upload} Upload */
/** @typedef {import('./many.js').Uploads} Uploads */
/** @typedef {import('./download.js').Download} Download */
/** @typedef {import('./types.js').ClientOptions} ClientOptions */
/** @typedef {import('./types.js').UploadOptions} UploadOptions */
/** @typedef {import('./types.js').UploadAllOptions} UploadAllOptions */
/** @typedef {import('./types.js').UploadState} UploadState */
/** @typedef {import('./types.js').DownloadOptions} DownloadOptions */
/** @typedef {import('./types.js').DownloadState} DownloadState */
/** @typedef {import('./types.js').Checkpoint} Checkpoint */
/** @typedef {import('./types.js').FileInfo} FileInfo */
/** @typedef {import('./types.js').BucketInfo} BucketInfo */
/** @typedef {import('./types.js').Journal} Journal */
/** @typedef {import('./types.js').Problem} Problem */
