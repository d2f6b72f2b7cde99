// The live part of the status page. Without it the page is complete, only not live.
//
// States, shown as a class on <html>: none = live; `off` = no event for 30 s; `old` = events come, but when the last
// one was sent the server itself had no fresh news (between two events nobody can know, and with looks each second its
// news outlive no pause between two beats); a page that was rendered so loads itself anew when there are. Ages are counted on the
// server's clock, which every event brings. It never moves the focus, folds nothing that was unfolded, and speaks to
// screen readers at most once in 30 s.
(() => {
const d = document, h = d.documentElement, m = d.body.dataset, $ = i => d.getElementById(i);
const SILENCE = 3e4, QUIET = 3e4, WAIT = 3e4;
let looked = +m.looked, fresh = +m.fresh, at = +m.made, seen = m.seen, heard = Date.now(), off, wait = 1e3, said = 0, soon, stale = h.className;
const clock = t => new Intl.DateTimeFormat(h.lang, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: m.tz}).format(t);
const ago = ms => {
  const s = Math.max(0, ms / 1e3), f = new Intl.RelativeTimeFormat(h.lang);
  const [n, u] = s < 60 ? [s, 'second'] : s < 3600 ? [s / 60, 'minute'] : s < 86400 ? [s / 3600, 'hour'] : [s / 86400, 'day'];
  return f.format(-Math.floor(n), u);
};
const tick = () => {
  const now = Date.now(), copy = $('copy'), checked = $('checked'), net = $('net');
  if (copy) copy.lastChild.textContent = copy.dataset.w.replace('%', ago(now - copy.dataset.t));
  if (!m.live) return;
  const state = now - heard > SILENCE ? 'off' : off !== undefined && at > fresh ? 'old' : '';
  if (checked && off !== undefined && !state && looked) checked.textContent = checked.dataset.w.replace('%', ago(now + off - looked));
  if (off === undefined && !state || h.className == state) return;
  if (stale && !state) return reload();
  h.className = state;
  net.hidden = !state;
  net.textContent = state && net.dataset[state].replace('%', clock(state == 'off' ? at : looked || at));
};
const reload = () => { stale = ''; setTimeout(() => location.reload(), Math.random() * 5e3) };
const take = e => {
  const v = JSON.parse(e.data), html = v.html || {};
  heard = Date.now(); off = v.now - heard; at = v.now; looked = v.looked; fresh = v.fresh; wait = 1e3;
  if (e.lastEventId) seen = e.lastEventId;
  if (v.reload) return reload();
  for (const id in html) {
    const el = $(id);
    if (!el) return reload();
    const key = x => x.id || x.getAttribute('href') || x.parentNode.id;
    const open = [...el.querySelectorAll('details[open]')].map(x => x.id), a = d.activeElement, focus = el.contains(a) && key(a);
    el.innerHTML = html[id];
    for (const i of open) if ($(i)) $(i).open = true;
    if (focus) for (const x of el.querySelectorAll('a,summary')) if (focus == key(x)) x.focus();
  }
  if (html.now || html.inc) {
    clearTimeout(soon);
    soon = setTimeout(() => { said = Date.now(); $('say').textContent = $('now').textContent; d.title = m.title.replace('%', d.querySelector('h1').textContent) }, Math.max(0, said + QUIET - heard));
  }
  tick();
};
const connect = () => {
  const es = new EventSource(m.live + '&seen=' + seen);
  es.addEventListener('change', take);
  es.addEventListener('beat', take);
  es.onerror = () => { es.close(); setTimeout(connect, 200 + Math.random() * wait); wait = Math.min(wait * 2, WAIT) };
};
tick();
setInterval(tick, 1e3);
if (m.live) connect();
})();
