// Ours: the outbox of @stillhere/client, at its defaults; the shop honours keys, and says so.
import { on } from '../../../web/client/dist/esm/bus.js';
import { actions, send } from '../../../web/client/dist/esm/outbox.js';
import { tell, told } from './told.mjs';

const SAID = { saved: 'kept', sending: 'kept', done: 'done' };
const said = a => SAID[a.state] ?? (a.state === 'unknown' ? a.final ? 'unknown' : 'kept' : 'failed');
on('action', a => tell(a.label, said(a)));
const now = {};
window.order = n => {
  now[n] = 'waiting';
  send('/order', { body: JSON.stringify({ n }), headers: { 'content-type': 'application/json' }, label: String(n), intent: `order ${n}`, honours: true }).catch(() => tell(n, 'failed')).finally(() => delete now[n]);
};
window.states = async () => ({ ...now, ...told(), ...Object.fromEntries((await actions()).map(a => [a.label, said(a)])) });
window.pending = async () => (await actions()).filter(a => said(a) === 'kept').length;
