// The page of Workbox: its worker does the work. What cannot be sent is in the worker's queue, and the person is told so.
import { post, tell, told } from './told.mjs';

const now = {};
const ask = async () => {
  const { active } = await navigator.serviceWorker.ready, { port1, port2 } = new MessageChannel();
  return new Promise(done => { port1.onmessage = e => done(e.data); active.postMessage('queue', [port2]); });
};
window.order = n => {
  now[n] = 'waiting';
  post(n).then(() => tell(n, 'done'), () => tell(n, 'kept')).finally(() => delete now[n]);
};
window.states = async () => ({ ...Object.fromEntries((await ask()).map(n => [n, 'kept'])), ...told(), ...now });
window.pending = async () => Object.keys(now).length + (await ask()).length;
await navigator.serviceWorker.register('/sw.js');
await navigator.serviceWorker.ready;
if (!navigator.serviceWorker.controller) await new Promise(done => navigator.serviceWorker.addEventListener('controllerchange', done, { once: true }));
