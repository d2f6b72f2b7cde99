/** What the one-tag build shows: the banner, its looks and English. Built apart (`face.js`), with the parts of `client.js` for its own. */
import { define, words, wordsFrom } from './banner.js';
import { ofAction } from './said.js';

/** Those besides English, which is built in; they are loaded while all is well. A test holds this against the files. */
const LANGS = ['zh-CN', 'de', 'fr', 'es', 'pt', 'it', 'ja', 'ko', 'ru', 'ar', 'hi'];

const api = (globalThis as unknown as { stillhere: { from: string; face?: unknown } }).stillhere;
api.face = { ofAction, words };
wordsFrom(`${api.from}words/`, LANGS);
define();
