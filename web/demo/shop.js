// The shop's own script: how many lanterns were sold. Of an edge it knows the event "stillhere" on its stream, and then has the
// client look, so that who has the page open reads at once what is going on.
(() => {
  const at = id => document.getElementById(id);
  function listen() {
    const stream = new EventSource('/ticker');
    stream.onmessage = event => {
      const { sold, node } = JSON.parse(event.data);
      if (at('sold')) at('sold').textContent = sold;
      at('node').textContent = node;
      document.body.classList.remove('away');
    };
    stream.addEventListener('stillhere', () => {
      document.body.classList.add('away');
      void window.stillhere?.diagnose();
    });
    // An error page of the shop itself ends a stream for good.
    stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000); };
  }
  listen();
})();
