// The worker of subscribers' browsers: shows what we send, and nothing else. It answers no request of any page.
//
// It confirms a subscription when the first message arrives: whoever can read it is the browser that asked. It keeps the links
// of its subscription in a cache, to tell the page about it and to move the subscription when the push service gives the browser another address.
const KEPT = 'stillhere-push', MINE = '/subscribe/mine';
const keep = async mine => (await caches.open(KEPT)).put(MINE, new Response(JSON.stringify(mine)));
const mine = async () => (await (await caches.open(KEPT)).match(MINE))?.json();
const send = (path, body) => fetch(path, {method: 'POST', body}).then(r => r.ok, () => false);

const show = async data => {
  let m = {};
  // A browser takes away the right to send from whoever shows nothing.
  try { m = data.json() } catch {}
  let on = true;
  if (m.confirm) on = await send(m.confirm);
  if (m.mine && on) await keep(m.mine);
  await self.registration.showNotification(m.title || self.location.host, {
    body: on ? m.body : m.failed, tag: m.tag || 'news', renotify: true, lang: m.lang || '',
    data: {url: m.url || '/', manage: m.mine?.manage}, actions: m.mine && m.change ? [{action: 'manage', title: m.change}] : [],
  });
  if (on) new BroadcastChannel(KEPT).postMessage('on');
};

const open = async path => {
  const url = new URL(path, self.location.origin).href;
  for (const client of await self.clients.matchAll({type: 'window', includeUncontrolled: true})) if (client.url == url) return client.focus();
  return self.clients.openWindow(url);
};

const renew = async given => {
  const m = await mine();
  if (!m) return;
  try {
    const {endpoint, keys} = (given || await self.registration.pushManager.subscribe({userVisibleOnly: true, applicationServerKey: m.key})).toJSON();
    await send(m.manage.replace('/manage/', '/renew/'), new URLSearchParams({endpoint, ...keys}));
  } catch {
    // The owner does not allow it any more.
    await send(m.leave);
    await caches.delete(KEPT);
  }
};

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('push', e => e.waitUntil(show(e.data)));
self.addEventListener('notificationclick', e => { e.notification.close(); const {url, manage} = e.notification.data; e.waitUntil(open(e.action == 'manage' ? manage : url)) });
self.addEventListener('pushsubscriptionchange', e => e.waitUntil(renew(e.newSubscription)));
