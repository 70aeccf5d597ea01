/**
 * The shapes that go in and out. Types alone: nothing imports this file when it runs.
 * What the service answers keeps the service's own names (openapi.json).
 */

/**
 * @typedef {object} ClientOptions
 * @property {string} url Where the service is, such as `https://files.example.com`.
 * @property {string | TokenSource} token Your application's token, or a function that gives one.
 * @property {number} [connections] The most transfers to storage at one time, over all files: 6 in browsers, 8 elsewhere.
 * @property {Partial<RetryPolicy>} [retry] Pauses between attempts.
 * @property {Journal | false} [journal] Where unfinished uploads are remembered: IndexedDB where there is one; `false` is nowhere.
 * @property {typeof globalThis.fetch} [fetch] Another `fetch`.
 */

/**
 * Gives a token. It is asked for each request; `expired` is true when the service refused the last one.
 * @callback TokenSource
 * @param {{ expired: boolean }} why
 * @returns {string | Promise<string>}
 */

/**
 * @typedef {object} RetryPolicy
 * @property {number} attempts How often a request is sent at most.
 * @property {number} first The bound of the first pause, in milliseconds; it doubles.
 * @property {number} longest The bound no pause passes by itself, in milliseconds.
 * @property {number} patience The longest `Retry-After` that is waited for, in milliseconds.
 */

/** @typedef {'crc64nvme' | 'crc32c' | 'sha256'} Algorithm */

/** @typedef {{ algorithm: Algorithm, value: string }} Checksum */

/**
 * @typedef {object} UploadOptions
 * @property {(progress: Progress & { state: UploadState }) => void} [onProgress] Is told how far it is; never of less than before.
 * @property {AbortSignal} [signal] Aborts the upload.
 * @property {string} [bucket] Where it goes; the default bucket when absent.
 * @property {string} [path] Its logical folder, such as `photos/2026`; the folders of a chosen directory are added.
 * @property {Record<string, string>} [metadata] Your own notes.
 * @property {string} [filename] Its name; its own when absent.
 * @property {string} [contentType] Its media type; its own when absent.
 * @property {Algorithm | false} [checksum] What is computed: what the bucket checks best when absent, nothing when `false`.
 * @property {number} [expiresIn] How long each presigned request is good for, in seconds.
 * @property {number} [retainFor] How long the file is kept, in seconds; for ever when absent.
 * @property {CompressOptions | true} [compress] Makes an image smaller first.
 * @property {string} [resume] The id of an upload, begun anywhere, to go on with.
 */

/**
 * @typedef {object} CompressOptions
 * @property {number} [maxEdge] The longest edge it may have, in pixels: 2560 when absent.
 * @property {'image/webp' | 'image/jpeg'} [type] What it becomes: WebP when absent, JPEG where there is no WebP.
 * @property {number} [quality] From 0 to 1; 0.85 when absent.
 */

/**
 * @typedef {object} Progress
 * @property {number} loaded Bytes that are stored or under way.
 * @property {number} total Bytes in all.
 * @property {UploadState | DownloadState} state
 * @property {number} bytesPerSecond The speed of the last seconds; 0 while nothing moves.
 * @property {number | null} secondsLeft At that speed; `null` while it cannot be told.
 */

/** @typedef {'preparing' | 'uploading' | 'offline' | 'paused' | 'verifying' | 'done' | 'failed' | 'aborted'} UploadState */
/** @typedef {'downloading' | 'offline' | 'paused' | 'done' | 'failed' | 'aborted'} DownloadState */

/**
 * @typedef {Omit<UploadOptions, 'onProgress' | 'resume' | 'filename'> & {
 *   onProgress?: (progress: ManyProgress) => void,
 *   onUpload?: (upload: import('./upload.js').Upload, file: File | Blob, index: number) => void,
 * }} UploadAllOptions
 */

/**
 * @typedef {object} ManyProgress
 * @property {number} loaded Bytes of all files together.
 * @property {number} total
 * @property {number} files How many files there are.
 * @property {number} finished How many are done.
 * @property {number} failed How many failed.
 */

/** @typedef {{ file: FileInfo, error?: undefined } | { file?: undefined, error: Error }} UploadResult */

/**
 * @typedef {object} DownloadOptions
 * @property {(progress: Progress & { state: DownloadState }) => void} [onProgress]
 * @property {AbortSignal} [signal]
 * @property {DownloadTarget} [to] Where the bytes go; into a Blob when absent.
 * @property {number} [rangeSize] Bytes of one request: 8 MiB when absent.
 * @property {Checkpoint} [checkpoint] Where an earlier download into the same file handle was.
 */

