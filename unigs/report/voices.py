"""Stage collate_voices: whose portraits understand whose voices, as table and picture."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from unigs.evaluate.records import PORTRAIT, SHUFFLED, find
from unigs.report.cells import GONE, plain
from unigs.report.palette import BLUE, INK
from unigs.report.rows import read_table
from unigs.report.style import STYLE, save
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, read_json, write_text

LIPS = ("opening_r", "width_r", "shuffled_r")
"""Columns of lips alone, from `unigs.evaluate.voices`."""
RENDERED = {
    "rendered_opening_r": "voice_opening_r",
    "rendered_opening_r_68": "voice_opening_r_68",
    "rendered_width_r": "voice_width_r",
    "rendered_shuffled_r": "voice_shuffled_r",
    "lmd_256": "voice_lmd_256",
    "lmd_256_shuffled": "voice_lmd_256_shuffled",
}
"""Column -> figure of `unigs.evaluate.foreign_voice`."""
CLOSURE = {
    "closure_bilabial": ("closure_bilabial", PORTRAIT),
    "closure_bilabial_68": ("closure_bilabial_68", PORTRAIT),
    "closure_bilabial_shuffled": ("closure_bilabial", SHUFFLED),
    "closure_pause_frames": ("closure_pause_frames", PORTRAIT),
    "closure_pause_frames_68": ("closure_pause_frames_68", PORTRAIT),
    "closure_pause_frames_shuffled": ("closure_pause_frames", SHUFFLED),
}
"""Column -> figure of `unigs.evaluate.spoken`, and whose lips."""
COLUMNS = ("portrait", "voice", "frames", *LIPS, *RENDERED, *CLOSURE)
"""Columns of the table."""
MEANS = {True: "mean, own voice (test part)", False: "mean, other voices"}
"""Names of the rows of means: of own voices, and of others'."""


def collate_voices(
    out: Path,
    markdown: Path,
    picture: Path,
    lips: tuple[Path, ...] = (),
    pairs: tuple[Path, ...] = (),
    closures: tuple[Path, ...] = (),
) -> None:
    """Write the table of voices.

    Args:
        out: the table (.csv): a row for each portrait and voice, and for each recording with known
            phones.
        markdown: the table for people (.md).
        picture: correlation of the opening for all pairs (.svg).
        lips: what lips alone make of the voices (.csv), one file or none.
        pairs: figures of rendered pairs, .../{portrait}/{variant}/voices/{voice}.json.
        closures: figures of recordings with known phones,
            .../{portrait}/{variant}/closure/{recording}.json.

    Raises:
        UserError: a file is missing, damaged, or lies elsewhere.
    """
    table = pd.concat([*map(read_lips, lips), pd.DataFrame(columns=COLUMNS)])[list(COLUMNS)]
    table = table.set_index(["portrait", "voice"])
    for path in pairs:
        rows = figures_of(path)
        add(table, path, {key: value_of(rows, name) for key, name in RENDERED.items()})
    for path in closures:
        rows = figures_of(path)
        add(table, path, {key: value_of(rows, *named) for key, named in CLOSURE.items()})
    table = table.reset_index()
    text = to_markdown(table)
    matplotlib.use("Agg")
    with plt.rc_context(STYLE):
        figure = matrix_figure(table)
        # Only now: what cannot be shown must not leave a table behind.
        with atomic(out) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
        write_text(markdown, text)
        save(figure, picture)


def read_lips(path: Path) -> pd.DataFrame:
    """The table of lips alone.

    Raises:
        UserError: the file is missing or lacks a column.
    """
    columns = ["portrait", "voice", "frames", *LIPS]
    return read_table(path, *columns, stage="compare_voices")[columns]


def figures_of(path: Path) -> list[dict]:
    """The records of a file of figures.

    Raises:
        UserError: the file holds none, or does not lie where portrait and voice can be read.
    """
    content = read_json(path)
    if "metrics" not in content or len(Path(path).parts) < 4:
        raise UserError(f"{path} holds no figures of a portrait and a voice: make it anew.")
    return content["metrics"]


def value_of(rows: list[dict], metric: str, method: str = PORTRAIT) -> float:
    """A figure of the mouth; NaN where it is empty."""
    row = find(rows, metric, "mouth", method)
    return np.nan if row is None or row["value"] is None else row["value"]


def add(table: pd.DataFrame, path: Path, figures: dict[str, float]) -> None:
    """Put figures into the row of a file's portrait and voice."""
    key = (path.parts[-4], path.stem)
    for column, value in figures.items():
        table.loc[key, column] = value


