/** Makes an image smaller before it is sent: fewer pixels, a better format, the right way up. */

/** What is taken apart and put together again; others (SVG, animated GIF) would lose something. */
const TAKEN = ['image/jpeg', 'image/png', 'image/webp', 'image/bmp', 'image/avif', 'image/heic'];

/**
 * The smaller image, or the file itself when it is none, cannot be read here, or would not get smaller.
 * @param {File | Blob} file
 * @param {import('./types.js').CompressOptions} options
 * @returns {Promise<File | Blob>}
 */
export async function compressImage(file, { maxEdge = 2560, type = 'image/webp', quality = 0.85 } = {}) {
  if (!TAKEN.includes(file.type) || typeof OffscreenCanvas !== 'function') return file;
  let bitmap;
  try {
    // A photo says in its EXIF data which way is up; what is drawn here has none, so it must be turned.
    bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
    const smaller = await draw(bitmap, maxEdge, type, quality);
    return smaller.size < file.size ? named(smaller, file) : file;
  } catch {
    return file;
  } finally {
    bitmap?.close();
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} maxEdge
 * @param {string} type
 * @param {number} quality
 */
async function draw(bitmap, maxEdge, type, quality) {
  const scale = Math.min(1, maxEdge / Math.max(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  const blob = await canvas.convertToBlob({ type, quality });
  if (blob.type === type || type === 'image/jpeg') return blob;
  // A browser that cannot write the format writes PNG. JPEG has no transparency, so white lies below.
  context.globalCompositeOperation = 'destination-over';
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  return canvas.convertToBlob({ type: 'image/jpeg', quality });
}

/** @param {Blob} blob @param {File | Blob} original */
function named(blob, original) {
  if (!('name' in original)) return blob;
  const ending = blob.type === 'image/webp' ? 'webp' : 'jpg';
  const name = original.name.replace(/\.[^.]*$/, '') + `.${ending}`;
  const file = new File([blob], name, { type: blob.type, lastModified: original.lastModified });
  const inside = original.webkitRelativePath;
  if (inside) Object.defineProperty(file, 'webkitRelativePath', { value: inside });
  return file;
}
