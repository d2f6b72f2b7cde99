/** What the one-tag build keeps: the outbox and the guard of forms. Built apart (`kept.js`), with the parts of `client.js` for its own. */
import { on } from './bus.js';
import { guardForms } from './form.js';
import { actions, configureOutbox } from './outbox.js';
import { state } from './start.js';
import type { Words } from './words.js';

export { actions, cancel, configureOutbox, forget, retry, send } from './outbox.js';

const WAITS = 'stillhere.waits';
/** What is not over yet. */
const open = new Set<string>();

/** The next page of the site takes up what waits, though it may have no form: `tag.ts` looks for this mark. */
function mark(key: string, over: boolean): void {
  if (over) open.delete(key);
  else open.add(key);
  try {
    if (open.size) localStorage.setItem(WAITS, '1');
    else localStorage.removeItem(WAITS);
  } catch { /* denied: then it is not on disk either */ }
}

on('action', a => { mark(a.key, !/saved|sending|unknown/.test(a.state) || Boolean(a.final)); });
void actions().then(all => {
  if (!all.length) mark('', true);
  for (const a of all) mark(a.key, a.over);
});
const page = (globalThis as unknown as { stillhere: { edge: boolean; face?: { words(): Words } } }).stillhere;
// Without an edge nobody can tell later whether something arrived: what is not sent while nobody answers surely did not.
configureOutbox({ ready: () => page.edge || state().unreachableSince === null && state().name !== 'recovering' });
guardForms({ words: () => page.face?.words() as Words });
