/** Uploads and downloads straight to object storage, decided and verified by Valetkey. */

export { Client, createClient } from './client.js';
export * from './error.js';
