// Who is affected: what is counted is shown with its beginning, and what nobody counts is said to be unknown.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { complaints } from './axe.mjs';
import { browser, HEAD, PHONE, service, Target, until } from './harness.mjs';
import { open, start } from './signed.mjs';

let chrome, up, shop, pay, id, edge;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', pay, 'depends_on = ["shop"]\n'))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
  edge = (await up.cli('token', 'new', 'e', '--scope', 'edge')).trim();
  await shop.kill();
  id = (await up.incident()).id;
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

const report = (number, told) => fetch(`${up.origin}/api/v1/edge/report`, {
  method: 'POST', headers: { authorization: `Bearer ${edge}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    edge: 'berlin', life: 7, number, version: '1', config: 'x', config_at: '2026-11-22T10:00:00Z', notice_at: null, window_ms: 0, connections: 0, sockets: 0,
    pools: [{ pool: 'p', service: 'shop', standing: 'all_out', since: '2026-11-22T10:00:00Z', nodes: [], waiting: 0, answers_per_s: 0, tally: { answered: 0, told, held: 12 } }],
  }),
}).then(a => assert.ok(a.ok, String(a.status)));

test('without an edge nothing is claimed, with one the requests are counted, and open pages are', async () => {
  const { page, wrong, close } = await open(chrome, up, `/console/incidents/${id}`, { viewport: PHONE });
  const box = page.locator('[aria-labelledby=h-reach]');
  const says = (what, re) => until(what, async () => re.test(await box.innerText().catch(() => '')));
  await says('nobody counts', /Shop: no edge stands before it, so we cannot count its visitors/);
  await says('what needs it', /Need what is affected\s+Payments/);
  await says('nobody subscribed', /nobody: no subscriber wants to hear of these services/);
  await says('no page is open', /Status pages open now\s+0/);
  await report(1, 3_000);
  await report(2, 200);
  await page.reload();
  await says('the requests', /Shop Requests since \d\d:\d\d[^]*0\s+answered[^]*3,200\s+answered by the edge, because no server could[^]*24\s+waited/);
  assert.ok(!/no edge stands/.test(await box.innerText()));
  const visitor = await chrome.newPage();
  await visitor.goto(up.origin);
  await says('the page that opened is counted by itself', /Status pages open now\s+1/);
  assert.deepEqual(await complaints(page), []);
  assert.deepEqual(wrong, []);
  await visitor.close();
  await close();
});
