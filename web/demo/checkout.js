// All that the checkout adds to its form. Keeping what is typed, the key, the repeats and the words are the client's.
(() => {
  if (!window.stillhere) return;
  const form = document.getElementById('order'), button = form.querySelector('button');
  document.getElementById('kept').hidden = false;
  new MutationObserver(() => { button.disabled = form.getAttribute('aria-busy') === 'true'; })
    .observe(form, { attributes: true, attributeFilter: ['aria-busy'] });
})();