/** @typedef {WritableStream<Uint8Array> | FileSystemFileHandle | PositionedFile} DownloadTarget */

/**
 * A file that is written and read at positions: Node's `FileHandle` is one.
 * @typedef {object} PositionedFile
 * @property {(bytes: Uint8Array, offset: number, length: number, position: number) => Promise<unknown>} write
 * @property {(bytes: Uint8Array, offset: number, length: number, position: number) => Promise<{ bytesRead: number }>} read
 */

/**
 * What is there of a file, to go on later. It is plain data and may be kept as JSON.
 * @typedef {object} Checkpoint
 * @property {string} id
 * @property {string} etag
 * @property {number} rangeSize
 * @property {number[]} ranges The numbers of the ranges that were written, from 0.
 */

/**
 * Where unfinished uploads are remembered. None of its functions may reject.
 * @typedef {object} Journal
 * @property {(key: string) => Promise<JournalEntry | undefined>} get
 * @property {(key: string, entry: JournalEntry) => Promise<void>} put
 * @property {(key: string) => Promise<void>} remove
 * @property {(key: string) => Promise<(() => void) | null>} claim Keeps others from the same entry until the answer is called; `null` when another has it.
 */

/** @typedef {{ id: string, at: number }} JournalEntry */

/**
 * @typedef {object} PresignedRequest
 * @property {string} method
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {string} expires_at
 */

/** @typedef {{ part_number: number, offset: number, size: number, request: PresignedRequest }} PartRequest */

/**
 * @typedef {object} UploadInfo
 * @property {string} id
 * @property {string} bucket
 * @property {string} key
 * @property {'pending' | 'verifying' | 'available' | 'failed' | 'expired' | 'aborted' | 'deleting' | 'deleted'} state
 * @property {'single' | 'multipart'} strategy
 * @property {Algorithm} checksum_algorithm
 * @property {number} size
 * @property {string} expires_at
 * @property {PresignedRequest} [request]
 * @property {number} [part_size]
 * @property {number} [part_count]
 * @property {PartRequest[]} [parts]
 * @property {{ part_number: number, size: number, etag: string }[]} [uploaded_parts]
 * @property {Problem} [problem]
 */

/**
 * @typedef {object} CreateUpload
 * @property {string} filename
 * @property {string} content_type
 * @property {number} size
 * @property {Checksum} [checksum]
 * @property {string} [bucket]
 * @property {string} [path]
 * @property {Record<string, string>} [metadata]
 * @property {number} [expires_in]
 * @property {number} [retain_for]
 */

/**
 * @typedef {object} FileInfo
 * @property {string} id
 * @property {string} bucket
 * @property {string} key
 * @property {string} filename
 * @property {string} path
 * @property {string} content_type
 * @property {string} [detected_type]
 * @property {number} size
 * @property {Checksum} [checksum]
 * @property {'checksum' | 'rehash' | 'size'} integrity What was checked before it became visible.
 * @property {string} etag
 * @property {Record<string, string>} metadata
 * @property {string} [tenant] Absent for the default one.
 * @property {string} owner
 * @property {string} created_at
 * @property {string} [expires_at]
 * @property {number} download_count
 * @property {string} [receipt]
 */

/**
 * @typedef {object} ListOptions
 * @property {string} [bucket]
 * @property {string} [path]
 * @property {string} [content_type]
 * @property {string} [checksum]
 * @property {'newest' | 'oldest'} [order]
 * @property {number} [limit]
 * @property {string} [cursor]
 */

/** @typedef {{ files: FileInfo[], next_cursor?: string }} FilePage */

/** @typedef {{ expires_in?: number, disposition?: 'attachment' | 'inline', filename?: string }} UrlOptions */

/** @typedef {{ url: string, headers: Record<string, string>, expires_at: string, content_url: string }} DownloadInfo */

/**
 * @typedef {object} BucketInfo
 * @property {string} name
 * @property {boolean} default
 * @property {string[]} content_types
 * @property {string[]} [extensions] The endings of names it takes; all when absent.
 * @property {number} [min_size]
 * @property {number} max_size
 * @property {number} single_limit
 * @property {Algorithm} checksum_algorithm
 * @property {boolean} checksum_required
 * @property {number} max_expires_in
 * @property {number} [retain_days] For how many days nobody can delete a file.
 * @property {number} [delete_after_days]
 */

/**
 * A problem document (RFC 9457).
 * @typedef {object} Problem
 * @property {string} code
 * @property {number} status
 * @property {string} title
 * @property {string} detail What to do.
 * @property {string} [field]
 * @property {number} [limit]
 * @property {number} [retry_after]
 * @property {string} [request_id]
 */

export {};
