// The script of the page that stands in for the origin. Without it the page is complete, and a GET loads again by itself.
//
// It asks the edge whether the origin is back (a HEAD that the edge answers alone) and, when it is, waits for the slot it
// is given and loads the address again. It never sends a form again: after a POST it only says that the origin
// answers. Texts come as `data-` words; what a notice says is only ever set as text.
(() => {
const d = document, m = d.body.dataset, $ = i => d.getElementById(i), live = $('live'), say = $('say'), ago = $('ago');
const POST = m.live == 'post', EVERY = +m.every, NEWS = 1e4, LIMIT = 1e4, FAILS = 2;
const jitter = ms => ms * (.5 + Math.random());
const clock = (t, s) => new Intl.DateTimeFormat(d.documentElement.lang, {hour: '2-digit', minute: '2-digit', second: s, hourCycle: 'h23', timeZone: m.tz}).format(new Date(t));
const ask = (url, o) => fetch(url, {cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(LIMIT), ...o});
const here = () => location.href.split('#')[0];
let fails = 0, at, said;
const show = (kind, text, more) => {
  live.hidden = false;
  live.className = 'live ' + kind;
  if (said != text) say.textContent = said = text;
  ago.textContent = more || '';
};
const probe = async () => {
  try {
    const r = await ask(here(), {method: 'HEAD', headers: {'Stillhere-Probe': '1'}}), get = n => r.headers.get('Stillhere-' + n);
    fails = 0;
    if (get('Ahead') && $('f-ahead')) $('f-ahead').lastChild.textContent = (+get('Ahead')).toLocaleString(d.documentElement.lang);
    if (r.type == 'opaqueredirect' || r.status < 500 && !get('Why')) return back(+(get('Return') || m.slot));
  } catch { fails++ }
  if (fails < FAILS) show('', m.wait, m.looked.replace('%', clock(Date.now(), '2-digit')));
  else show('lost', m.lost);
  setTimeout(probe, jitter(EVERY));
};
const back = s => {
  if (POST) { $('go').hidden = false; return show('back', m.back) }
  at = Date.now() + s * 1e3;
  const tick = () => {
    const left = Math.ceil((at - Date.now()) / 1e3);
    if (left <= 0) return location.reload();
    show('back', m.back, m.in.replace('%', left));
    setTimeout(tick, 500);
  };
  tick();
};
const news = async () => {
  try {
    const e = await (await ask('/.well-known/stillhere/notice')).json();
    const b = Uint8Array.from(atob(e.notice.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
    const n = JSON.parse(new TextDecoder().decode(b)), seq = [n.epoch, n.seq], had = m.seq.split('.');
    if (n.v == 1 && (seq[0] > had[0] || seq[0] == had[0] && seq[1] > had[1])) tell(n, seq);
  } catch {}
  setTimeout(news, jitter(NEWS));
};
const tell = (n, seq) => {
  const word = t => t[d.documentElement.lang] || Object.values(t)[0] || '', el = (tag, c, text) => Object.assign(d.createElement(tag), {className: c, dir: 'auto', textContent: text});
  m.seq = seq.join('.');
  $('old').hidden = true;
  const mine = n.incidents.filter(i => !m.service || i.services.includes(m.service)).slice(0, 2);
  $('news').replaceChildren(...mine.map(i => {
    const a = el('article', 'inc ' + d.body.className, '');
    a.append(el('h2', '', word(i.title)), el('p', 'txt', word(i.said)));
    if (i.said_at) a.append(el('p', 'dim', m.at.replace('%', clock(i.said_at))));
    return a;
  }));
  const due = n.next_update_by, f = $('f-next');
  if (f && due) f.lastChild.textContent = m.by.replace('%', clock(due));
};
const kept = async () => {
  let state;
  try { state = ('' + (await (await ask(m.action)).json()).state).replace(/[^a-z]/g, '') } catch {}
  const word = m['kept' + state];
  if (word) $('kept').lastChild.textContent = word;
  if (!['done', 'refused', 'expired', 'needsyou'].includes(state)) setTimeout(kept, jitter(EVERY));
};
$('go').onclick = () => history.back();
show('', m.wait);
if (m.live == 'wait') back(+m.slot);
else setTimeout(probe, jitter(EVERY));
if (m.news) setTimeout(news, jitter(NEWS));
if (m.action) setTimeout(kept, jitter(EVERY));
})();
