/** The page's only style; its hash is in the page's policy. */
export const stylesheet = `
:root { --ink: #1c2024; --soft: #667078; --paper: #fff; --line: #d8dde2; --ok: #1a7f4b; --careful: #9a6700; --danger: #c4262e; --calm: #5b7fa6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ad; --paper: #15181b; --line: #343b42; --ok: #4cc38a; --careful: #e2a33d; --danger: #ff6369; --calm: #7fa6d1; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; overflow-wrap: anywhere; }
.ok { color: var(--ok); } .careful { color: var(--careful); } .danger { color: var(--danger); }
.note { color: var(--soft); border-left: 3px solid var(--line); padding-left: .7rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.verdicts td:last-child { overflow-wrap: anywhere; }
pre { margin: 0; max-width: 34rem; max-height: 16rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
.changes { list-style: none; padding: 0; } .changes li { overflow-wrap: anywhere; } .changes b { display: inline-block; width: 5rem; }
.added b { color: var(--ok); } .removed b { color: var(--danger); } .changed b { color: var(--careful); }
svg { width: 100%; height: auto; display: block; margin: .6rem 0 1rem; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg text.soft { fill: var(--soft); }
svg .statement { fill: var(--calm); } svg .everybody { fill: var(--danger); } svg .writers { fill: var(--careful); } svg .nobody { fill: var(--line); }
svg .axis { stroke: var(--line); }
`
