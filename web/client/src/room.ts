/**
 * Where the banner stands, so that it covers nothing that a person is doing. It has room of its own at the end of the page, which moves
 * nothing that is there, and goes to the other end of the screen while the focus is on something beneath it.
 *
 * The attribute `place` of `<stillhere-status>` chooses: `bottom` (as if it was not there), `top`, or `here`, in the text where the element stands.
 * `--stillhere-clear`: what is to stay free at that end, such as the height of a bar of the page's own.
 */

const CSS = `stillhere-status{inset-block-end:var(--stillhere-clear,0px)}
stillhere-status[data-at=top]{inset:var(--stillhere-clear,0px) 0 auto}
stillhere-status[data-at=top]::part(banner){margin-top:calc(12px + env(safe-area-inset-top));margin-bottom:0}
stillhere-status[place=here]{position:static}
stillhere-status[place=here]::part(banner){margin:0;box-shadow:none}
@media (max-width:40rem){stillhere-status[data-at=top]::part(banner){margin:0;border-width:0 0 1px;border-radius:0 0 14px 14px}stillhere-status[place=here]::part(banner){border-width:1px;border-radius:14px}}
@media (max-height:26rem){stillhere-status:not([place=here])::part(banner){max-height:min(8rem,34vh);padding-block:8px;font-size:14px}}`;
/** The focus goes no nearer to it than this. */
const APART_PX = 8;
/** The element may come with a later part of the page. */
const LOOK_MS = 500;

const sheet = new CSSStyleSheet();

/** Once for a page. */
export function room(): void {
  const host = document.querySelector<HTMLElement>('stillhere-status'), section = host?.shadowRoot?.querySelector('section');
  if (!host || !section) return void setTimeout(room, LOOK_MS);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let base: [string, string] | undefined, written = '', due = 0;

  const reserve = (): void => {
    const own = host.getAttribute('place'), shown = section.className !== 'e' && own !== 'here', page = getComputedStyle(document.documentElement);
    if (shown) base ??= own === 'top' ? [page.paddingTop, page.scrollPaddingTop] : [page.paddingBottom, page.scrollPaddingBottom];
    // What is at the top must not be pushed down when it comes: only what is scrolled to keeps clear of it there.
    const end = own === 'top' ? 'top' : 'bottom', high = host.offsetHeight;
    const add = (to: string, px: number): string => `calc(${to.startsWith('auto') ? '0px' : to} + ${px}px + var(--stillhere-clear,0px))`;
    const css = shown && base ? `${CSS}html{${end === 'bottom' ? `padding-bottom:${add(base[0], high)};` : ''}scroll-padding-${end}:${add(base[1], high + APART_PX)}}` : CSS;
    if (css !== written) sheet.replaceSync(written = css);
    if (!shown) base = undefined;
  };
  const dodge = (): void => {
    const own = host.getAttribute('place') === 'top' ? 'top' : 'bottom', focus = document.activeElement;
    // Nothing goes away under the fingers.
    if (focus === host || section.matches(':hover')) return;
    const at = (end: string): boolean => {
      host.dataset['at'] = end;
      const a = focus?.getBoundingClientRect(), b = section.getBoundingClientRect();
      return !a || focus === document.body || a.bottom + APART_PX <= b.top || a.top - APART_PX >= b.bottom || a.right <= b.left || a.left >= b.right;
    };
    const other = own === 'top' ? 'bottom' : 'top';
    // Neither end is free of something so high: then it stays where it belongs, and the page is scrolled as far as it needs.
    if (!at(own) && !at(other) && !at(own)) focus?.scrollIntoView({ block: 'nearest', behavior: 'instant' });
  };
  const look = (): void => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      reserve();
      if (section.className !== 'e') dodge();
    });
  };
  new ResizeObserver(look).observe(section);
  new MutationObserver(look).observe(host, { attributeFilter: ['place'] });
  for (const event of ['focusin', 'focusout']) document.addEventListener(event, look);
  addEventListener('resize', look);
  look();
}

if (typeof document !== 'undefined') room();
