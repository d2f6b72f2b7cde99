/** Importing this defines `<stillhere-status>`, in English and Chinese. More languages: `addWords`. */
import { addWords, define } from './banner.js';
import zh from './words/zh-CN.js';

addWords(zh);
define();
export { StillhereStatus, addWords, wordsFrom } from './banner.js';
