/** The files of a drop or a paste, folders included, each with its way below the folder. */

/** The most files that are taken out of folders at one time. */
const MOST = 100_000;

/**
 * @param {DataTransfer} data
 * @returns {Promise<File[]>}
 */
export async function filesOf(data) {
  // The entries must be asked for before anything is waited for: the browser forgets them then.
  const entries = [...data.items].filter((it) => it.kind === 'file').map((it) => it.webkitGetAsEntry?.() ?? it.getAsFile());
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) if (entry) await walk(entry, '', found);
  return found;
}

/**
 * @param {FileSystemEntry | File} entry
 * @param {string} path
 * @param {File[]} found
 */
async function walk(entry, path, found) {
  if (found.length >= MOST) return;
  if (entry instanceof File) {
    found.push(entry);
  } else if (entry.isFile) {
    const file = await read(/** @type {FileSystemFileEntry} */ (entry));
    if (file) found.push(path ? placed(file, `${path}${file.name}`) : file);
  } else {
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    // It gives a hundred at a time, and none at the end.
    for (let some; (some = await page(reader)).length > 0; ) {
      for (const it of some) await walk(it, `${path}${entry.name}/`, found);
    }
  }
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File | null>} */
const read = (entry) => new Promise((resolve) => entry.file(resolve, () => resolve(null)));

/** @param {FileSystemDirectoryReader} reader @returns {Promise<FileSystemEntry[]>} */
const page = (reader) => new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));

/** @param {File} file @param {string} path */
function placed(file, path) {
  Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
}
