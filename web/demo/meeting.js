// The meeting room. Everything somebody does is a mark with an id, kept here until the room has told it to all; what is
// sent twice is there once. The connection, and what is kept on it, is the client's Socket.
(async () => {
  // Without the client it is an ordinary WebSocket, and a cut is the end.
  const { Socket: Made } = window.stillhere ? await import('/.well-known/stillhere/socket.js').catch(() => ({})) : {};
  const at = id => document.getElementById(id);
  const room = at('room'), said = at('roomsaid'), board = at('board'), list = at('chat');
  const word = (name, n = '', node = '') => room.dataset[name].replace('%', n).replace('@', node);
  const hues = room.dataset.hues.split(',');
  const STORE = 'lantern.mark.', WAITING_MAX = 500, POINTS_MAX = 48, TOGETHER_MS = 70, SPAN = 1000;

  // === what there is ===
  const marks = [], known = new Set(), waiting = new Map();
  let upto = 0, begun = 0, node = '', away = 0, wasAway = 0, meanwhile = 0, entered = false;
  const hue = Number(sessionStorage.hue ??= Math.floor(Math.random() * hues.length));
  const newId = () => [...crypto.getRandomValues(new Uint8Array(9))].map(b => b.toString(36).padStart(2, '0')).join('');
  // What an earlier page of this browser did not see arrive.
  for (const key of Object.keys(localStorage).filter(k => k.startsWith(STORE))) {
    try { const mark = JSON.parse(localStorage[key]); waiting.set(mark.id, mark); } catch { localStorage.removeItem(key); }
  }

  function add(what) {
    if (waiting.size >= WAITING_MAX) { tell(word('roomFull', waiting.size), 'bad'); return false; }
    const mark = { id: newId(), hue, ...what };
    waiting.set(mark.id, mark);
    try { localStorage[STORE + mark.id] = JSON.stringify(mark); } catch { /* kept in this tab */ }
    if (away) meanwhile++;
    if (entered) socket.send(JSON.stringify({ add: mark }));
    show();
    return true;
  }

  // === the connection ===
  const address = location.origin.replace(/^http/, 'ws') + '/meeting/socket';
  const socket = Made ? new Made(address) : new WebSocket(address);
  const hello = () => socket.send(JSON.stringify({ since: upto }));
  socket.addEventListener('open', () => {
    // The origin is a new one and knows nothing of before.
    entered = true;
    hello();
    for (const mark of waiting.values()) socket.send(JSON.stringify({ add: mark }));
  });
  socket.addEventListener('message', event => {
    const { news, node: from } = JSON.parse(event.data);
    node = from;
    at('node').textContent = node;
    begun = performance.now() - news.age_ms;
    for (const mark of news.marks) {
      waiting.delete(mark.id);
      localStorage.removeItem(STORE + mark.id);
      if (known.has(mark.id)) continue;
      known.add(mark.id);
      marks.push(mark);
    }
    upto = news.upto;
    arrived();
    show();
  });
  socket.addEventListener('away', () => {
    if (away) return;
    away = performance.now();
    meanwhile = waiting.size;
    document.body.classList.add('away');
    tell(word('roomAway'), 'wait');
  });
  socket.addEventListener('back', arrived);
  // Numbers tell what is missing: it is asked for again.
  socket.addEventListener('gap', () => { if (socket.readyState === 1) hello(); });
  socket.addEventListener('close', () => {
    away ||= performance.now();
    document.body.classList.add('away');
    tell(word(Made ? 'roomClosed' : 'roomPlain'), 'bad');
  });

  /** The room is back, for the visitor, when all that was done meanwhile has come back from it. */
  function arrived() {
    if (away && (socket.state ?? 'open') === 'open' && waiting.size === 0) {
      wasAway = Math.max(1, Math.round((performance.now() - away) / 1000));
      away = 0;
      document.body.classList.remove('away');
      tell(meanwhile ? word('roomBackWith', wasAway, meanwhile) : word('roomBack', wasAway), 'good');
    } else if (!away && !wasAway && entered) tell(word('roomIn', '', node));
  }

  // === what is seen ===
  function tell(text, kind = '') {
    if (said.textContent !== text) said.textContent = text;
    said.className = 'said roomsaid ' + kind;
  }
  const two = n => String(Math.floor(n)).padStart(2, '0');
  function tick() {
    if (begun) {
      const s = (performance.now() - begun) / 1000;
      at('clock').textContent = (s >= 3600 ? Math.floor(s / 3600) + ':' : '') + two(s / 60 % 60) + ':' + two(s % 60);
    }
    const gone = away ? word('roomAwayFor', Math.round((performance.now() - away) / 1000)) : '';
    at('awayfor').textContent = gone && waiting.size ? `${gone} · ${word('roomWaits', waiting.size)}` : gone;
  }
  setInterval(tick, 250);

  let asked = false;
  function show() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; draw(); chat(); tick(); });
  }
  function draw() {
    const { width, height } = board.getBoundingClientRect(), scale = devicePixelRatio;
    if (board.width !== Math.round(width * scale)) { board.width = Math.round(width * scale); board.height = Math.round(height * scale); }
    const pen = board.getContext('2d'), style = getComputedStyle(document.documentElement);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, board.width, board.height);
    pen.lineCap = pen.lineJoin = 'round';
    pen.lineWidth = 3.2 * scale;
    const all = [...marks, ...waiting.values()];
    const from = all.findLastIndex(mark => mark.kind === 'wipe') + 1;
    let lines = 0;
    for (const mark of all.slice(from)) {
      if (mark.kind !== 'line') continue;
      lines++;
      pen.strokeStyle = style.getPropertyValue('--h' + mark.hue);
      // What only this page knows is paler.
      pen.globalAlpha = waiting.has(mark.id) && away ? .45 : 1;
      pen.beginPath();
      mark.points.forEach(([x, y], n) => pen[n ? 'lineTo' : 'moveTo'](x / SPAN * board.width, y / SPAN * board.height));
      if (mark.points.length === 1) pen.lineTo(mark.points[0][0] / SPAN * board.width + .1, mark.points[0][1] / SPAN * board.height);
      pen.stroke();
    }
    board.setAttribute('aria-label', word('roomBoard', lines));
  }
  function chat() {
    const rows = [...marks, ...waiting.values()].filter(mark => mark.kind === 'say').slice(-60);
    const there = new Map([...list.children].map(li => [li.dataset.id, li]));
    rows.forEach((mark, n) => {
      let li = there.get(mark.id);
      there.delete(mark.id);
      if (!li) {
        li = document.createElement('li');
        li.dataset.id = mark.id;
        const who = document.createElement('b');
        who.className = 'h' + mark.hue;
        who.textContent = mark.hue === hue ? word('roomYou') : hues[mark.hue];
        li.append(who, document.createElement('span'), document.createElement('small'));
        li.children[1].textContent = mark.text;
      }
      li.children[2].textContent = waiting.has(mark.id) && away ? word('roomWaiting') : '';
      if (list.children[n] !== li) list.insertBefore(li, list.children[n] ?? null);
    });
    for (const li of there.values()) li.remove();
    if (list.dataset.count !== String(rows.length)) { list.dataset.count = rows.length; list.scrollTop = list.scrollHeight; }
  }

  // === what one does ===
  let line = null, timer = 0;
  const point = event => {
    const box = board.getBoundingClientRect();
    const on = (v, from, size) => Math.max(0, Math.min(SPAN, Math.round((v - from) / size * SPAN)));
    return [on(event.clientX, box.left, box.width), on(event.clientY, box.top, box.height)];
  };
  function flush() {
    clearTimeout(timer);
    timer = 0;
    if (!line || line.length === 0) return;
    const last = line.at(-1);
    add({ kind: 'line', points: line.slice(0, POINTS_MAX) });
    // The next piece begins where this one ends.
    line = line.length > 1 ? [last] : line;
    line.fresh = true;
  }
  board.addEventListener('pointerdown', event => {
    if (event.button) return;
    board.setPointerCapture(event.pointerId);
    line = [point(event)];
  });
  board.addEventListener('pointermove', event => {
    if (!line) return;
    for (const one of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      line.push(point(one));
      line.fresh = false;
      if (line.length >= POINTS_MAX) flush();
    }
    timer ||= setTimeout(flush, TOGETHER_MS);
  });
  for (const kind of ['pointerup', 'pointercancel']) board.addEventListener(kind, () => {
    if (line && !line.fresh) flush();
    clearTimeout(timer);
    timer = 0;
    line = null;
  });
  at('wipe').addEventListener('click', () => add({ kind: 'wipe' }));
  at('say').addEventListener('submit', event => {
    event.preventDefault();
    const text = at('text').value.replace(/\p{Cc}+/gu, ' ').trim();
    if (text && add({ kind: 'say', text })) at('text').value = '';
  });
  at('me').textContent = word('roomYou') + ' · ' + hues[hue];
  at('me').className = 'h' + hue;
  new ResizeObserver(show).observe(board);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  tell(word('roomEntering'));
})();
