"""Pieces of the results page: figures as tiles, tables, and the frame around all."""

from html import escape

import pandas as pd

from unigs.report.runs import Run
from unigs.report.style import CSS
from unigs.report.tables import BY_KEY, COLUMNS, cell, duration

# Figures that a card shows, and whether more is better (for the comparison with the static model).
TILES = ("psnr", "ssim", "psnr_hair", "psnr_torso", "psnr_band", "lmd", "opening", "gain", "blink")
TILE_WORDS = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "psnr_hair": "hair, dB",
    "psnr_torso": "torso, dB",
    "psnr_band": "hair/torso band, dB",
    "lmd": "LMD, px at 480",
    "opening": "mouth opening, r",
    "gain": "gain of the right voice, px",
    "blink": "eye opening, r",
    "fps": "frames per second",
}
LOWER_IS_BETTER = ("lmd",)
# What the paper used, by the part's name in the portrait's own list of back-ends.
PAPER_TOOLS = {
    "speech": "MFCC, DeepSpeech",
    "eyes": "OpenFace",
    "pose": "3D morphable model",
    "landmarks": "face landmark detector",
    "regions": "not named",
    "rasterizer": "3DGS rasteriser (CUDA)",
    "rasteriser": "3DGS rasteriser (CUDA)",
    "lpips": "LPIPS",
    "sync_c": "SyncNet",
}


def page(title: str, head: str, body: str, foot: str) -> str:
    """A whole HTML document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1>{head}</header>\n<main>\n{body}\n</main>\n"
        f"<footer>{foot}</footer>\n</body>\n</html>\n"
    )


def card_head(run: Run) -> str:
    """Name of the variant, and on what the figures rest."""
    facts = [
        f"{run.metrics['test_frames']} test frames",
        f"{run.metrics['training_frames']} training frames",
        f"{run.metrics['size']}×{run.metrics['size']}",
    ]
    seconds = run.metrics.get("training", {}).get("seconds")
    if seconds is not None:
        facts.append(f"trained in {duration(seconds)}")
    facts.append(run.metrics["device"])
    return (
        f'<div class="head"><h3>{escape(run.subject)}</h3><span class="tag">{escape(run.variant)}'
        f'</span><span class="dim">{escape(" · ".join(facts))}</span></div>'
    )


def stats(run: Run) -> str:
    """Tiles of the main figures, each with its distance to the static model."""
    tiles = []
    for key in (*TILES, "fps"):
        column = BY_KEY[key]
        value = run.value(column.metric, column.region)
        words = escape(TILE_WORDS[key])
        if value is None:
            reason = escape(run.reason(column.metric, column.region) or "")
            empty = f'<b class="none">–</b><span>{words}</span>'
            tiles.append(f'<div class="stat" title="{reason}">{empty}</div>')
            continue
        shown = f"{value * column.factor:.{column.digits}f}"
        tiles.append(
            f'<div class="stat"><b>{shown}</b><span>{words}</span>{_against_static(run, key)}</div>'
        )
    return f'<div class="stats">{"".join(tiles)}</div>'


def _against_static(run: Run, key: str) -> str:
    column = BY_KEY[key]
    own = run.value(column.metric, column.region)
    static = run.value(column.metric, column.region, "static")
    if own is None or static is None:
        return ""
    change = (own - static) * column.factor
    better = change < 0 if key in LOWER_IS_BETTER else change > 0
    kind = "up" if better and round(change, column.digits) else ""
    return f'<span class="{kind}">{change:+.{column.digits}f} to static</span>'


def reasons_list(run: Run) -> str:
    """Why figures are empty, and what measured the others."""
    lines = [f"Landmarks: {run.metrics['landmark_backend']}"]
    if run.speed:
        lines.append(
            f"Frames per second: batch 1, {run.speed['size']}×{run.speed['size']}, "
            f"{run.speed['gaussians']} Gaussians, {run.speed['device']}, "
            f"{run.speed['threads']} threads"
        )
    for column in COLUMNS:
        reason = run.reason(column.metric, column.region)
        if reason and run.value(column.metric, column.region) is None:
            lines.append(f"{column.title.split()[0]} is empty: {reason}")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<details><summary>How this was measured</summary><ul>{items}</ul></details>"


def table_card(name: str, frame: pd.DataFrame, links: str) -> str:
    """A table of `unigs.report.tables` as HTML; columns without any figure are left out."""
    keys = [
        column.key for column in COLUMNS if column.key in frame and frame[column.key].notna().any()
    ]
    if "training" in frame and frame["training"].notna().any():
        keys.append("training")
    titles = [BY_KEY[key].title if key in BY_KEY else "training ↓" for key in keys]
    head = "".join(f'<th class="words">{t}</th>' for t in ("dataset", "subject", "method"))
    head += "".join(f"<th>{escape(title)}</th>" for title in titles)
    rows = []
    for _, row in frame.iterrows():
        method = f"{row['method']} (paper)" if row["source"] == "paper" else row["method"]
        words = [row["dataset"], "" if pd.isna(row["subject"]) else row["subject"], method]
        cells = "".join(f'<td class="words">{escape(str(w))}</td>' for w in words)
        cells += "".join(f"<td>{escape(cell(row, key))}</td>" for key in keys)
        rows.append(f'<tr class="{escape(row["source"])}">{cells}</tr>')
    return (
        f'<div class="card"><div class="head"><h3>{escape(name)}</h3><span class="dim">{links}'
        f'</span></div><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table></div></div>"
    )


def stand_in_table(runs: list[Run]) -> str:
    """Part, what did it here, what did it in the paper."""
    used: dict[str, set[str]] = {}
    for run in runs:
        named = run.metrics.get("backends", {}) | {"landmarks": run.metrics["landmark_backend"]}
        for part, backend in named.items():
            used.setdefault(part, set()).add(backend)
        for metric, region in (("lpips", "full"), ("sync_c", "mouth")):
            reason = run.reason(metric, region)
            text = "measured" if reason is None else f"empty: {reason}"
            used.setdefault(metric, set()).add(text)
    rows = "".join(
        f'<tr><td class="words">{escape(part)}</td>'
        f'<td class="wrap">{escape("; ".join(sorted(backends)))}</td>'
        f'<td class="wrap">{escape(PAPER_TOOLS.get(part, "–"))}</td></tr>'
        for part, backends in used.items()
    )
    head = "".join(f'<th class="words">{t}</th>' for t in ("part", "here", "in the paper"))
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )
