// Keeps the console's own files on the device, so that it opens without a server and says that there is none. Nothing that the server
// says is ever kept here: what was true yesterday must not look like today.
//
// `FILES` and `NAME` are put before this when it is built: every file by its address, and a name that changes with any of them.

/** A server that takes longer to send the page than this is as good as none; the page itself then asks again. */
const PAGE_WITHIN_MS = 4_000;
const BASE = '/console/';

// A worker of a later build waits until every page of this one is closed: those still ask for the files of this build.
self.addEventListener('install', e => {
  e.waitUntil(caches.open(NAME).then(kept => kept.addAll(FILES)));
});

self.addEventListener('activate', e => {
  const old = name => name.startsWith('stillhere-console-') && name !== NAME;
  e.waitUntil(caches.keys().then(names => Promise.all(names.filter(old).map(name => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener('fetch', e => {
  const url = new URL(e.request.url);
  // The API is below another address: it is asked as if this worker were not there.
  if (e.request.method !== 'GET' || url.origin !== location.origin || !url.pathname.startsWith(BASE)) return;
  e.respondWith(e.request.mode === 'navigate' ? page(e.request) : file(e.request));
});

/** The server's, so that a newer one is seen; the one that is kept where there is no good answer. */
async function page(request) {
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), PAGE_WITHIN_MS);
  try {
    const answer = await fetch(request, { signal: enough.signal });
    if (answer.status < 500) return answer;
  } catch { /* There is none. */ } finally { clearTimeout(timer); }
  return await caches.match(BASE, { cacheName: NAME }) ?? Response.error();
}

/** Its name says what is in it: what is kept is what the server would send. */
async function file(request) {
  return await caches.match(request, { cacheName: NAME }) ?? fetch(request);
}

// Alerts. A browser takes away the right to send from whoever shows nothing, so something is shown whatever came.
self.addEventListener('push', e => e.waitUntil(alerted(e.data)));
self.addEventListener('notificationclick', e => { e.notification.close(); e.waitUntil(show(e.notification.data.url)); });
self.addEventListener('pushsubscriptionchange', e => e.waitUntil(ended()));

async function alerted(data) {
  let m = {};
  try { m = data.json(); } catch { /* Not from us. */ }
  const { title = location.host, body, tag = 'alert', lang = '', url = BASE } = m;
  await notify(title, { body, tag, lang, data: { url } });
}

/** Its push service has ended the address. Only who is signed in can give us another. */
async function ended() {
  const words = await (await caches.match('/console/alerts-ended', { cacheName: 'stillhere-alerts' }))?.text();
  if (words) await notify(location.host, { body: words, tag: 'ended', data: { url: `${BASE}me` } });
}

const notify = (title, more) => self.registration.showNotification(title, { renotify: true, requireInteraction: true, icon: `${BASE}icon-192.png`, ...more });

/** In a window that is there already, if one is. */
async function show(path) {
  const { href } = new URL(path, location.origin);
  for (const client of await self.clients.matchAll({ type: 'window', includeUncontrolled: true })) if (client.url === href) return client.focus();
  return self.clients.openWindow(href);
}
