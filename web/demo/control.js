// Keeps the control page current, and presses its buttons without leaving the place where one reads.
(() => {
  const gone = document.getElementById('gone');
  function show(text) {
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    gone.hidden = true;
    for (const old of document.querySelectorAll('[data-live]')) {
      const now = fresh.getElementById(old.id);
      if (!now || now.outerHTML === old.outerHTML) continue;
      const focus = old.contains(document.activeElement) && document.activeElement;
      const action = focus && focus.closest('form')?.getAttribute('action');
      old.replaceWith(document.adoptNode(now));
      if (!focus) continue;
      const same = [...now.querySelectorAll('form')].find(f => f.getAttribute('action') === action);
      (same ?? now).querySelector('button')?.focus({ preventScroll: true });
    }
  }
  async function look() {
    if (!document.hidden) {
      try { show(await (await fetch(location.pathname + location.search)).text()); } catch { gone.hidden = false; }
    }
    setTimeout(look, 1000);
  }
  document.addEventListener('submit', async event => {
    event.preventDefault();
    const button = event.target.querySelector('button');
    button.disabled = true;
    try {
      const answer = await fetch(event.target.action, { method: 'POST' });
      show(await answer.text());
      if (!answer.ok) gone.hidden = false;
    } catch { gone.hidden = false; } finally { button.disabled = false; }
  });
  setTimeout(look, 1000);
})();
