"""Stage gallery: one page to look at everything, `results/index.html`.

Plain HTML with relative links: it opens from disk, from a web server, or copied elsewhere with its
folder. It asks nothing of the network and runs no script.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import quote

import pandas as pd

import unigs
from unigs.report.page_parts import (
    card_head,
    page,
    reasons_list,
    stand_in_table,
    stats,
    table_card,
)
from unigs.report.runs import Run, read_runs
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_text

INTRO = (
    "Portraits that talk: head, hair and torso in one Gaussian field, driven by speech, eyes and "
    "head pose. Figures and pairs are of test frames, which training never saw."
)
NOTICE = (
    "The videos on this page are synthetic. In each pair the left half is the recording (of a "
    "person, or of the demo's made-up speaker) and the right half is rendered; nothing of the "
    "left half is pasted into the right one."
)


@dataclass
class Entry:
    """What the page shows of one subject and variant."""

    run: Run
    files: dict[str, list[Path]] = field(default_factory=dict)


@dataclass
class Subject:
    """What the page shows of one person."""

    name: str
    runs: dict[str, Entry] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)


def gallery(
    metrics: tuple[Path, ...],
    out: Path,
    speed: tuple[Path, ...] = (),
    previews: tuple[Path, ...] = (),
    sheets: tuple[Path, ...] = (),
    figures: tuple[Path, ...] = (),
    drives: tuple[Path, ...] = (),
    preparation: tuple[Path, ...] = (),
    tables: tuple[Path, ...] = (),
    title: str = "UniGS results",
) -> None:
    """Write the page.

    All files lie below the page's folder, those of a run as {subject}/{variant}/...

    Args:
        metrics: metrics.json of the runs, in the order of the page.
        out: the page (.html).
        speed: speed.json of the same runs.
        previews: test/video.mp4 of the same runs.
        sheets: test/sheet.png of the same runs.
        figures: plots of the same runs (.svg).
        drives: videos of portraits that speak other audio (.mp4).
        preparation: pictures of the subjects' preparation (.png).
        tables: tables (.csv), each with a .md of the same name beside it.
        title: the page's heading.
    """
    root = out.resolve().parent
    runs = read_runs(metrics, speed)
    subjects = {run.subject: Subject(run.subject) for run in runs}
    for run in runs:
        subjects[run.subject].runs[run.variant] = Entry(run)
    kinds = {"preview": previews, "sheet": sheets, "figure": figures, "drive": drives}
    for kind, paths in {**kinds, "preparation": preparation}.items():
        for path in paths:
            file_under(below(path, root), kind, subjects)
    sections = [subject_section(subject) for subject in subjects.values()]
    links = [(name, f"s-{name}") for name in subjects]
    if tables:
        sections.append(tables_section(tables, root))
        links.append(("Tables", "tables"))
    sections.append(stand_in_section(runs))
    links.append(("What stands in for what", "stand-ins"))
    head = f'<p class="lead">{escape(INTRO)}</p>{navigation(links)}'
    head += f'<p class="notice">{escape(NOTICE)}</p>'
    foot = (
        f"<p>Made by UniGS {escape(unigs.__version__)}. Use portraits of people only with their "
        "consent, and say that they are synthetic.</p>"
    )
    write_text(out, page(title, head, "\n".join(sections), foot))


def file_under(path: Path, kind: str, subjects: dict[str, Subject]) -> None:
    """Put a file (relative to the page) where its subject and variant are shown.

    Preparation, and talking videos of variants without figures, belong to the subject.

    Raises:
        UserError: the subject or the run is not on the page.
    """
    name, variant = path.parts[0], path.parts[1]
    subject = subjects.get(name)
    if subject is not None and variant in subject.runs:
        subject.runs[variant].files.setdefault(kind, []).append(path)
    elif subject is not None and kind in ("preparation", "drive"):
        subject.files.setdefault(kind, []).append(path)
    else:
        raise UserError(f"{path} belongs to no run of the page: give its metrics.json, too.")


def below(path: Path, root: Path) -> Path:
    """A file's path relative to the page's folder.

    Raises:
        UserError: it lies elsewhere or does not exist, so that a link to it would be dead.
    """
    full = Path(path).resolve()
    if not full.is_file():
        raise UserError(f"{path} does not exist: run the stage that makes it first.")
    if not full.is_relative_to(root) or len(full.relative_to(root).parts) < 2:
        raise UserError(f"{path} is not in a folder below {root}: the page could not link to it.")
    return full.relative_to(root)


def link(path: Path) -> str:
    """A relative path as a URL, quoted for an attribute."""
    return escape(quote(path.as_posix()))


def navigation(links: Iterable[tuple[str, str]]) -> str:
    """Links to the parts of the page."""
    items = "".join(f'<a href="#{escape(quote(to))}">{escape(words)}</a>' for words, to in links)
    return f"<nav>{items}</nav>"


def subject_section(subject: Subject) -> str:
    """Everything of one subject."""
    parts = [f'<section id="s-{escape(quote(subject.name))}"><h2>{escape(subject.name)}</h2>']
    parts += [run_card(entry) for entry in subject.runs.values()]
    if talking := subject.files.get("drive"):
        parts.append(f'<div class="card">{talking_videos(talking)}</div>')
    if pictures := subject.files.get("preparation"):
        body = "".join(picture(path, "preparation", "sheet") for path in pictures)
        parts.append(
            '<div class="card"><h3>Preparation</h3><details><summary>Landmarks, head axes, '
            f"regions, kept frames</summary>{body}</details></div>"
        )
    return "\n".join([*parts, "</section>"])


def talking_videos(paths: list[Path]) -> str:
    """Videos of portraits that speak other audio, with variant and name of the sound."""
    body = "".join(
        f'<figure>{video(path)}<figcaption class="dim">{escape(path.stem)} · '
        f"{escape(path.parts[1])} · synthetic</figcaption></figure>"
        for path in paths
    )
    return f'<h4>Speaking other audio</h4><div class="pair">{body}</div>'


def run_card(entry: Entry) -> str:
    """Videos, figures and plots of one run."""
    run = entry.run
    parts = ['<article class="card">', card_head(run)]
    for path in entry.files.get("preview", []):
        parts.append(video(path))
        parts.append('<p class="below"><span>recording</span><span>render (synthetic)</span></p>')
    parts.append(stats(run))
    plots = entry.files.get("figure", [])
    if plots:
        body = "".join(picture(path, path.stem) for path in plots)
        parts.append(
            f'<details open><summary>Curves</summary><div class="plots">{body}</div></details>'
        )
    for path in entry.files.get("sheet", []):
        body = picture(path, "truth, render and error of test frames", "sheet")
        words = "Test frames: truth, render, error; the worst ones last"
        parts.append(f"<details><summary>{words}</summary>{body}</details>")
    if talking := entry.files.get("drive"):
        parts.append(talking_videos(talking))
    parts.append(reasons_list(run))
    return "\n".join([*parts, "</article>"])


def video(path: Path) -> str:
    """A player; nothing but the header is read before somebody presses play."""
    return f'<video controls preload="metadata" playsinline src="{link(path)}"></video>'


def picture(path: Path, words: str, kind: str = "") -> str:
    """A picture that opens in full size when clicked."""
    where = link(path)
    return (
        f'<figure><a href="{where}"><img loading="lazy" class="{kind}" src="{where}" '
        f'alt="{escape(words)}"></a></figure>'
    )


def tables_section(tables: tuple[Path, ...], root: Path) -> str:
    """The tables, with links to their files."""
    parts = ['<section id="tables"><h2>Tables</h2>']
    for path in tables:
        frame = pd.read_csv(path)
        files = [path, path.with_suffix(".md")]
        links = " · ".join(
            f'<a href="{link(below(file, root))}">{escape(os.path.basename(file))}</a>'
            for file in files
            if file.is_file()
        )
        parts.append(table_card(path.stem, frame, links))
    return "\n".join([*parts, "</section>"])


def stand_in_section(runs: list[Run]) -> str:
    """Which back-ends were used, beside what the paper used."""
    return (
        '<section id="stand-ins"><h2>What stands in for what</h2><div class="card">'
        "<p>The paper uses models that need a licence or a download. Where they are missing, "
        "embedded ones do the work, and the figures above are theirs.</p>"
        f"{stand_in_table(runs)}</div></section>"
    )


if __name__ == "__main__":
    cli.run(gallery)
