/** What stands for a file in a list: a tag with its extension, in the colour of its family. */

import { h } from '../ui/dom.js';
import { extension, family } from '../ui/format.js';

/** @param {{ filename: string, content_type?: string }} file */
export const glyph = (file) => h(`span.glyph.${family(file.content_type)}`, { 'aria-hidden': 'true' }, extension(file));