def to_markdown(table: pd.DataFrame) -> str:
    """The table for people: means, all pairs, rendered pairs, closure, and what to know."""
    text = ["# Voices", ""]
    compared = table[table["opening_r"].notna()]
    own = compared["portrait"] == compared["voice"]
    if len(compared):
        text += ["## Lips alone: r of opening / width, portraits by voices", ""]
        text += [*_matrix(compared), ""]
        for is_own, part in compared.groupby(own, sort=False):
            means = part[list(LIPS)].astype(float).mean()
            words = ", ".join(f"{key} {value:.3f}" for key, value in means.items())
            text += [f"- {MEANS[bool(is_own)]}, {len(part)} pairs: {words}"]
        text += [""]
    for title, keys in (("Rendered pairs", RENDERED), ("Known phones: share met", CLOSURE)):
        part = table[table[list(keys)].notna().any(axis=1)]
        if len(part):
            shown = [*(("opening_r",) if keys is RENDERED else ()), *keys]
            text += [f"## {title}", "", *_grid(part, shown), ""]
    text += ["## Read with it", "", *(f"- {line}" for line in NOTES), ""]
    return "\n".join(text)


NOTES = (
    "r is the correlation with the speaker's own lips, whose sound the portrait hears. Own voices "
    "are judged on the test part, others on all kept frames.",
    "shuffled is the same with the speaker's lips half a clip away: what chance gives. Lips meet "
    "by chance, too: read closure beside its shuffled column.",
    "With a pooled prior a pair's prior knows neither of the two people.",
    "lmd_256: mean distance of 20 lip points in the frame of the face, pixels at 256, each from "
    "its mean, the speaker's motion scaled to the portrait's own liveliness.",
    "_68 is a second judge, a network that had no part in the training.",
)
"""What a reader has to know."""


def shown_rows(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Titles and cells of what was measured on pictures: rendered pairs and closure.

    Args:
        table: content of the CSV file.
    """
    pictured = [*RENDERED, *CLOSURE]
    rows = table[table[pictured].notna().any(axis=1)]
    keys = [key for key in ("opening_r", *pictured) if rows[key].notna().any()]
    cells = [
        [str(row["portrait"]), str(row["voice"]), *(_text(row[key]) for key in keys)]
        for _, row in rows.iterrows()
    ]
    return ["portrait", "voice", *keys], cells


def _all_pairs(table: pd.DataFrame) -> tuple[list[str], pd.DataFrame]:
    """The people of a table, and its rows by portrait and voice; NaN where a pair has none."""
    names = list(dict.fromkeys([*table["portrait"], *table["voice"]]))
    pairs = pd.MultiIndex.from_product([names, names])
    return names, table.set_index(["portrait", "voice"])[list(LIPS)].astype(float).reindex(pairs)


def _matrix(table: pd.DataFrame) -> list[str]:
    names, known = _all_pairs(table)
    lines = ["| portrait \\ voice | " + " | ".join(map(plain, names)) + " |"]
    lines.append("|---|" + "--:|" * len(names))
    for name in names:
        cells = [known.loc[(name, voice)] for voice in names]
        words = [f"{_text(c['opening_r'])} / {_text(c['width_r'])}" for c in cells]
        lines.append(f"| {plain(name)} | " + " | ".join(words) + " |")
    return lines


def _grid(table: pd.DataFrame, keys: list[str]) -> list[str]:
    lines = ["| portrait | voice | " + " | ".join(map(plain, keys)) + " |"]
    lines.append("|---|---|" + "--:|" * len(keys))
    for _, row in table.iterrows():
        head = map(plain, (row["portrait"], row["voice"]))
        lines.append("| " + " | ".join([*head, *(_text(row[key]) for key in keys)]) + " |")
    if len(table) > 1:
        means = table[keys].astype(float).mean()
        lines.append("| mean | | " + " | ".join(map(_text, means)) + " |")
    return lines


def _text(value: float) -> str:
    return GONE if pd.isna(value) else f"{value:.2f}"


def matrix_figure(table: pd.DataFrame) -> Figure:
    """Correlation of the opening for all pairs, a field for each portrait (rows) and voice.

    Args:
        table: content of the CSV file; pairs that it lacks have a dash.
    """
    names, known = _all_pairs(table[table["opening_r"].notna()])
    values = known["opening_r"].to_numpy().reshape(len(names), len(names))
    side = max(3.0, 0.9 * len(names) + 1.6)
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    axes.grid(visible=False)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(title="r of the lip opening", xlabel="voice", ylabel="portrait")
    axes.set(xlim=(-0.5, max(len(names), 1) - 0.5), ylim=(max(len(names), 1) - 0.5, -0.5))
    for (row, column), value in np.ndenumerate(values):
        field = plt.Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=BLUE, lw=0)
        field.set_alpha(float(np.clip(np.nan_to_num(value), 0, 1)) * 0.75)
        axes.add_patch(field)
        axes.text(column, row, _text(value), ha="center", va="center", color=INK, fontsize=11)
    return figure


if __name__ == "__main__":
    cli.run(collate_voices)
