/** How a report looks: one style sheet for screen (light and dark), phone and paper, one short script, and the page.
 *
 * Colours: blue against vermilion and the like after Okabe and Ito's palette for all kinds of colour vision (2008,
 * "Color Universal Design"), darkened or lightened until text has a contrast of 4.5 and lines of 3. Nothing is told by
 * colour alone: curves also differ in stroke, levels carry labels. */
import { html, Markup } from './html.ts';

const light = `--paper:#fdfcf9;--panel:#f5f3ed;--ink:#1d2433;--soft:#5a6170;--rule:#dedacf;--faint:#c9c4b6;
--blue:#1f66b0;--red:#c4460a;--green:#0b7d5c;--violet:#94417f;--ochre:#876500;--mark:#8a5a00;
--seq0:#e9edf0;--seq1:#cfdbe6;--seq2:#b3c9dc;--seq3:#95b5d2;--seq4:#76a0c6;--seq5:#588ab7;--seq6:#3e73a4;--seq7:#275b8d;--seq8:#124373;
--div0:#124373;--div1:#3e73a4;--div2:#76a0c6;--div3:#b3c9dc;--div4:#ebe7dc;--div5:#f0c29b;--div6:#df935a;--div7:#c4642a;--div8:#96400f`;
const dark = `--paper:#15181e;--panel:#1d2128;--ink:#e8e4db;--soft:#a5a9b2;--rule:#2f343d;--faint:#4b515c;
--blue:#76b4f0;--red:#ff9459;--green:#53cfa6;--violet:#e198cf;--ochre:#dcbc4d;--mark:#e0a64a;
--seq0:#20303f;--seq1:#243d55;--seq2:#294b6b;--seq3:#325c84;--seq4:#3f709d;--seq5:#5488b6;--seq6:#72a3cc;--seq7:#98c0e0;--seq8:#c6ddf1;
--div0:#8cc4f5;--div1:#5f9dd3;--div2:#3f739f;--div3:#2f4d69;--div4:#33343a;--div5:#6b4528;--div6:#9d6030;--div7:#d08347;--div8:#ffb27a`;

