/** How one product looks. */
export const productStyle = `
.lab .chain{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.2fr);gap:.6rem 1.5rem;margin:.6rem 0 1rem}
.lab .chain .strips{display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.3rem .7rem;align-items:center;cursor:crosshair;touch-action:pan-y}
.lab .strips span,.lab .step output,.lab .detail,.lab .measured,.lab .equal{font:.78rem/1.4 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-variant-numeric:tabular-nums;color:var(--soft)}
.lab .strips .name{color:var(--ink);white-space:nowrap}.lab .strips .most{min-width:4.4rem;text-align:right}
.lab .strips svg{display:block;width:100%}
.lab .strips .zero{color:var(--faint);stroke-width:1}
.lab .strips .bar{fill:currentColor;stroke:none;color:var(--blue)}.lab .strips .bar.rest{color:var(--faint)}
.lab .strips .sum{color:var(--red)}.lab .strips .sum.rest{color:var(--faint);stroke-width:1.2}
.lab .strips .now{color:var(--soft);stroke-width:1;stroke-dasharray:2 2}
.lab .step{display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.7rem;align-items:center;margin-top:.5rem}
.lab .step button{font-size:.82rem;padding:.15rem .7rem;min-width:4.2rem}
.lab .step label span{position:absolute;clip-path:inset(50%)}
.lab .step output{position:static;padding:0;background:none;min-width:4.4rem;text-align:right}
.lab .detail{min-height:2.6rem;margin:.3rem 0 0;overflow-wrap:anywhere}.lab .detail b{color:var(--ink)}
.lab .terms{max-height:15.4rem;overflow:auto;margin:0;position:relative;border:1px solid var(--rule);border-radius:4px}
.lab .terms table{width:100%}
.lab .terms table{font-size:.78rem}
.lab .terms th,.lab .terms td{padding:.1rem .4rem .1rem .15rem}.lab .terms tr>:first-child{padding-left:.6rem}
.lab .terms thead th{position:sticky;top:0;background:var(--panel);border-bottom:1px solid var(--faint);text-align:right;font-weight:500;white-space:nowrap}
.lab .terms thead th:first-child{text-align:left}.lab .terms caption{font-size:.82rem;padding:.3rem .6rem;font-weight:400;color:var(--soft)}
.lab .terms tbody th{white-space:nowrap;min-width:0}
.lab .terms .now>*,.lab .terms .true>*{background:var(--panel);color:var(--ink);font-weight:600}
.lab .terms.tall{max-height:26rem}
.lab .equal,.lab .measured{margin:.2rem 0;max-width:none;color:var(--ink)}
.lab .equal b,.lab .measured b{font-weight:600}
.lab .product h3{margin-top:1.3rem}.lab .product .bench>div>h2:first-child{margin-top:0;padding-top:0;border-top:0}
.lab .product .figures{margin:.8rem 0;gap:.8rem 2rem}.lab .product .figures dd{font-size:1.15rem}
.lab .product .figures dt{font-size:.78rem;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
.lab .read{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;font-size:.94rem;line-height:1.6;margin:0}
.lab .read mark{background:var(--seq1);color:var(--ink)}.lab .read i{font-style:normal;color:var(--soft)}.lab .read .next{box-shadow:inset 0 -2px var(--red)}
@media (min-width:52rem){.lab .product .bench>.controls{position:sticky;top:1rem}}
@media (max-width:64rem){.lab .chain{grid-template-columns:minmax(0,1fr)}.lab .terms{max-height:11rem}}
@media (max-width:40rem){.lab .chain table{font-size:.74rem}.lab .chain tr>:first-child{padding-left:.3rem}}
`;
