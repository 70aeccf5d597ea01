/** Files from a drop, a paste or a button, with the folders they are in. */

/** @param {DataTransfer} data @returns {Promise<globalThis.File[]>} */
export async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((it) => it !== null && it !== undefined);
  if (!entries.length) return [...data.files];
  const found = await Promise.all(entries.map((entry) => walk(entry, '')));
  return found.flat();
}

/** @param {any} entry A `FileSystemEntry`. @param {string} folder @returns {Promise<globalThis.File[]>} */
async function walk(entry, folder) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    return file ? [within(/** @type {any} */ (file), folder)] : [];
  }
  const inside = folder ? `${folder}/${entry.name}` : entry.name;
  const found = await Promise.all((await children(entry.createReader())).map((it) => walk(it, inside)));
  return found.flat();
}

/** A reader gives a hundred entries at a time, and none at the end. @param {any} reader */
async function children(reader) {
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

/** Says where a file was, as a chosen directory does: the client reads it there. @param {globalThis.File} file @param {string} folder */
function within(file, folder) {
  if (folder) Object.defineProperty(file, 'webkitRelativePath', { value: `${folder}/${file.name}` });
  return file;
}

/**
 * Lets files be dropped and pasted anywhere on the page.
 * @param {HTMLElement} veil What is shown while files are held over the page.
 * @param {(files: globalThis.File[]) => void} take
 */
export function listen(veil, take) {
  let depth = 0;
  /** @param {DragEvent} event */
  const carries = (event) => event.dataTransfer?.types.includes('Files');
  const shown = (/** @type {number} */ now) => {
    depth = now;
    veil.hidden = depth <= 0;
  };
  addEventListener('dragenter', (event) => carries(event) && shown(depth + 1));
  addEventListener('dragleave', (event) => carries(event) && shown(depth - 1));
  addEventListener('dragover', (event) => carries(event) && event.preventDefault());
  addEventListener('drop', async (event) => {
    if (!event.dataTransfer || !carries(event)) return;
    event.preventDefault();
    shown(0);
    take(await dropped(event.dataTransfer));
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) take(files);
  });
}
