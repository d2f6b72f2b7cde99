// Workbox in the worker: background sync for orders, with its guide's plugin that makes an error of the server one of the network, and the
// offline page of its recipes for navigations.
import { Queue } from 'workbox-background-sync';
import { offlineFallback } from 'workbox-recipes';
import { registerRoute, setDefaultHandler } from 'workbox-routing';
import { NetworkOnly } from 'workbox-strategies';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', e => e.waitUntil(self.clients.claim()));
const queue = new Queue('orders', { maxRetentionTime: 24 * 60 });
registerRoute(({ url }) => url.pathname === '/order', new NetworkOnly({
  plugins: [
    { fetchDidSucceed: async ({ response }) => { if (response.status >= 500) throw new Error('the server failed'); return response; } },
    { fetchDidFail: async ({ request }) => queue.pushRequest({ request }) },
  ],
}), 'POST');
setDefaultHandler(new NetworkOnly());
offlineFallback({ pageFallback: '/offline.html' });
self.addEventListener('message', e => {
  if (e.data === 'queue') e.waitUntil(queue.getAll().then(async all => e.ports[0].postMessage(await Promise.all(all.map(async q => (await q.request.clone().json()).n)))));
});
