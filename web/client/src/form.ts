/**
 * Guards forms that ask for it (`<form data-stillhere="Your order">`): what is typed is kept, the form is sent through
 * the outbox, and the person is told what became of it. Without script the form posts as it always did.
 *
 * Attributes: `data-stillhere` (its name for people), `data-stillhere-expires` (minutes), `data-stillhere-next` (where to
 * go when it is done; usual: where the answer led), and on a field `data-stillhere="off"`: never kept.
 */
import { on } from './bus.js';
import { draft, intentOf, secrets } from './form/fields.js';
import { disk, send, actions, type Sent, type Settled } from './outbox.js';
import { ofAction } from './said.js';
import type { Words } from './words.js';
import en from './words/en.js';

/** How often a draft is written at most while somebody types. A page that goes does not wait for a seal. */
const TYPED_MS = 100;
const DRAFT_MAX_AGE_MS = 24 * 3_600_000;
/** With more than this the files stay where they are, and a closed tab loses them. */
const FILES_MAX = 512 * 1024;

export interface GuardOptions { words?: () => Words }

/** What `draft` holds on disk, sealed. */
interface Draft { at: number; sealed: ArrayBuffer }

const guarded = new WeakSet<HTMLFormElement>();

/** Guards all forms that ask for it, those that come later too. Returns how to stop. */
export function guardForms(options: GuardOptions = {}, root: Document | Element | undefined = globalThis.document): () => void {
  if (!root) return () => {};
  const all = () => { for (const form of root.querySelectorAll<HTMLFormElement>('form[data-stillhere]')) guard(form, options); };
  all();
  const watch = new MutationObserver(all);
  watch.observe(root, { childList: true, subtree: true });
  return () => watch.disconnect();
}

/** Guards one form. Doing it twice is doing it once. Never throws: at worst the form is an ordinary one. */
export function guard(form: HTMLFormElement, options: GuardOptions = {}): void {
  if (guarded.has(form)) return;
  guarded.add(form);
  const words = options.words ?? (() => en);
  const name = intentOf(form);
  const status = statusOf(form);
  let pending = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const forgetDraft = async () => {
    clearTimeout(timer);
    timer = undefined;
    await (await disk()).delete('draft', name);
  };
  const keep = async () => {
    const store = await disk();
    const row: Draft = { at: Date.now(), sealed: await store.seal({ fields: draft.read(form) }) };
    await store.put('draft', name, row);
  };
  const follow = async (sent: Sent) => {
    pending = true;
    form.setAttribute('aria-busy', 'true');
    const stop = on('action', action => {
      if (action.key === sent.key) status.textContent = ofAction(action, words(), Date.now()) ?? '';
    });
    status.textContent = ofAction(sent, words(), Date.now()) ?? '';
    const settled = await sent.settled;
    stop();
    pending = false;
    form.removeAttribute('aria-busy');
    status.textContent = ofAction(settled, words(), Date.now()) ?? '';
    // Only what was received is over; what was refused is there to be corrected.
    if (settled.state === 'done') await forgetDraft();
    finish(form, settled);
  };

  form.addEventListener('input', () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void keep().catch(() => {});
    }, TYPED_MS);
  });
  form.addEventListener('reset', () => void forgetDraft().catch(() => {}));
  form.addEventListener('submit', event => {
    // Somebody else has it, or it is nothing for us: another site, a GET, a new window.
    const submitter = event.submitter as HTMLButtonElement | HTMLInputElement | null;
    const url = new URL(submitter?.hasAttribute('formaction') ? submitter.formAction : form.getAttribute('action') ?? '', document.baseURI);
    const method = (submitter?.getAttribute('formmethod') ?? form.getAttribute('method') ?? 'get').toLowerCase();
    if (event.defaultPrevented || method !== 'post' || url.origin !== location.origin || (form.target && form.target !== '_self')) return;
    event.preventDefault();
    if (pending) return;
    pending = true;
    const data = new FormData(form, submitter);
    void submit(form, url, data).then(follow, () => {
      // Too large, too many: as if nobody guarded it.
      pending = false;
      HTMLFormElement.prototype.submit.call(form);
    });
  });

  void (async () => {
    const store = await disk();
    const row = await store.get<Draft>('draft', name);
    if (row && Date.now() - row.at < DRAFT_MAX_AGE_MS) draft.write(form, (await store.open<{ fields: [string, string][] }>(row.sealed)).fields);
    // What an earlier page sent and did not see the end of.
    const open = (await actions()).filter(a => a.intent === name && !a.over).at(-1);
    if (open && !pending) await follow(open);
  })().catch(() => {});
}

async function submit(form: HTMLFormElement, url: URL, data: FormData): Promise<Sent> {
  const label = form.dataset.stillhere;
  const minutes = Number(form.dataset.stillhereExpires);
  const files = [...data.values()].reduce((sum, v) => sum + (typeof v === 'string' ? 0 : v.size), 0);
  const multipart = form.enctype === 'multipart/form-data';
  const body = multipart ? data : new URLSearchParams([...data].map(([n, v]): [string, string] => [n, typeof v === 'string' ? v : v.name]));
  return await send(url, {
    body,
    headers: { accept: 'text/html, application/json;q=0.9, */*;q=0.5' },
    intent: intentOf(form),
    memoryOnly: files > FILES_MAX || secrets(form).some(field => data.get(field.name)),
    ...label ? { label } : {},
    ...minutes > 0 ? { expires: minutes * 60_000 } : {},
  });
}

/** Tells the page, which may take it from here; else goes where the answer led. */
function finish(form: HTMLFormElement, settled: Settled): void {
  const mine = form.dispatchEvent(new CustomEvent('stillhere:settled', { bubbles: true, cancelable: true, detail: settled }));
  const next = form.dataset.stillhereNext ?? (settled.response && settled.response.url !== new URL(form.action, document.baseURI).href ? settled.response.url : '');
  if (mine && settled.state === 'done' && next) location.assign(new URL(next, document.baseURI));
}

/** A polite live region. It must be there, empty, before anything is said in it. */
function statusOf(form: HTMLFormElement): HTMLElement {
  let status = form.querySelector<HTMLElement>('[data-stillhere-status]');
  if (!status) {
    status = document.createElement('p');
    status.dataset.stillhereStatus = '';
    form.append(status);
  }
  status.setAttribute('role', 'status');
  return status;
}
