/** How the tree looks. */
export const treeStyle = `
.tree-view .trees{overflow:auto;max-height:36rem;margin:.3rem 0 .8rem;padding:.3rem}
.tree-view .tree{display:block;font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-variant-numeric:tabular-nums}
.tree-view .tree text{fill:var(--ink)}.tree-view .tree .depth{fill:var(--soft)}
.tree-view .tree .token{font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;font-size:13px;white-space:pre}
.tree-view .tree rect{fill:var(--paper);stroke:var(--faint)}
.tree-view .tree .root rect{stroke:none;fill:var(--panel)}.tree-view .tree .root text{white-space:pre}
.tree-view .node{cursor:pointer;outline-offset:1px}
.tree-view .tree .best rect{stroke:var(--blue);stroke-width:2}.tree-view .tree .best text{font-weight:600}
.tree-view .tree .found rect{stroke:var(--blue)}.tree-view .tree .kept rect{stroke:var(--soft)}
.tree-view .tree .dropped text{fill:var(--soft)}
.tree-view .tree .node.drawn rect{stroke:var(--red);stroke-dasharray:3 3}
.tree-view .tree .node:hover rect,.tree-view .tree [aria-selected=true] rect{stroke:var(--ink);stroke-width:2;stroke-dasharray:none}
.tree-view .trees path,.tree-view .legend path{vector-effect:none}
.tree-view path.best{color:var(--blue);stroke-width:3}.tree-view path.found{color:var(--blue);stroke-width:1.3}
.tree-view path.kept{color:var(--soft);stroke-width:1.2}.tree-view path.dropped{color:var(--faint);stroke-width:1}
.tree-view path.draw{color:var(--red);stroke-width:1.6;stroke-dasharray:5 3}.tree-view path.cut{color:var(--soft);stroke-width:1;stroke-dasharray:1 3}
.tree-view .told{min-height:4.2rem;border-left:3px solid var(--faint);padding:.1rem 0 .1rem .9rem;margin:.4rem 0 1.2rem}
.tree-view .told p{margin:.1rem 0;font:.88rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;font-variant-numeric:tabular-nums;max-width:none}
.tree-view .told .so-far{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;font-family:inherit}
.tree-view .told .so-far span{color:var(--soft)}.tree-view .told mark{background:var(--seq1);color:var(--ink)}
.tree-view .texts th{white-space:pre-wrap;font-size:.9rem}.tree-view .texts tbody th{color:var(--ink)}
`;
