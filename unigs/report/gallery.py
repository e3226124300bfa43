"""Stage gallery: one page to look at everything, `results/index.html`.

Plain HTML with relative links: it opens from disk, from a web server, or copied elsewhere with its
folder. It asks nothing of the network; its one script keeps
the videos of a player in step.
"""

import glob
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

import unigs
from unigs.evaluate.runs import Run, earlier_runs, is_newer, read_runs, speed_beside
from unigs.report.card import consent_line, read_card
from unigs.report.page import Table, VoicesCard, render, stand_ins, table
from unigs.report.player import Player, player_of
from unigs.report.poster import poster
from unigs.report.rows import read_frames, read_table
from unigs.report.voices import COLUMNS, shown_rows
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_text

log = logging.getLogger("unigs")


@dataclass
class Entry:
    """What the page shows of one subject and variant."""

    run: Run
    files: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    """Kind -> files, relative to the page."""
    about: str = ""
    """What its model card says of consent and origin."""
    earlier: bool = False
    """Whether an earlier plan made it, and the present one does not."""


@dataclass
class Subject:
    """What the page shows of one person."""

    name: str
    runs: dict[str, Entry] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    """Kind -> files that belong to no run of the page, relative to it."""
    player: Player | None = None
    """The test videos of all methods in step."""


def gallery(
    metrics: tuple[Path, ...],
    out: Path,
    drives: tuple[Path, ...] = (),
    preparation: tuple[Path, ...] = (),
    tables: tuple[Path, ...] = (),
    sweeps: tuple[Path, ...] = (),
    voices: Path | None = None,
    earlier: tuple[Path, ...] = (),
    earlier_drives: tuple[Path, ...] = (),
    title: str = "UniGS results",
) -> None:
    """Write the page.

    All files lie below the page's folder, those of a run as {subject}/{variant}/... Speed, preview,
    sheet, card and plots of a run are found beside its metrics.json: a command that named them all
    would be longer than a system takes (128 KiB) from some 350 runs on.

    Args:
        metrics: metrics.json of the runs, in the order of the page.
        out: the page (.html).
        drives: videos of portraits that speak other audio (.mp4).
        preparation: pictures of the subjects' preparation (.png).
        tables: tables (.csv), each with a .md of the same name beside it.
        sweeps: curves (.svg) of those tables whose variants differ in one setting, of the tables'
            names.
        voices: table of voices (.csv), with a .md and a picture (.svg) of the same name beside it.
        earlier: metrics.json of runs that were made before and stay on the page, with what lies
            beside them; those that cannot be shown are left out.
        earlier_drives: talking videos that were made before and stay on the page.
        title: the page's heading.

    Raises:
        UserError: a file is missing, lies elsewhere, or belongs to no run of the page.
    """
    root = out.resolve().parent
    runs = read_runs(metrics, tuple(file for path in metrics for file in speed_beside(path)))
    subjects = {run.subject: Subject(run.subject) for run in runs}
    for run in runs:
        add_run(Entry(run), root, subjects)
    for kind, paths in {"drive": drives, "preparation": preparation}.items():
        for path in paths:
            file_under(below(path, root), kind, subjects)
    add_earlier(earlier_runs(earlier), earlier_drives, root, subjects)
    for subject in subjects.values():
        subject.player = player_of(played(subject, root))
        pictures = (root / subject.name / name for name in ("moments.png", "errors.png"))
        subject.files["moments"] = [p.relative_to(root) for p in pictures if p.is_file()]
    page = render(
        "page.html",
        title=title,
        subjects=list(subjects.values()),
        posters=posters(list(subjects.values()), root),
        tables=[table_of(path, root, sweeps) for path in tables],
        voices=None if voices is None else voices_of(voices, root),
        stand_ins=stand_ins([e.run for s in subjects.values() for e in s.runs.values()]),
        pasted=any(e.run.pasted for s in subjects.values() for e in s.runs.values()),
        version=unigs.__version__,
    )
    write_text(out, page)


def file_under(path: Path, kind: str, subjects: dict[str, Subject]) -> None:
    """Put a file (relative to the page) where its subject and variant are shown.

    Preparation, and talking videos of variants without figures, belong to the subject.

    Args:
        path: the file, relative to the page.
        kind: drive, preparation, or a kind of `add_run`.
        subjects: the subjects of the page by name.

    Raises:
        UserError: the subject or the run is not on the page.
    """
    name, variant = path.parts[0], path.parts[1]
    subject = subjects.get(name)
    if subject is not None and variant in subject.runs:
        subject.runs[variant].files[kind].append(path)
    elif subject is not None and kind in ("preparation", "drive"):
        subject.files[kind].append(path)
    else:
        raise UserError(f"{path} belongs to no run of the page: give its metrics.json, too.")


