// 'Notify this browser' on the page of subscribing. Without script, or where browsers have no push, the offer is not shown.
//
// The browser asks its owner only after the tap. Then it gets an address from its push service, which goes to us with what is chosen in the
// form; we send a test message to it; the worker confirms that it came. What the worker was given (the links of
// this subscription) lies in a cache of this site, and nowhere else in this browser.
(() => {
const d = document, s = d.getElementById('push'), left = d.getElementById('left'), KEPT = 'stillhere-push', MINE = '/subscribe/mine', SLOW = 2e4;
if (!s && !left || !('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) return;
const registered = () => navigator.serviceWorker.getRegistration('/subscribe/');
const subscription = async () => (await registered())?.pushManager.getSubscription();
const mine = async () => (await (await caches.open(KEPT)).match(MINE))?.json();
const forget = async () => { await (await subscription())?.unsubscribe(); await caches.delete(KEPT) };
// A link begins with whose it is.
const whose = link => link.split('/').pop().slice(0, 21);
if (left) return mine().then(m => m && whose(m.leave) == left.dataset.of && forget());

const w = s.dataset, say = s.querySelector('[role=status]'), go = s.querySelector('button'), change = s.querySelector('a'), form = d.getElementById('wish');
let slow;
const tell = (words, busy, state = 'u') => { clearTimeout(slow); say.textContent = words; say.hidden = !words; say.className = 'note ' + state; go.disabled = !!busy; go.hidden = false; change.hidden = true };
const on = async () => {
  const m = await mine();
  if (!m || !await subscription()) return false;
  // It may have been ended from elsewhere.
  const r = await fetch(m.manage).catch(() => null);
  if (r && r.status == 404) { await forget(); return false }
  tell(w.on, false, 'o');
  go.hidden = true;
  change.hidden = false;
  change.href = m.manage;
  return true;
};
const ready = reg => reg.active ? reg : new Promise(done => {
  const worker = reg.installing || reg.waiting;
  worker.addEventListener('statechange', () => worker.state == 'activated' && done(reg));
});
const ask = async () => {
  tell('', true);
  if (await Notification.requestPermission() != 'granted') return tell(w.denied);
  const reg = await ready(await navigator.serviceWorker.register('/subscribe/worker.js', {scope: '/subscribe/', updateViaCache: 'none'}));
  // One that is bound to another key, or that we know nothing of any more, is of no use.
  await (await reg.pushManager.getSubscription())?.unsubscribe();
  const {endpoint, keys} = (await reg.pushManager.subscribe({userVisibleOnly: true, applicationServerKey: w.key})).toJSON();
  const body = new URLSearchParams(new FormData(form));
  body.delete('address');
  for (const [name, value] of Object.entries({endpoint, ...keys})) body.set(name, value);
  const r = await fetch('/subscribe/push', {method: 'POST', body}).catch(() => ({}));
  if (r.status != 202) return tell(r.status == 429 ? w.many : w.off);
  tell(w.wait, true);
  slow = setTimeout(() => tell(w.slow), SLOW);
};
new BroadcastChannel(KEPT).onmessage = on;
go.onclick = () => ask().catch(() => tell(w.failed));
if (!form.hasAttribute('action')) form.onsubmit = e => { e.preventDefault(); go.click() };
form.hidden = s.hidden = false;
on().catch(() => {});
})();
