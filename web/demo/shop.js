// The shop's own script: orders with a key, and the ticker. It knows nothing of an edge but what any site may use:
// the header Idempotency-Key, the receipt in the answer, and the event "stillhere" on the stream.
(() => {
  const at = id => document.getElementById(id);
  const form = at('order'), said = at('said'), banner = at('banner'), button = form.querySelector('button');
  const word = (name, number, node) => form.dataset[name].replace('%', number).replace('@', node);
  const pause = ms => new Promise(done => setTimeout(done, ms));
  const store = { get key() { return sessionStorage.getItem('order'); },
    set key(key) { key ? sessionStorage.setItem('order', key) : sessionStorage.removeItem('order'); } };
  const say = (text, kind = '') => { if (said.textContent !== text) said.textContent = text; said.className = 'said ' + kind; };
  const body = new URLSearchParams({ lantern: 'red' });

  // The same key each time, so that however often it is sent, it is one order.
  async function send(key, late) {
    const slow = late ? 0 : setTimeout(() => say(word('orderWaiting'), 'wait'), 600);
    try {
      const answer = await fetch(form.action, { method: 'POST', body,
        headers: { accept: 'application/json', 'idempotency-key': `"${key}"` } });
      const json = await answer.json().catch(() => ({}));
      if (answer.ok && json.number) return done(json, late);
      if (json.kept?.receipt || answer.status === 409 || answer.headers.get('stillhere-outcome') === 'unknown')
        return follow(key, answer.status === 202 ? 'orderKept' : 'orderChecking');
      if (answer.status >= 500) return again(key, json.detail);
      return end(word('orderRefused'), 'bad');
    } catch { return again(key); } finally { clearTimeout(slow); }
  }
  async function again(key, why) {
    say([why, word('orderNoWay')].filter(Boolean).join(' '), 'wait');
    await pause(2000 + 2000 * Math.random());
    return send(key, true);
  }
  async function follow(key, name) {
    at('none').hidden = true;
    at('waiting').hidden = false;
    at('waiting').textContent = word('orderWaits', key.slice(0, 8));
    for (;;) {
      say(word(name, key.slice(0, 8)), 'wait');
      await pause(1000);
      let state;
      try {
        const answer = await fetch('/.well-known/stillhere/action/' + encodeURIComponent(key));
        state = answer.status === 404 ? 'nothing' : (await answer.json()).state;
      } catch { continue; }
      // What was answered then is answered once more.
      if (state === 'done' || state === 'nothing') return send(key, true);
      if (['refused', 'expired', 'needs_you'].includes(state)) return end(word('orderRefused'), 'bad');
    }
  }
  function done(order, late) {
    const row = document.createElement('li');
    row.textContent = word('orderRow', order.number, order.node);
    if (![...at('list').children].some(li => li.textContent === row.textContent)) at('list').prepend(row);
    end(word(late ? 'orderLate' : 'orderDone', order.number, order.node), 'good');
  }
  function end(text, kind) {
    store.key = null;
    button.disabled = false;
    at('waiting').hidden = true;
    at('none').hidden = at('list').children.length > 0;
    say(text, kind);
  }
  form.addEventListener('submit', event => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    store.key = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
    say(word('orderSending'));
    send(store.key, false);
  });
  // An order that was under way when the page was left.
  if (store.key) { button.disabled = true; send(store.key, true); }

  function listen() {
    const stream = new EventSource('/ticker');
    stream.onmessage = event => {
      const { sold, node } = JSON.parse(event.data);
      at('sold').textContent = sold;
      at('node').textContent = node;
      document.body.classList.remove('away');
      banner.textContent = '';
    };
    stream.addEventListener('stillhere', event => {
      const news = JSON.parse(event.data);
      document.body.classList.add('away');
      const title = document.createElement('b');
      title.textContent = news.state === 'back' ? banner.dataset.back : news.title;
      banner.replaceChildren(title, ' ', news.detail ?? '');
    });
    // An error page of the shop itself ends a stream for good.
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000); };
  }
  listen();
})();
