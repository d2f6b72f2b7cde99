// Alerts in this browser: its address at its push service, asked for when somebody presses the button, and never before.
import { call, type Schemas } from './api';
import { kept } from './kept.svelte';
import { t } from './words';

/** Which of the person's browsers this is, as the server calls it. */
const ID = 'stillhere-alerts';
/** What the worker says when the push service ends the address; it has no words of its own. */
const WORDS = 'stillhere-alerts';
const ENDED = '/console/alerts-ended';

export const alertsHere = (): boolean => 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
export const thisBrowser = (): string | null => localStorage.getItem(ID);

/** The owner of the browser said no. */
export class NotAllowed extends Error {}
/** The browser got no address. */
export class NoAddress extends Error {}

export async function alertThisBrowser(name: string, key: string): Promise<void> {
  if (await Notification.requestPermission() !== 'granted') throw new NotAllowed();
  const worker = await navigator.serviceWorker.ready;
  let subscription: PushSubscription;
  try {
    // One that is bound to another key, or that the server knows nothing of any more, is of no use.
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    subscription = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch { throw new NoAddress(); }
  const { endpoint, keys } = subscription.toJSON();
  const before = thisBrowser();
  const added = await call<Schemas['BrowserOut']>('/api/v1/me/browsers', { body: { name, endpoint, p256dh: keys?.p256dh, auth: keys?.auth, language: kept.lang } });
  localStorage.setItem(ID, added.id);
  await (await caches.open(WORDS)).put(ENDED, new Response(t('alerts-ended')));
  // Its place was taken by the new one.
  if (before && before !== added.id) await call(`/api/v1/me/browsers/${encodeURIComponent(before)}`, { method: 'DELETE' }).catch(() => {});
}

export async function alertNoMore(id: string): Promise<void> {
  await call(`/api/v1/me/browsers/${encodeURIComponent(id)}`, { method: 'DELETE' });
  if (id !== thisBrowser()) return;
  localStorage.removeItem(ID);
  await (await (await navigator.serviceWorker.ready).pushManager.getSubscription())?.unsubscribe();
}

/** What a browser is called until somebody calls it something else. */
export const usualName = (): string => {
  const agent = navigator.userAgent;
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac', 'Linux'].find(s => agent.includes(s)) ?? '';
  const browser = ['Firefox', 'Edg', 'Chrome', 'Safari'].find(b => agent.includes(b)) ?? '';
  return [browser === 'Edg' ? 'Edge' : browser, system].filter(Boolean).join(', ') || t('alerts-browser');
};
