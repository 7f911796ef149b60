/** The style sheet of the page of an image. Its colours have a contrast of at least 4.5 to 1 with their background. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --front: #1c2128; --soft: #57606a; --line: #d8dee4; --panel: #f6f8fa;
  --link: #0a58ca; --own-a: #4c6fae; --own-b: #8aa4d0; --shared: #2a9d8f; --gone: #b42318; --new: #116329;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14181d; --front: #e2e7ec; --soft: #9aa5b1; --line: #2d343c; --panel: #1b2026;
    --link: #7fb0ff; --own-a: #5b82c9; --own-b: #39588f; --shared: #2fb3a2; --gone: #ff8a80; --new: #6fd08c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 80rem; background: var(--back); color: var(--front);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { margin: 0 0 .25rem; font-size: 1.5rem; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 2.75rem 0 .75rem; font-size: 1.05rem; font-weight: 600; }
h3 { margin: 0 0 .5rem; font-size: .95rem; font-weight: 600; }
p { margin: .25rem 0; }
code, .digest { font: .86em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
nav { margin: 1rem 0 0; }
nav a { margin-right: 1rem; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 1.25rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
.platforms code { white-space: nowrap; }
.changes td { border-bottom: 0; padding-bottom: .1rem; min-width: 5rem; }
.changes td:last-child { min-width: 20rem; }
.changes tr.first td { border-top: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { padding: .4rem 1rem .4rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
thead th { color: var(--soft); font-size: .86em; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.nowrap, th[scope=row] { white-space: nowrap; }
.badge { display: inline-block; padding: 0 .45em; border: 1px solid var(--line); border-radius: 1em; font-size: .84em; white-space: nowrap; }
.badge.shared { border-color: var(--shared); }
.gone { color: var(--gone); }
.new { color: var(--new); }
.bar { display: grid; grid-template-columns: 9rem 1fr 4.5rem; gap: .15rem 1rem; align-items: center; margin-bottom: .5rem; font-variant-numeric: tabular-nums; }
.bar svg { display: block; width: 100%; height: 1.4rem; background: var(--panel); border-radius: 3px; }
.bar :last-child { text-align: right; }
.bar rect { stroke: var(--back); stroke-width: 1; vector-effect: non-scaling-stroke; }
.own-a { fill: var(--own-a); } .own-b { fill: var(--own-b); } .shared-layer { fill: var(--shared); }
.hatch { stroke: var(--back); stroke-width: 1.5; opacity: .45; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .75rem; color: var(--soft); font-size: .9em; }
.legend svg { width: .9em; height: .9em; margin-right: .4em; vertical-align: -.08em; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.card { padding: .9rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
.card ol { margin: 0; padding: 0; list-style: none; font-variant-numeric: tabular-nums; }
.card li { display: grid; grid-template-columns: 4.5rem 1fr; gap: .5rem; padding: .15rem 0; }
.card li > :first-child { text-align: right; white-space: nowrap; }
details { border-left: 1px solid var(--line); margin-left: .35rem; padding-left: .9rem; }
details.root { border: 0; margin: 0; padding: 0; }
summary { cursor: pointer; padding: .12rem 0; overflow-wrap: anywhere; }
.leaf > * + *, summary > * + * { margin-left: .6em; }
.leaf { padding: .12rem 0 .12rem 1rem; margin-left: .35rem; overflow-wrap: anywhere; border-left: 1px solid var(--line); }
footer { margin-top: 3rem; color: var(--soft); font-size: .86em; }
@media (max-width: 40rem) {
  body { padding: 1.25rem .9rem 3rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
  .bar { grid-template-columns: 1fr max-content; }
  .bar svg { grid-column: 1 / -1; order: 3; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  .card, tr, .bar { break-inside: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; }
}
`;
