/** Importing this defines `<stillhere-status>`. */
import { define } from './banner.js';

define();
export { StillhereStatus, addWords, wordsFrom } from './banner.js';
