"""The look of the results page: one style sheet, light and dark, no external request."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --ink: #1c2026; --soft: #5d6672; --line: #dfe3e9;
  --accent: #2f6fce; --accent-soft: #e8f0fc; --good: #23794b; --warn: #8a5a00; --warn-soft: #fdf3dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111317; --card: #1a1d23; --ink: #e7eaef; --soft: #9aa3b0; --line: #2c313a;
    --accent: #7fb0f5; --accent-soft: #1d2a3e; --good: #6cc795; --warn: #eac26b;
    --warn-soft: #2e2614;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 48px; padding-bottom: 8px; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.02em; }
h2 { font-size: 1.35rem; margin: 48px 0 14px; letter-spacing: -0.01em; }
h3 { font-size: 1.1rem; margin: 0; }
h4 { font-size: .8rem; margin: 22px 0 8px; color: var(--soft); text-transform: uppercase;
  letter-spacing: .06em; font-weight: 600; }
p { margin: 0 0 12px; max-width: 72ch; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.lead { color: var(--soft); font-size: 1.08rem; }
nav { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 14px 0 4px; }
.notice { background: var(--warn-soft); color: var(--warn); border-radius: 10px;
  padding: 11px 16px; margin: 18px 0 0; max-width: none; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 20px 22px; margin: 0 0 20px; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 8px 12px; margin-bottom: 14px; }
.tag { background: var(--accent-soft); color: var(--accent); border-radius: 99px;
  padding: 1px 11px; font-size: .84rem; }
.dim { color: var(--soft); font-size: .88rem; }
video { width: 100%; border-radius: 10px; background: #000; display: block; }
.below { display: flex; justify-content: space-around; color: var(--soft); font-size: .86rem;
  margin: 4px 0 0; max-width: none; }
.stats { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 10px;
  margin: 16px 0 4px; }
.stat { border: 1px solid var(--line); border-radius: 10px; padding: 8px 12px; }
.stat b { display: block; font-size: 1.3rem; font-weight: 650; line-height: 1.3;
  font-variant-numeric: tabular-nums; }
.stat span { color: var(--soft); font-size: .82rem; display: block; }
.stat .up { color: var(--good); }
.stat .none { color: var(--soft); font-weight: 400; }
figure { margin: 0 0 10px; }
figure img { width: 100%; display: block; }
.sheet { border-radius: 8px; }
.plots { display: grid; gap: 10px 26px; align-items: center;
  grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); }
.pair { display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); }
details { border-top: 1px solid var(--line); margin-top: 16px; padding-top: 12px; }
summary { cursor: pointer; color: var(--accent); }
details[open] summary { margin-bottom: 12px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; width: 100%;
  font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
.words { text-align: left; }
.wrap { text-align: left; white-space: normal; }
tr.paper td { color: var(--soft); font-style: italic; }
tr.baseline td { color: var(--soft); }
tr.here td { font-weight: 600; }
ul { padding-left: 20px; color: var(--soft); font-size: .88rem; }
footer { color: var(--soft); font-size: .86rem; padding-top: 34px; padding-bottom: 44px; }
"""
