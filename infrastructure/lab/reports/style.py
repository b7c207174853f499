"""The look of a report: light or dark as the reader's system is, readable on a phone and on paper."""

PAPER = """
window.addEventListener("beforeprint", () => {
  document.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.relayout(plot, {width: 640}));
});
window.addEventListener("afterprint", () => {
  document.querySelectorAll(".js-plotly-plot").forEach((plot) => Plotly.relayout(plot, {autosize: true, width: null}));
});
"""
"""The script that fits the pictures to a sheet of paper."""

_COLOURS = """
:root { color-scheme: light dark; --ground: #f4f6f8; --panel: #fff; --ink: #17202a; --soft: #4d5965; --line: #d9dfe5;
  --blue: #005f99; --bad: #a83c0a; --good: #00694a; --mark: #eef3f7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0e1317; --panel: #161c22; --ink: #e8edf2; --soft: #a3afba; --line: #2b343d;
    --blue: #5cb5f0; --bad: #ff8b4d; --good: #4fd1a1; --mark: #1f2830; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --panel: #fff; --ink: #000; --soft: #3d4750; --line: #c4ccd4;
    --blue: #005f99; --bad: #a83c0a; --good: #00694a; --mark: #fff; }
}
"""

_LAYOUT = """
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header { padding: .7rem 1.25rem; background: var(--panel); border-bottom: 1px solid var(--line); color: var(--soft); }
header b { color: var(--ink); }
main { max-width: 75rem; margin: 0 auto; padding: 1.25rem 1.25rem 3rem; }
h1 { font-size: 1.55rem; line-height: 1.2; margin: .25rem 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 52rem; overflow-wrap: anywhere; }
.say, figcaption { color: var(--soft); }
a { color: var(--blue); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .8rem; margin: 0 0 1rem; }
.card, section { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem; }
.card { padding: .75rem 1rem; border-left-width: 4px; display: flex; flex-direction: column; min-width: 0; }
.card span, .card small { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
.card strong { font-size: 1.35rem; line-height: 1.3; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.good { border-left-color: var(--good); } .good strong { color: var(--good); }
.bad { border-left-color: var(--bad); } .bad strong { color: var(--bad); }
nav ol { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: .8rem 0; padding: 0; font-size: .9rem; }
section { padding: 1rem 1.1rem; margin: 0 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td:first-child { min-width: 6.5rem; }
.number { text-align: right; white-space: nowrap; padding-left: .7rem; }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .7rem; }
summary { cursor: pointer; color: var(--blue); }
figure { margin: 1rem 0; min-width: 0; }
@media (min-width: 60rem) { .half { display: inline-block; width: 49%; vertical-align: top; } }
figcaption { font-size: .88rem; overflow-wrap: anywhere; }
@media (max-width: 480px) {
  main { padding: .8rem .6rem 2rem; }
  section { padding: .8rem .7rem; }
  .cards { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .card { padding: .5rem .65rem; }
  .card strong { font-size: 1.1rem; }
  .number { white-space: normal; min-width: 5.8rem; }
}
"""

_PICTURES = """
.js-plotly-plot :is([class$="tick"] text, text[class$="title"], .legendtext, .cbaxis text, .annotation-text) {
  fill: var(--ink) !important; }
.js-plotly-plot :is(.gridlayer path, .zl) { stroke: var(--line) !important; }
"""

_PAPER_LAYOUT = """
@page { margin: 14mm; }
@media print {
  body { font-size: 10pt; }
  header, nav { display: none; }
  main { max-width: none; padding: 0; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .7rem 0; }
  .cards { grid-template-columns: repeat(4, 1fr); gap: .4rem; }
  .card { padding: .3rem .6rem; }
  .card strong { font-size: 1rem; }
  .card, tr, figure { break-inside: avoid; }
  h2, h3, .say, summary { break-after: avoid; }
  .wide { overflow: visible; }
  table { font-size: 8.5pt; }
  .number { white-space: normal; }
  details { border: 0; padding: 0; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
}
"""

STYLE = _COLOURS + _LAYOUT + _PICTURES + _PAPER_LAYOUT
