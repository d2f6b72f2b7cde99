// What the shop's page does with any of them: the order is posted, and what a person was told last is remembered over a reload.
const KEY = 'told';
const read = () => JSON.parse(localStorage.getItem(KEY) ?? '{}');

/** `done`, `kept` (it will be sent: nothing to press), `failed` (to be pressed again), `unknown` (nobody knows: not to be pressed blindly). */
export function tell(n, what) { localStorage.setItem(KEY, JSON.stringify({ ...read(), [n]: what })); }
export const told = () => read();

/** Throws unless it was taken. */
export async function post(n, headers = {}) {
  const answer = await fetch('/order', { method: 'POST', body: JSON.stringify({ n }), headers: { 'content-type': 'application/json', ...headers } });
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
}
