/** How the lab looks: the report's colours, letters and charts, and what a page needs that one can act on. */
import { style } from '../report/style.ts';

export const labStyle = `${style}
.lab{max-width:76rem;padding-top:1.6rem}
.lab h1{font-size:1.5rem}
.lab h2{margin-top:1.4rem}
.lab h3{margin-bottom:.3rem}
.lab main:focus{outline:none}
.lab nav{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:.9rem 0 0;border-bottom:1px solid var(--rule)}
.lab nav a{text-decoration:none;color:var(--soft);padding:.35rem 0;border-bottom:3px solid transparent;margin-bottom:-1px}
.lab nav a:hover{color:var(--ink)}
.lab nav a[aria-current]{color:var(--ink);border-color:var(--blue)}
.lab nav a,.lab button,.lab label,.lab legend,.lab input,.lab select,.lab textarea,.lab .status,.lab .strip,.lab .stages,.lab .hint{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
.lab nav a,.lab button,.lab input,.lab select{font-size:.94rem}
.lab :focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.lab .instruction{font-size:1.08rem;margin:1rem 0 .2rem}
.lab .instruction a,.lab .instruction .source,.lab .hint{font-size:.82rem;color:var(--soft)}
.lab .bench{display:grid;grid-template-columns:minmax(0,19rem) minmax(0,1fr);gap:1.4rem 2.6rem;margin-top:1.2rem;align-items:start}
.lab form,.lab .controls{display:grid;gap:.7rem}
.lab fieldset{border:1px solid var(--rule);border-radius:4px;padding:.5rem .8rem .8rem;margin:0;min-width:0;display:grid;gap:.55rem}
.lab legend{font-size:.8rem;color:var(--soft);padding:0 .3rem}
.lab label{font-size:.88rem;display:grid;gap:.15rem;min-width:0}
.lab label.row{grid-template-columns:auto 1fr;align-items:center;gap:.5rem}
.lab .slider{grid-template-columns:1fr auto}
.lab .slider input{grid-area:2/1/3/3}
.lab .slider output{grid-area:1/2;position:static;padding:0;background:none;font-size:.88rem;max-width:none}
.lab input,.lab select,.lab textarea{font-size:.94rem;min-width:0;width:100%;color:var(--ink);background:var(--paper);border:1px solid var(--soft);border-radius:4px;padding:.3rem .45rem}
.lab input[type=range]{padding:0;border:0;background:none;accent-color:var(--blue)}
.lab input[type=radio],.lab input[type=checkbox]{width:auto;accent-color:var(--blue)}
.lab textarea{resize:vertical;font-size:.88rem;line-height:1.4}
.lab button{color:var(--ink);background:var(--panel);border:1px solid var(--soft);border-radius:4px;padding:.38rem .85rem;cursor:pointer}
.lab button.main{background:var(--blue);border-color:var(--blue);color:var(--paper)}
.lab button:disabled,.lab textarea:disabled,.lab input:disabled,.lab select:disabled{opacity:.5;cursor:default}
.lab .buttons{display:flex;flex-wrap:wrap;gap:.5rem}
.lab .two{display:grid;grid-template-columns:1fr 1fr;gap:.55rem}
.lab .status{font-size:.9rem;font-variant-numeric:tabular-nums;min-height:1.4rem;margin:0 0 .6rem}
.lab .problem{border-left:3px solid var(--red);background:var(--panel);padding:.6rem .9rem;overflow-wrap:anywhere}
.lab .drop{outline:2px dashed var(--blue);outline-offset:4px}
.lab progress{width:100%;height:.5rem;accent-color:var(--blue)}
.lab .bars{width:100%;table-layout:fixed}
.lab .bars td,.lab .bars th{padding:.12rem .5rem .12rem 0;vertical-align:middle;border:0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.lab .bars .token{width:6rem;color:var(--ink);font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;white-space:pre}
.lab .bars .number{width:4.6rem;text-align:right}
.lab .bars .by{width:6.5rem;color:var(--soft)}.lab .bars thead th{font-weight:400}
.lab .bars svg{display:block;width:100%;height:.85rem}
.lab .pale{fill:var(--faint)}.lab .strong{fill:var(--blue)}.lab svg .drawn{fill:var(--red)}
.lab .bars tr.drawn .token{color:var(--red);font-weight:600}
.lab .strip{display:block;width:100%;height:3.4rem}
.lab .strip rect{stroke:var(--paper);stroke-width:.5}
.lab .strip text{font-size:12px;fill:var(--soft)}
.lab .dart{stroke:var(--red);stroke-width:2}
.lab footer{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem}
.lab .board{background:var(--paper);padding-bottom:.3rem}
@media (max-width:52rem){.lab .bench{grid-template-columns:minmax(0,1fr)}.lab .board{position:sticky;top:0;z-index:1}}
@media (max-width:40rem){.lab .bars .by{width:4rem}.lab .bars .token{width:4rem}}
.lab [hidden]{display:none}
@media (prefers-reduced-motion:no-preference){.lab .bars rect{transition:width .12s}}
`;
