/**
 * "Tell me when it is over": one tap on the banner. Where the browser lets this page notify, and the notice says that the status site sends
 * such messages, one comes by way of the browser's push service, also when the page is long closed; else this tab tells, for as long as it is
 * open. Which of both it is, is said. The behaviour is written down in `docs/client-behaviour.md`, "Tell me when it is over".
 */
import { words } from './banner.js';
import { emit, on } from './bus.js';
import type { Notice } from './notice.js';
import { state } from './start.js';
import { tellWords } from './tell/words.js';
import { ownWorker } from './worker.js';

/** `of`: the incident that a push was asked for. */
type Asked = { way: 'tab' } | { way: 'push'; of: string };

const CSS = `footer:has(.w){display:flex;flex-wrap:wrap;align-items:center;gap:6px 16px}
.w{display:contents}.w button{position:static;padding:4px 14px;min-height:36px;color:var(--i);border-color:currentColor;font-weight:550}.w button:disabled{opacity:.6;cursor:default}.w span{color:var(--q)}.w span:empty{display:none}`;
/** What this tab was asked for, for as long as the outage lasts: a page that is loaded again does not ask again. */
const ASKED = 'stillhere.told';
const SENT_WITHIN_MS = 10_000;
const LOOK_MS = 500;
const TROUBLE = ['down', 'slow', 'unknown'];

/** The open incident that this page's visitors feel, if the notice names one. */
function incident(service: string | null): Notice['incidents'][number] | undefined {
  const { notice, inForce } = state();
  return inForce ? notice?.incidents.find(i => service === null || i.services.includes(service)) : undefined;
}

/** True: the status site has it on its disk. Of an address in the clear the browser itself keeps us: a worker is only there in a safe page. */
async function pushed(of: string, { key, url }: NonNullable<Notice['push']>, lang: string): Promise<boolean> {
  const registration = await ownWorker();
  if (!registration) return false;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint = '', keys } = subscription.toJSON();
  const answer = await fetch(url, {
    method: 'POST', body: new URLSearchParams({ incident: of, lang, endpoint, ...keys }), credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(SENT_WITHIN_MS),
  }).catch(() => undefined);
  // Perhaps it was taken down after all: then what comes finds nobody.
  if (!answer?.ok) void subscription.unsubscribe();
  return answer?.ok ?? false;
}

/** Once for a page. */
export function tell(): void {
  const host = document.querySelector<HTMLElement & { said?: { title: string } | null }>('stillhere-status'), root = host?.shadowRoot, foot = root?.querySelector('footer'), section = root?.querySelector('section');
  // The element may come with a later part of the page.
  if (!host || !root || !foot || !section) return void setTimeout(tell, LOOK_MS);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const all = Object.assign(document.createElement('span'), { className: 'w' }), button = document.createElement('button'), said = document.createElement('span');
  all.setAttribute('part', 'tell');
  said.setAttribute('role', 'status');
  button.type = 'button';
  all.append(button, said);

  let asked: Asked | undefined, busy = false, title: string | undefined;
  try { asked = JSON.parse(sessionStorage.getItem(ASKED) ?? 'null') as Asked ?? undefined; } catch { /* denied, or not ours: it is asked anew */ }
  const remember = (is: Asked | undefined): void => {
    asked = is;
    emit('stay', is?.way === 'tab');
    try {
      if (is) sessionStorage.setItem(ASKED, JSON.stringify(is));
      else sessionStorage.removeItem(ASKED);
    } catch { /* this page knows it */ }
  };
  /** A push was promised for one incident: in the next outage it would be a lie. */
  const way = (): Asked['way'] | undefined => {
    const { notice, inForce } = state(), a = asked;
    return a?.way === 'push' && !(inForce && notice?.incidents.some(i => i.id === a.of)) ? undefined : a?.way;
  };
  const service = (): string | null => host.getAttribute('service');

  const render = (): void => {
    const s = state(), is = way(), { lang } = words(), text = tellWords[lang] ?? tellWords['en']!;
    const shown = TROUBLE.includes(s.name) && (s.unreachableSince !== null || incident(service()) !== undefined) && section.className !== 'e';
    if (!shown) return all.remove();
    if (!all.isConnected) foot.prepend(all);
    button.hidden = is !== undefined;
    button.disabled = busy;
    // A live region that is written again is read again.
    for (const [e, now] of [[button, text.ask], [said, is ? text[is] : '']] as const) if (e.textContent !== now) e.textContent = now;
  };

  button.onclick = async () => {
    const of = incident(service()), offer = state().notice?.push, { lang } = words();
    busy = true;
    render();
    let got: Asked = { way: 'tab' };
    try {
      // First of all: browsers ask only while they see the tap.
      const may = await Notification.requestPermission();
      if (may === 'granted' && of && offer && await pushed(of.id, offer, lang)) got = { way: 'push', of: of.id };
    } catch { /* no notifications, no worker, no push service: this tab */ }
    busy = false;
    remember(got);
    render();
  };

  on('state', s => {
    if (s.name === 'ok' && asked) {
      // The banner was told before us.
      const over = (host.said?.title ?? '').replace(/[\u2066-\u2069]/g, '');
      if (over && asked.way === 'tab' && document.visibilityState === 'hidden') {
        title ??= document.title;
        document.title = `✓ ${over}`;
        void noted(over);
      }
      remember(undefined);
    }
    render();
  });
  document.addEventListener('visibilitychange', () => {
    if (title === undefined || document.visibilityState === 'hidden') return;
    if (document.title.startsWith('✓ ')) document.title = title;
    title = undefined;
  });
  // The language may come later, and what the banner says goes by the clock too.
  new MutationObserver(render).observe(section, { attributeFilter: ['lang', 'class'] });
  if (asked?.way === 'tab') emit('stay', true);
  render();
}

/** A notification of this tab's own, where it may. */
async function noted(text: string): Promise<void> {
  try {
    if (Notification.permission !== 'granted') return;
    const registration = await navigator.serviceWorker.getRegistration();
    if (registration) await registration.showNotification(text, { tag: 'stillhere', data: { stillhere: 'over' } });
    else new Notification(text, { tag: 'stillhere' });
  } catch { /* the title tells it */ }
}

if (typeof document !== 'undefined') tell();
