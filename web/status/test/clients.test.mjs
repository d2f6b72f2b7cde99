// Programs that others wrote for Statuspage read /api/v2: a client library, and Atlassian's own widget on somebody's page.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { browser, HEAD, service, Stillhere, Target, until } from './harness.mjs';

const require = createRequire(import.meta.url);
const { Statuspage } = require('statuspage.io');
const WIDGET = require.resolve('@statuspage/status-widget/dist/index.js');

let chrome, up, shop, pay;
before(async () => {
  [shop, pay] = [await Target.start(), await Target.start()];
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', pay))]);
  await up.statuses({ shop: 'operational', payments: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await Promise.all([shop, pay].map(t => t?.kill()));
});

test('the client statuspage.io reads everything it knows, in calm and in an outage', async () => {
  const client = new Statuspage('lantern');
  client.setApiUrl(up.origin);
  const { api } = client;
  const calm = await api.getSummary();
  assert.equal(calm.status.indicator, 'none');
  assert.equal(calm.page.name, 'Lantern Shop');
  assert.deepEqual(calm.components.map(c => [c.name, c.status]), [['Shop', 'operational'], ['Payments', 'operational']]);
  assert.deepEqual(calm.incidents, []);

  await up.cli('maintenance', 'schedule', '--title', 'Bigger disks', '--service', 'payments', '--starts', '2h', '--ends', '3h');
  await shop.kill();
  await up.statuses({ shop: 'major_outage' });
  const summary = await until('the client sees it', async () => {
    const summary = await api.getSummary();
    return summary.incidents.length === 1 && summary;
  });
  assert.equal(summary.status.indicator, 'major');
  assert.equal((await api.getStatus()).status.description, summary.status.description);
  assert.deepEqual((await api.getComponents()).components, summary.components);
  assert.equal(summary.components.find(c => c.name === 'Shop').status, 'major_outage');
  const [incident] = (await api.incidents.getUnresolved()).incidents;
  assert.equal(incident.status, 'investigating');
  assert.ok(incident.incident_updates.length > 0);
  assert.ok(!Number.isNaN(Date.parse(incident.created_at)));
  assert.deepEqual((await api.incidents.getAll()).incidents.map(i => i.id), [incident.id]);
  assert.deepEqual((await api.scheduledMaintenances.getUpcoming()).scheduled_maintenances.map(m => m.name), ['Bigger disks']);
  assert.equal((await api.scheduledMaintenances.getAll()).scheduled_maintenances.length, 1);

  await shop.up();
  await until('over', async () => (await api.incidents.getUnresolved()).incidents.length === 0);
  assert.equal((await api.incidents.getAll()).incidents[0].status, 'resolved');
});

test("Atlassian's widget on a page of another site shows our status", async () => {
  const script = await readFile(WIDGET);
  const theirs = http.createServer((q, r) => {
    if (q.url === '/widget.js') return r.setHeader('content-type', 'text/javascript').end(script);
    // Its bundle writes to an undeclared variable in strict mode, wherever it is used; with the declaration it runs without errors.
    r.setHeader('content-type', 'text/html').end(`<!doctype html><title>Somebody</title><statuspage-widget src="${up.origin}"></statuspage-widget><script>var parcelRequire</script><script src=/widget.js></script>`);
  });
  await new Promise(resolve => theirs.listen(0, '127.0.0.1', resolve));
  const page = await chrome.newPage();
  const wrong = [];
  page.on('pageerror', e => wrong.push(String(e)));
  page.on('console', m => m.type() === 'error' && !m.text().includes('favicon') && wrong.push(m.text()));
  const shown = () => page.evaluate(() => {
    const text = n => n.nodeType === 3 ? n.data : n.localName === 'style' ? '' : [n.shadowRoot, ...n.childNodes].filter(Boolean).map(text).join('');
    return text(document.querySelector('statuspage-widget'));
  });
  const says = async () => (await up.json('/api/v2/status.json')).status.description;
  await page.goto(`http://127.0.0.1:${theirs.address().port}/`);
  const calm = await says();
  await until(`the widget shows “${calm}”`, async () => (await shown()).includes(calm));

  await pay.kill();
  await up.statuses({ payments: 'major_outage' });
  const outage = await until('another description', async () => { const s = await says(); return s !== calm && s; });
  // The answer may be kept for some seconds; the widget itself asks once per load.
  await until(`the widget shows “${outage}”`, async () => {
    await page.reload();
    return (await shown()).includes(outage);
  });
  assert.deepEqual(wrong.filter(w => !/404/.test(w)), []);
  await pay.up();
  await page.close();
  theirs.closeAllConnections();
  theirs.close();
});
