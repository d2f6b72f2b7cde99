/** The looks of the banner. Colours have at least 4.5:1 in both schemes, as on the status page (`web/status/base.css`). */
export default `:host{--o:#187a48;--m:#2f62cf;--u:#646b76;--d:#8a5d00;--x:#c21f2c;--b:var(--stillhere-background,#fff);--i:var(--stillhere-color,#17191c);--q:var(--stillhere-dim,#5c626b);--a:var(--stillhere-accent,#2452c8);--l:var(--stillhere-line,#d9d9d3);
all:initial;position:fixed;z-index:var(--stillhere-layer,2147483000);inset:auto 0 0;pointer-events:none;display:block;color-scheme:light dark}
@media (prefers-color-scheme:dark){:host{--o:#5fd19a;--m:#8db2ff;--u:#a0a7b2;--d:#f0bd4f;--x:#ff7f7f;--b:var(--stillhere-background,#171a1f);--i:var(--stillhere-color,#eceef1);--q:var(--stillhere-dim,#a0a7b2);--a:var(--stillhere-accent,#8db2ff);--l:var(--stillhere-line,#343942)}}
section{--s:var(--u);position:relative;box-sizing:border-box;pointer-events:auto;max-width:var(--stillhere-width,37rem);max-height:70vh;overflow:auto;overscroll-behavior:contain;margin:0 auto;margin-bottom:calc(16px + env(safe-area-inset-bottom));padding:16px 20px 16px 24px;background:linear-gradient(var(--s),var(--s)) left/5px 100% no-repeat var(--b);color:var(--i);border:1px solid var(--l);border-radius:var(--stillhere-radius,14px);box-shadow:0 6px 28px #0003;font:var(--stillhere-font,15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif);overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
section:dir(rtl){background-position:right;padding:16px 24px 16px 20px}
section.e{padding:0;border:0;box-shadow:none;background:none;margin:0;height:0;overflow:hidden}
.down{--s:var(--x)}.slow{--s:var(--d)}.maintenance{--s:var(--m)}.recovering,.back{--s:var(--o)}
p,ul{margin:0;padding:0;list-style:none}
div{padding-inline-end:4.5em}
.t{font-weight:650;font-size:1.1em;line-height:1.35}
ul{display:grid;gap:6px;margin-top:8px}
li,.n{color:var(--q)}
.news,.action{color:var(--i)}
.action{border-inline-start:3px solid var(--s);padding-inline-start:10px;font-weight:550}
.n{font-size:.9em;white-space:nowrap}
footer:not(:empty){margin-top:10px}
a{color:var(--a);text-underline-offset:.2em}
button{position:absolute;inset-block-start:12px;inset-inline-end:14px;font:inherit;font-size:.9em;color:var(--q);background:none;border:1px solid var(--l);border-radius:8px;padding:3px 10px;min-height:30px;cursor:pointer}
button:hover{color:var(--i);border-color:currentColor}
:focus-visible{outline:3px solid var(--a);outline-offset:2px;border-radius:8px}
[hidden]{display:none}
@media (max-width:40rem){section{margin:0;max-width:none;border-width:1px 0 0;border-radius:var(--stillhere-radius,14px) var(--stillhere-radius,14px) 0 0;padding-bottom:calc(16px + env(safe-area-inset-bottom));max-height:60vh}}
@media (prefers-reduced-motion:no-preference){section:not(.e){animation:r .25s ease-out}@keyframes r{from{opacity:0;transform:translateY(12px)}}}
@media (forced-colors:active){section{border:2px solid CanvasText}}
@media print{:host{display:none!important}}`;
