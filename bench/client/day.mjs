// One engine through a day on which everything fails: `node day.mjs ENGINE [RUNS] [SITUATION]`. One line of JSON for each fact.
import { ENGINES } from './engines.mjs';
import { SITUATIONS, live } from '../../web/client/test/situations.mjs';
import { Mirror, Origin, Signer, incident, notice, until } from '../../web/client/test/world.mjs';

const [, , name, runs = 0, only] = process.argv;
const say = what => console.log(JSON.stringify(what));
const engine = await ENGINES[name]();
say({ engine: engine.version });

for (const situation of SITUATIONS) {
  if (only && !situation.name.includes(only)) continue;
  let wrong = null;
  try { await live(situation, engine.open); } catch (e) { wrong = e.message; }
  say({ situation: situation.name, is: situation.is, wrong });
}
if (+runs) {
  await times('killed', +runs, w => w.origin.kill(), w => w.origin.up(), true);
  await times('frozen', Math.ceil(runs / 10), w => { w.origin.mode = 'frozen'; }, w => { w.origin.mode = 'ok'; }, false);
}
await engine.close();
process.exit(0);

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
  const see = (...wanted) => until(`the verdict ${wanted}`, () => page.evaluate(wanted => wanted.includes(window.stillhere?.state().name), wanted));
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
    const [first, truth] = await page.evaluate(() => [window.log[0][1] - window.t0, (window.log.find(l => l[0] === 'down') ?? window.log[0])[1] - window.t0]);
    say({ time: what, first, ...told && { truth } });
    all(notice());
    await mends(w);
    await page.evaluate(() => { void window.stillhere.diagnose(); });
    await see('ok');
  }
  await page.close();
  [w.origin, ...w.mirrors].forEach(s => s.stop());
}
