// One engine through a day on which everything fails: `node day.mjs ENGINE [RUNS] [SITUATION]`. One line of JSON for each fact.
import { ENGINES } from './engines.mjs';
import { SITUATIONS, live } from '../../web/client/test/situations.mjs';
import { Mirror, Origin, Signer, incident, notice, until } from '../../web/client/test/world.mjs';

const [, , name, runs = 0, only] = process.argv;
const REFRESHES = 10;
const NOTHING_MS = 15_000;
/** A driver that asks a page in the middle of its beginning may wait a while for the answer. */
const STANDS_MS = 12_000;
const say = what => console.log(JSON.stringify(what));
const engine = await ENGINES[name]();
say({ engine: engine.version });

for (const situation of SITUATIONS) {
  if (only && !situation.name.includes(only)) continue;
  let wrong = null;
  // A driver that hangs has judged nothing: once more.
  for (let again = 1; again >= 0; again -= 1) {
    try { await live(situation, engine.open); wrong = null; } catch (e) { wrong = e.message; if (e.name === 'TimeoutError') continue; }
    break;
  }
  say({ situation: situation.name, is: situation.is, wrong });
}
if (+runs) {
  await times('killed', +runs, w => w.origin.kill(), w => w.origin.up(), true);
  await times('frozen', Math.ceil(runs / 10), w => { w.origin.mode = 'frozen'; }, thaws, false);
}
if (+runs) for (const who of ['stillhere', 'workbox']) for (const how of ['killed', 'frozen']) await refreshes(who, how, Math.min(REFRESHES, runs));
await engine.close();
process.exit(0);

/**
 * An address is opened again while its origin is dead: when the page stands that the worker of one of them shows instead, by that page's own
 * clock, from the start of the navigation. null: the browser had shown nothing after 15 s.
 */
async function refreshes(who, how, runs) {
  const w = { signer: new Signer(), origin: await new Origin().listen(), mirror: await new Mirror().listen() };
  w.mirror.says(w.signer, notice());
  if (who === 'stillhere') w.origin.tag([w.mirror], w.signer, 'data-worker data-site=Shop');
  else {
    const { bundle } = await import('./bundle.mjs'), answer = w.origin.answer;
    const files = { '/sw.js': ['text/javascript', await bundle('workbox-worker')], '/offline.html': ['text/html', '<!doctype html><title>Offline</title><h1>Offline</h1>'] };
    w.origin.answer = (q, r) => files[q.url] && w.origin.mode === 'ok' ? r.writeHead(200, { 'content-type': files[q.url][0] }).end(files[q.url][1]) : answer.call(w.origin, q, r);
    w.origin.head = '<script>navigator.serviceWorker.register("/sw.js")</script>';
  }
  const page = await engine.open();
  try {
    const here = `${w.origin.origin}/`;
    await page.goto(here);
    const active = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.active?.state === 'activated');
    await until('the worker is there', active);
    await until('and in charge', async () => { await page.goto(here); return page.evaluate(() => !!navigator.serviceWorker.controller); });
    for (let n = 0; n < runs; n += 1) {
      w.mirror.says(w.signer, notice('major', { incidents: [incident()] }));
      if (how === 'killed') await w.origin.kill(); else w.origin.mode = 'frozen';
      const address = `${here}?${n}`, gave = await Promise.race([Promise.resolve(page.goto(address)).then(() => true, () => true), new Promise(done => setTimeout(done, NOTHING_MS))]);
      const stands = gave && await until('it stands', () => page.evaluate(a => location.href === a && document.body?.innerText.trim() ? performance.getEntriesByType('navigation')[0].domInteractive : 0, address), STANDS_MS).catch(() => null);
      say({ refresh: how, who, ms: stands || null });
      w.mirror.says(w.signer, notice());
      if (how === 'killed') await w.origin.up(); else { w.origin.mode = 'ok'; w.origin.server.closeAllConnections(); }
      if (!stands) break;
      await until('it is well again', async () => { await page.goto(here); return page.evaluate(() => !!document.querySelector('#i')); });
    }
  } catch (e) { say({ refresh: how, who, failed: e.message }); }
  await Promise.race([page.close(), new Promise(done => setTimeout(done, 2_000))]).catch(() => {});
  [w.origin, w.mirror].forEach(s => s.stop());
}

/** What was held ends too: six requests that never end are all the connections that a page may have, and nothing more would be asked. */
function thaws(w) {
  w.origin.mode = 'ok';
  w.origin.server.closeAllConnections();
}

/**
 * From the page's first request into the fault until it says so, by the page's own clock: `first` is the first word, `truth` whose fault
 * it is. `told`: the mirrors know of it; else nobody does, which is the slower way.
 */
async function times(what, runs, breaks, mends, told) {
  const w = { signer: new Signer(), origin: await new Origin().listen(), mirrors: [await new Mirror().listen(), await new Mirror().listen()] };
  const all = more => w.mirrors.forEach(m => m.says(w.signer, more));
  all(notice());
  w.origin.tag(w.mirrors, w.signer);
  const page = await engine.open();
  await page.goto(`${w.origin.origin}/`);
  const see = (...wanted) => until(`the verdict ${wanted}`, async () => {
    const { name, ...more } = await page.evaluate(() => ({ ...window.stillhere?.state(), notice: undefined, log: window.log?.slice(-4), at: performance.now() }));
    if (!wanted.includes(name)) throw new Error(JSON.stringify({ name, ...more, asked: w.origin.asked.slice(-3).map(q => [q.method, q.url, Math.round(performance.now() - q.at)]) }));
    return true;
  });
  await see('ok');
  await until('the banner', () => page.evaluate(() => !!document.querySelector('stillhere-status')?.shadowRoot));
  await page.evaluate(() => { window.log = []; document.addEventListener('stillhere:state', e => window.log.push([e.detail.name, performance.now()])); });
  for (let n = 0; n < runs; n++) {
    // A page that has been quiet, as most are.
    await until('a second since it was last asked', () => performance.now() - Math.max(0, ...w.origin.asked.filter(q => q.method === 'HEAD').map(q => q.at)) > 1_000);
    if (told) all(notice('major', { incidents: [incident()] }));
    await breaks(w);
    await page.evaluate(() => { window.log.length = 0; window.t0 = performance.now(); void fetch('/api').then(() => 0, () => 0); });
    if (!told) await page.evaluate(() => { void window.stillhere.diagnose(); });
    await see(told ? 'down' : 'unknown');
    // News of a notice comes as `ok` once more: that is no word.
    const [first, truth] = await page.evaluate(() => { const said = window.log.filter(l => l[0] !== 'ok'); return [said[0][1] - window.t0, (said.find(l => l[0] === 'down') ?? said[0])[1] - window.t0]; });
    say({ time: what, first, ...told && { truth } });
    all(notice());
    await mends(w);
    await page.evaluate(() => { void window.stillhere.diagnose(); });
    await see('ok');
  }
  await page.close();
  [w.origin, ...w.mirrors].forEach(s => s.stop());
}
