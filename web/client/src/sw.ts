/**
 * The worker: a navigation that fails shows the truth instead of the browser's own page. The behaviour is written down in
 * `docs/client-behaviour.md`, "The worker". Whatever it does not handle it does not touch, and whatever it throws ends in
 * the browser's own way: a worker that is broken must not be worse than none.
 */
import { isGateway } from './gateway.js';
import { type Config, type FetchEvent, type NotificationEvent, type PushEvent, type Rest, type Scope, configOf } from './sw/config.js';

/** Filled in by the build: the rest comes with the worker that it was built for. */
declare const REST: string;

const scope = self as unknown as Scope;
const OWN = '/.well-known/stillhere/';
/** The page asked for this address to be left alone: it failed again and again though the origin answers. */
const THROUGH_MS = 30_000;
const THROUGH_MAX = 50;
/** Silence is looked into after this. */
const SILENT_MS = 1_000;
const through = new Map<string, number>();

/** In a site's own worker `self.stillhere` is what the tag says, and the life of the worker is the site's. */
const guest = scope.stillhere;
const config: Config = configOf(guest ?? Object.fromEntries(new URL(scope.location.href).searchParams));

/** All that is needed only when something fails or is to be kept. The browser keeps it with this worker, since its installation. */
function rest(): Rest {
  if (!scope.stillhereRest) scope.importScripts(new URL(REST, guest ? new URL(config.from ?? OWN, scope.location.href) : scope.location.href).href);
  return scope.stillhereRest!;
}

/** The server in front of the origin says that the origin does not answer, and has nothing of its own to tell the person. */
const isAway = ({ status, headers }: Response): boolean => isGateway(status) && !headers.has('stillhere-why') && !headers.has('stillhere-page');

async function navigate(e: FetchEvent): Promise<Response> {
  // As it is: with anything beside it, a request for a page becomes another one, with another referrer and other cookies.
  const asked = (async () => await e.preloadResponse ?? await fetch(e.request))();
  const heard = asked.then(r => isAway(r) ? null : r, () => null);
  const silent = new Promise<false>(done => setTimeout(done, SILENT_MS, false));
  let answer = await Promise.race([heard, silent]);
  if (answer === false) answer = await Promise.race([heard, rest().silence(e.request.url, config)]);
  return answer ?? rest().page(config);
}

scope.addEventListener('fetch', event => {
  try {
    const e = event as FetchEvent, { request } = e, url = new URL(request.url);
    // A frame may be the way back from a bank; only whole pages are ours.
    if (request.mode !== 'navigate' || request.destination !== 'document' || url.origin !== scope.location.origin || url.pathname.startsWith(OWN)) return;
    if (performance.now() - (through.get(request.url.split('#')[0]!) ?? -Infinity) < THROUGH_MS) return;
    if (request.method === 'GET') e.respondWith(navigate(e).catch(() => fetch(request)));
    // Another site's form must not be sent by us: with this worker's request the person's cookies would go along.
    else if (request.method === 'POST' && config.posts.includes(url.pathname) && URL.canParse(request.referrer) && new URL(request.referrer).origin === url.origin) e.respondWith(rest().post(e, config));
  } catch { /* as if there was no worker */ }
});

scope.addEventListener('message', event => {
  const { data, ports } = event as unknown as MessageEvent<{ through?: unknown } | null>;
  if (typeof data?.through !== 'string') return;
  if (through.size >= THROUGH_MAX) through.clear();
  through.set(data.through, performance.now());
  ports[0]?.postMessage(0);
});

// "Tell me when it is over" (`tell.ts`): the one message of that kind, after which nothing can come any more. Whatever else comes is the site's.
scope.addEventListener('push', event => {
  event.waitUntil((async () => {
    const { stillhere, title, body, lang, tag } = (event as PushEvent).data?.json() as Record<string, string>;
    if (stillhere !== 'over') return;
    await scope.registration.showNotification(title!, { body: body!, lang: lang!, tag: tag!, data: { stillhere } });
    await (await scope.registration.pushManager.getSubscription())?.unsubscribe();
  })().catch(() => {}));
});
scope.addEventListener('notificationclick', event => {
  const { notification } = event as NotificationEvent;
  if (notification.data?.stillhere !== 'over') return;
  notification.close();
  event.waitUntil((async () => {
    const [page] = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
    await (page ? page.focus() : scope.clients.openWindow('/'));
  })().catch(() => {}));
});

scope.addEventListener('install', event => {
  // At once, or never: what is not fetched while it is installed cannot be had later. Without it there is no new worker.
  // A site's own worker is installed all the same: it has its own work.
  event.waitUntil((async () => { rest(); })().catch(error => { if (!guest) throw error; }));
  if (guest) return;
  // It keeps no copies of anything: there is nothing that an old page could miss.
  void scope.skipWaiting();
  // What a page loads does not even start it, where the browser can be told so.
  void (async () => event.addRoutes?.({ condition: { not: { requestMode: 'navigate' } }, source: 'network' }))().catch(() => {});
});

// The request leaves while the worker is still starting. Not in Firefox (153), which shows its own page when that request is refused, whatever
// this worker answers; there it is switched off, because it outlives the worker that switched it on. Chromium alone has `InstallEvent`.
if (!guest) scope.addEventListener('activate', event => event.waitUntil(Promise.resolve(scope.registration.navigationPreload?.['InstallEvent' in scope ? 'enable' : 'disable']()).catch(() => {})));