def add_run(entry: Entry, root: Path, subjects: dict[str, Subject]) -> None:
    """Put a run on the page, with its previews, sheets, figures and model card.

    Args:
        entry: the run.
        root: the page's folder.
        subjects: the subjects of the page by name.
    """
    run = entry.run
    subjects[run.subject].runs[run.variant] = entry
    folder = root / run.subject / run.variant
    found = {"preview": [folder / "test/video.mp4"], "sheet": [folder / "test/sheet.png"]}
    found["figure"] = sorted(folder.glob("figures/*.svg"))
    found["card"] = [folder / "dynamic/card.md"]
    found["player"] = [folder / "player.html"]
    for kind, paths in found.items():
        entry.files[kind] += [path.relative_to(root) for path in filter(Path.is_file, paths)]
    if entry.files["card"]:
        entry.about = consent_line(read_card(root / entry.files["card"][0]))


def add_earlier(
    runs: list[Run], drives: tuple[Path, ...], root: Path, subjects: dict[str, Subject]
) -> None:
    """Put runs of earlier plans, and what lies beside them, behind those of the present one.

    Args:
        runs: the runs.
        drives: talking videos; those that are older than their portrait are left out.
        root: the page's folder.
        subjects: the subjects of the page by name; new ones are added.
    """
    for run in runs:
        if run.subject not in subjects:
            subjects[run.subject] = Subject(run.subject)
            for path in sorted(root.glob(f"{glob.escape(run.subject)}/figures/*.png")):
                file_under(path.relative_to(root), "preparation", subjects)
        add_run(Entry(run, earlier=True), root, subjects)
    for path in drives:
        portrait = path.parents[1] / "dynamic/portrait.safetensors"
        if below(path, root).parts[0] in subjects and is_newer(path, portrait):
            file_under(below(path, root), "drive", subjects)


def played(subject: Subject, root: Path) -> list[tuple[Run, Path, pd.DataFrame]]:
    """Runs of a subject that the player can show: with test video and figures per frame.

    Args:
        subject: the subject.
        root: the page's folder.

    Returns:
        run, video relative to the page, figures per frame.

    Raises:
        UserError: the figures per frame of a run of the present plan are damaged.
    """
    found = []
    for entry in subject.runs.values():
        rows = root / entry.run.subject / entry.run.variant / "test/frames.csv"
        if not (entry.files["preview"] and rows.is_file()):
            continue
        try:
            found.append((entry.run, entry.files["preview"][0], read_frames(rows)))
        except UserError as error:
            if not entry.earlier:
                raise
            log.warning("%s The player leaves it out.", error)
    return found


def posters(subjects: list[Subject], root: Path) -> dict[Path, str]:
    """Video, relative to the page -> data address of the picture that it shows before it is played.

    Args:
        subjects: the subjects of the page.
        root: the page's folder.
    """
    shown = [files for s in subjects for files in (s.files, *(e.files for e in s.runs.values()))]
    videos = [path for files in shown for kind in ("preview", "drive") for path in files[kind]]
    return {path: poster(root / path) for path in videos}


def below(path: Path, root: Path) -> Path:
    """A file's path relative to the page's folder.

    Args:
        path: the file.
        root: the page's folder.

    Raises:
        UserError: the file lies elsewhere or does not exist, so that a link to it would be dead.
    """
    full = Path(path).resolve()
    if not full.is_file():
        raise UserError(f"{path} does not exist: run the stage that makes it first.")
    if not full.is_relative_to(root) or len(full.relative_to(root).parts) < 2:
        raise UserError(f"{path} is not in a folder below {root}: the page could not link to it.")
    return full.relative_to(root)


def table_of(path: Path, root: Path, sweeps: tuple[Path, ...] = ()) -> Table:
    """A table of the page, with links to its CSV file and to the Markdown beside it.

    Args:
        path: the table (.csv).
        root: the page's folder.
        sweeps: curves (.svg), of which the one of the table's name is the table's.

    Raises:
        UserError: the table is missing or damaged, or it or its curve is not below the page's
            folder.
    """
    content = read_table(path, "source", "dataset", "subject", "method", stage="collate")
    files = [path, path.with_suffix(".md"), path.with_suffix(".tex")]
    files = [below(file, root) for file in files if file.is_file()]
    curve = next((below(file, root) for file in sweeps if file.stem == path.stem), None)
    return table(path.stem, content, files, curve)


def voices_of(path: Path, root: Path) -> VoicesCard:
    """The table of voices: its picture, what was measured on pictures, links to its files.

    Args:
        path: the table (.csv).
        root: the page's folder.

    Raises:
        UserError: the table is missing or damaged, or it or its picture is not below the page's
            folder.
    """
    voices = read_table(path, *COLUMNS, stage="collate_voices")
    files = [below(file, root) for file in (path, path.with_suffix(".md")) if file.is_file()]
    has_pairs = voices["opening_r"].notna().any()
    picture = below(path.with_suffix(".svg"), root) if has_pairs else None
    return VoicesCard(picture, *shown_rows(voices), files)


if __name__ == "__main__":
    cli.run(gallery)
