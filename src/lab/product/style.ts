/** How one product looks. */
export const productStyle = `
.product .chain{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.2fr);gap:.6rem 1.5rem;margin:.6rem 0 1rem}
.product .chain .strips{display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.3rem .7rem;align-items:center;cursor:crosshair;touch-action:pan-y}
.product .strips span,.product .step output,.product .detail,.product .measured,.product .equal{font:.78rem/1.4 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-variant-numeric:tabular-nums;color:var(--soft)}
.product .strips .name{color:var(--ink);white-space:nowrap}.product .strips .most{min-width:4.4rem;text-align:right}
.product .strips svg{display:block;width:100%}
.product .strips .zero{color:var(--faint);stroke-width:1}
.product .strips .bar{fill:currentColor;stroke:none;color:var(--blue)}.product .strips .bar.rest{color:var(--faint)}
.product .strips .sum{color:var(--red)}.product .strips .sum.rest{color:var(--faint);stroke-width:1.2}
.product .strips .now{color:var(--soft);stroke-width:1;stroke-dasharray:2 2}
.product .step{display:grid;grid-template-columns:auto minmax(0,1fr) auto;gap:.7rem;align-items:center;margin-top:.5rem}
.product .step button{font-size:.82rem;padding:.15rem .7rem;min-width:4.2rem}
.product .step label span{position:absolute;clip-path:inset(50%)}
.product .step output{position:static;padding:0;background:none;min-width:4.4rem;text-align:right}
.product .detail{min-height:2.6rem;margin:.3rem 0 0;overflow-wrap:anywhere}.product .detail b{color:var(--ink)}
.product .terms{max-height:15.4rem;overflow:auto;margin:0;position:relative;border:1px solid var(--rule);border-radius:4px}
.product .terms{contain:content}.product .terms table{width:100%;font-size:.78rem}.product .chain table{table-layout:fixed}
.product .terms th,.product .terms td{padding:.1rem .4rem .1rem .15rem}.product .terms tr>:first-child{padding-left:.6rem}
.product .terms thead th{position:sticky;top:0;background:var(--panel);border-bottom:1px solid var(--faint);text-align:right;font-weight:500;white-space:nowrap}
.product .terms thead th:first-child{text-align:left}.product .terms caption{font-size:.82rem;padding:.3rem .6rem;font-weight:400;color:var(--soft)}
.product .terms tbody th{white-space:nowrap;min-width:0}
.product .terms .now>*,.product .terms .true>*{background:var(--panel);color:var(--ink);font-weight:600}
.product .equal,.product .measured{margin:.2rem 0;max-width:none;color:var(--ink)}
.product .equal b,.product .measured b{font-weight:600}
.product h3{margin-top:1.3rem}.product .bench>div>h2:first-child{margin-top:0;padding-top:0;border-top:0}
.product .figures{margin:.8rem 0;gap:.8rem 2rem}.product .figures dd{font-size:1.15rem}
.product .figures dt{font-size:.78rem;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
.product .read{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;font-size:.94rem;line-height:1.6;margin:0}
.product .read mark{background:var(--seq1);color:var(--ink)}.product .read i{font-style:normal;color:var(--soft)}.product .read .next{box-shadow:inset 0 -2px var(--red)}
@media (min-width:52rem){.product .bench>.controls{position:sticky;top:1rem}}
@media (max-width:64rem){.product .chain{grid-template-columns:minmax(0,1fr)}.product .terms{max-height:11rem}}
@media (max-width:40rem){.product .chain table{font-size:.74rem}.product .chain tr>:first-child{padding-left:.3rem}}
`;