export const style = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);font:17px/1.55 Charter,'Bitstream Charter','Iowan Old Style','Source Serif 4',Cambria,Georgia,serif;-webkit-text-size-adjust:100%}
body{max-width:64rem;margin:0 auto;padding:3.2rem 2rem 4rem}
h1{font-size:2.1rem;line-height:1.15;font-weight:600;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.35rem;font-weight:600;margin:3.2rem 0 .9rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h2+figure,.pair figure{margin-top:0}figure+.pair{margin-top:1.9rem}
h3{font-size:1.02rem;font-weight:600;margin:0;overflow-wrap:anywhere}
p{margin:.4rem 0;max-width:44rem}
a{color:inherit}
figure{margin:1.9rem 0 0;min-width:0;break-inside:avoid}
header+main>section:first-child,.finals{margin-top:1.6rem}
figcaption p{color:var(--soft);font-size:.88rem;line-height:1.45;margin:.1rem 0 0}
.kicker,.legend,output,.unit,.plot text,summary,table,.figures small,.note,footer{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
.kicker{font-size:.75rem;letter-spacing:.08em;text-transform:uppercase;color:var(--soft);margin:0 0 .5rem}
.figures{display:flex;flex-wrap:wrap;gap:1.3rem 3rem;margin:1.7rem 0 1.2rem;padding:0}
.figures div{display:flex;flex-direction:column-reverse}
.figures dt{font-size:.9rem;color:var(--soft)}
.figures dd{margin:0;font-size:1.9rem;line-height:1.15;font-variant-numeric:tabular-nums lining-nums;white-space:nowrap}
.figures small{font-size:.82rem;color:var(--soft)}
.lead{font-size:1.08rem}.lead b{font-weight:600;white-space:nowrap}
.pair,.tables{display:grid;gap:1.9rem 3rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,var(--least)),1fr))}
.tables div{min-width:0}.pair{--least:26rem}.tables{--least:20rem;align-items:start}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:12.5px;color:var(--soft);align-items:center;margin:.45rem 0 .2rem}
.legend span{display:inline-flex;align-items:center;gap:.4rem;overflow-wrap:anywhere}
figcaption{position:relative}
output{position:absolute;right:0;top:0;max-width:75%;padding:0 0 .2rem .6rem;background:var(--paper);font-size:12.5px;text-align:right;font-variant-numeric:tabular-nums}
.legend i{width:1.5rem;height:.7rem}
.scale{gap:0}.scale span:first-child{margin-right:.5rem}.scale span:last-of-type{margin-left:.5rem}
svg{overflow:visible}
.plot{display:block;width:calc(100% - 62px);margin:34px 14px 30px 48px}
.labelled{width:calc(100% - 160px);margin-right:112px}
.layers{width:calc(100% - 158px);margin:10px 62px 30px 96px}
.inner{overflow:hidden}
.plot text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}
.y-axis text,.name{text-anchor:end}.x-axis text{text-anchor:middle}.y-axis .unit{text-anchor:start;transform:translateX(-40px)}
.grid line{stroke:var(--rule)}.x-axis line{stroke:var(--faint)}.layers .x-axis line{stroke:none}
path{fill:none;stroke:currentColor;vector-effect:non-scaling-stroke;stroke-linejoin:round}:where(path:not(.cells)){stroke-width:2}
.cells{vector-effect:none;shape-rendering:crispEdges}
.dot{stroke-width:7;stroke-linecap:round}.whisker{stroke-width:1.3}
.train{color:var(--blue)}.held-out{color:var(--red)}.whole,.ink{color:var(--ink)}
.whole.dot{stroke-width:10}.ink{stroke-width:1.5}.faint{opacity:.32;stroke-width:1}
.level{color:var(--soft);stroke-width:1.2;stroke-dasharray:1 4;stroke-linecap:round}.levels path{stroke-width:1;stroke-dasharray:none}
.limit{color:var(--red);stroke-width:1.2;stroke-dasharray:5 4}.rug{color:var(--red);stroke-width:1}
.moment{color:var(--mark);stroke-width:1;stroke-dasharray:2 3}.plot .moment{fill:var(--mark)}path.moment{fill:none}text.moment{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-dasharray:none}.before{text-anchor:end;transform:translateX(-5px)}.after{transform:translateX(5px)}
.flag path{fill:var(--mark);stroke:none}
.cursor{stroke:var(--soft);stroke-width:1}
.run0{color:var(--blue)}.run1{color:var(--red);stroke-dasharray:7 3}.run2{color:var(--green);stroke-dasharray:2 3}
.run3{color:var(--violet);stroke-dasharray:9 3 2 3}.run4{color:var(--ochre);stroke-dasharray:4 2}.run5{color:var(--ink);stroke-dasharray:1 3}
.dot,.whisker{stroke-dasharray:none}
${Array.from({ length: 9 }, (_, i) => `.seq${i}{color:var(--seq${i})}.div${i}{color:var(--div${i})}`).join('')}
.legend i{background:currentColor;print-color-adjust:exact;-webkit-print-color-adjust:exact}
h2,summary{break-after:avoid}
details{margin:.3rem 0}
summary{font-size:.8rem;color:var(--soft);cursor:pointer;width:fit-content}
summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.samples summary{font-size:.88rem;color:var(--ink);width:auto;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.samples summary span{color:var(--soft);margin-left:.7rem}
.samples details[open] summary span{display:none}
pre{font:inherit;font-size:.97rem;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4;unicode-bidi:isolate;background:var(--panel);border-left:3px solid var(--faint);padding:.8rem 1.1rem;margin:.5rem 0 1rem;max-width:46rem}
.scroll{overflow-x:auto;margin:.4rem 0 1rem}
table{border-collapse:collapse;font-size:.82rem;line-height:1.4;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.28rem 1.1rem .28rem 0;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:500}tbody th{font-weight:400;color:var(--soft)}.tables th{width:38%}
.numbers{width:auto}.numbers th,.numbers td{overflow-wrap:normal}.numbers tbody th{min-width:4rem;max-width:16rem;overflow-wrap:anywhere}.finals tbody th{min-width:8rem}.numbers td,.numbers thead th+th{text-align:right;white-space:nowrap}
.settings{width:auto}.settings th,.settings td{overflow-wrap:normal;white-space:nowrap}
.events{list-style:none;padding:0;margin:.8rem 0;font-size:.95rem}
.events li{display:flex;gap:1rem;padding:.35rem 0;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
.events b{flex:0 0 6.5rem;font-weight:400;color:var(--mark);font-variant-numeric:tabular-nums}
footer{margin-top:3.5rem;padding-top:.9rem;border-top:1px solid var(--rule);font-size:.78rem;color:var(--soft)}
@media (max-width:40rem){html{font-size:16px}body{padding:1.8rem 1rem 3rem}.wide{display:none}.figures{gap:1rem 2rem}.figures dd{font-size:1.6rem}
.plot{margin-left:40px;width:calc(100% - 54px)}.y-axis .unit{transform:translateX(-32px)}.labelled{width:calc(100% - 104px);margin-right:64px}.layers{width:calc(100% - 138px);margin:6px 54px 30px 84px}}
@media print{:root{color-scheme:light;${light};--paper:#fff}html{font-size:10.5pt}body{max-width:none;padding:0}output{display:none}.pair{grid-template-columns:1fr 1fr}
.samples details::details-content{content-visibility:visible;display:block}pre{break-inside:avoid}}`;

/** The read-out under the pointer: finds the last point of each curve up to there and turns its place back into
 * numbers. */
export const script = `for(const plot of document.querySelectorAll('svg[data-x]')){
const pair=s=>s.split(' ').map(Number),[x0,x1]=pair(plot.dataset.x),[y0,y1]=pair(plot.dataset.y),height=plot.height.baseVal.value;
const number=y=>{const s=1-y/height;return plot.dataset.kind==='log'?y0*(y1/y0)**s:y0+s*(y1-y0)};
const curves=[...plot.querySelectorAll('[data-name]')].map(p=>[p.dataset.name,p.getAttribute('d').slice(1).split('L').map(pair)]);
const output=plot.closest('figure').querySelector('output'),line=document.createElementNS(plot.namespaceURI,'line');
line.setAttribute('class','cursor');line.setAttribute('y2',height);
plot.addEventListener('pointermove',e=>{const box=plot.getBoundingClientRect(),share=Math.min(1,Math.max(0,(e.clientX-box.left)/box.width));
line.setAttribute('x1',100*share+'%');line.setAttribute('x2',100*share+'%');plot.append(line);
output.textContent=['step '+Math.round(x0+share*(x1-x0)).toLocaleString('en-US'),...curves.flatMap(([name,at])=>{
const point=at.findLast(p=>p[0]<=1000*share+2);return point&&at.at(-1)[0]>=1000*share-2?[name+' '+Number(number(point[1]).toPrecision(4))]:[]})].join('  \\u00b7  ')});
plot.addEventListener('pointerleave',()=>{line.remove();output.textContent=''})}`;

/** Of the script, base64. The page allows no other and nothing from elsewhere, so even text that did get out of its
 * place could not run. A test keeps it right. */
export const scriptSha256 = 'Ngke7GT1TR2qJekS36fnL5/mj9ZO3gcla85O3OTRpj4=';

/** A whole document. With `reloadEvery` it reloads itself after so many seconds, without a script. */
export function page(title: string, body: Markup, { reloadEvery = 0 } = {}): string {
  const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptSha256}'`;
  return `<!doctype html>
${
  html`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
${reloadEvery > 0 && html`<meta http-equiv="refresh" content="${reloadEvery}">\n`}<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(style)}</style>
</head>
<body>
${body}<script>${new Markup(script)}</script>
</body>
</html>
`.text
}`;
}
