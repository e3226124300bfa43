"""One evaluated portrait, read back for tables, figures and the page.

The files of a run lie at `{subject}/{variant}/test/`; subject and variant are read from there.
"""

import logging
import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.evaluate.catalogue import Figure
from unigs.evaluate.records import FULL, PORTRAIT, find, has_figures
from unigs.stage.errors import UserError
from unigs.stage.files import read_json
from unigs.subject.checks import Array, read_columns
from unigs.subject.features import HeadPoses
from unigs.subject.frame_table import TEST, read_frame_table

log = logging.getLogger("unigs")

SHOWN = {"metrics", "test_frames", "training_frames", "size", "device", "landmark_backend"}
"""Keys of metrics.json that tables and page cannot do without."""
TIMED = {"metrics", "size", "gaussians", "device", "threads"}
"""Keys of speed.json that the page cannot do without."""
PASTED_MARK = "torso pasted"
"""What stands beside the name of a run whose torso is that of the true test frames."""
MEAN_OF = "mean of"
"""How the subject of a row begins that holds means over subjects; their number follows."""
SEEDED = re.compile(r"(?P<variant>.+)_seed\d+")
"""Name of a variant's run with a further seed."""


def root_of(variant: str) -> str:
    """The variant that a run with a further seed is named after; any other variant itself.

    Args:
        variant: name of the run's variant.
    """
    found = SEEDED.fullmatch(variant)
    return found["variant"] if found else variant


@dataclass(frozen=True)
class Run:
    """Figures of one subject and variant."""

    subject: str
    variant: str
    metrics: dict
    """Content of metrics.json."""
    speed: dict | None = None
    """Content of speed.json."""
    dataset: str = "own"
    folder: Path | None = None
    """Where its files lie; None: it was not read from files."""

    @property
    def pasted(self) -> bool:
        """Whether the torso in its frames is that of the true test frames."""
        return bool(self.metrics.get("truth_pasted"))

    @property
    def foreign(self) -> bool:
        """Whether another system rendered it: pictures of the clip were not judged beside it."""
        return "placement" in self.metrics

    @property
    def name(self) -> str:
        """Name of the variant, with a mark where the true torso was pasted in."""
        return f"{self.variant} ({PASTED_MARK})" if self.pasted else self.variant

    @property
    def rows(self) -> list[dict]:
        """The records of both files."""
        return self.metrics["metrics"] + (self.speed["metrics"] if self.speed else [])

    def value(self, metric: str, region: str = FULL, method: str = PORTRAIT) -> float | None:
        """A figure, or None where it is empty or was not measured.

        Args:
            metric: name of what was measured.
            region: where it was measured.
            method: what was judged.
        """
        row = find(self.rows, metric, region, method)
        return None if row is None else row["value"]

    def shown(self, figure: Figure, method: str = PORTRAIT) -> float | None:
        """A figure of the catalogue in the unit in which it is shown; None where it is empty.

        Args:
            figure: the entry of the catalogue.
            method: what was judged.
        """
        value = self.value(figure.metric, figure.region, method)
        return None if value is None else value * figure.factor

    def limits(self, figure: Figure, method: str = PORTRAIT) -> tuple[float, float] | None:
        """Ends of the figure's 95 % interval in the unit in which it is shown; None without one.

        Args:
            figure: the entry of the catalogue.
            method: what was judged.
        """
        row = find(self.rows, figure.metric, figure.region, method)
        if row is None or row["value"] is None or "low" not in row:
            return None
        return row["low"] * figure.factor, row["high"] * figure.factor

    def why_empty(self, figure: Figure, method: str = PORTRAIT) -> str | None:
        """Why a figure of the catalogue is empty; None where it is not.

        Args:
            figure: the entry of the catalogue.
            method: what was judged.
        """
        row = find(self.rows, figure.metric, figure.region, method)
        return "not measured" if row is None else row["reason"]


def first_runs(runs: list[Run]) -> dict[str, Run]:
    """Subject -> the run from which the figures of the clip's own pictures are taken.

    That is the subject's first portrait. Other systems' renders may stand before it, and beside
    them only the true frames were judged, cut to what the render shows; one stands for its subject
    only where there is nothing else.

    Args:
        runs: all runs.
    """
    found: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.foreign):
        found.setdefault(run.subject, run)
    return {name: found[name] for name in dict.fromkeys(run.subject for run in runs)}


def run_of(path: Path) -> tuple[str, str]:
    """Subject and variant of a file `.../{subject}/{variant}/test/{name}`.

    Raises:
        UserError: the file lies elsewhere.
    """
    parts = Path(path).resolve().parts
    if len(parts) < 5 or parts[-2] != "test":
        raise UserError(f"{path} is not of the form subject/variant/test/file: give such a path.")
    return parts[-4], parts[-3]


def read_runs(
    metrics: tuple[Path, ...], speed: tuple[Path, ...] = (), datasets: tuple[str, ...] = ()
) -> list[Run]:
    """Read the files of all runs, in the order of `metrics`.

    Args:
        metrics: metrics.json files.
        speed: speed.json files; each is matched to its run by its folder.
        datasets: "subject=dataset" words; subjects without one are of the data set "own".

    Raises:
        UserError: a file is missing or damaged, or a word has no equals sign.
    """
    for word in datasets:
        if word.count("=") != 1:
            raise UserError(f"--datasets {word}: write subject=dataset.")
    belongs = dict(word.split("=") for word in datasets)
    timed = {run_of(path): _figures(path, "measure_speed") for path in speed}
    runs = []
    for path in metrics:
        subject, variant = run_of(path)
        content = _figures(path, "evaluate", SHOWN)
        speeds, dataset = timed.get((subject, variant)), belongs.get(subject, "own")
        runs.append(Run(subject, variant, content, speeds, dataset, Path(path).parent))
    return runs


def _figures(path: Path, stage: str, required: Set[str] = frozenset()) -> dict:
    """Content of a file with records, which a stage wrote.

    Raises:
        UserError: it is missing, holds no records, or lacks one of the required keys.
    """
    content = read_json(path)
    if not has_figures(content):
        raise UserError(f"{path} holds no figures (metrics): run {stage} anew.")
    if missing := required - set(content):
        raise UserError(f"{path} lacks {', '.join(sorted(missing))}: run {stage} anew.")
    return content


def earlier_runs(metrics: tuple[Path, ...]) -> list[Run]:
    """Runs that an earlier plan made and the present one does not: those that still hold.

    Left out, with a line in the log, is what another version wrote, what is damaged, and what was
    measured before the subject's clip, or the choice of its test frames, was made anew.

    Args:
        metrics: metrics.json files.
    """
    found = []
    for path in metrics:
        folder = Path(path).parent
        try:
            run = read_runs((path,), speed_beside(path))[0]
            alike = is_of_test_frames(folder, folder.parents[1])
        except UserError as error:
            log.warning("%s It is left out.", error)
            continue
        if not is_newer(path, folder.parents[1] / "clip/video.mp4"):
            log.warning("%s is older than the clip of %s: it is left out.", path, run.subject)
        elif not alike:
            log.warning("%s is of other test frames than %s: it is left out.", path, run.subject)
        else:
            found.append(run)
    return found


def is_of_test_frames(test: Path, subject: Path) -> bool:
    """Whether figures were measured on the frames that the subject's clip holds out now.

    Args:
        test: folder of the figures; the frames stand in its frames.csv.
        subject: folder of the subject; where the frame table of its clip is gone, nothing
            contradicts.

    Raises:
        UserError: a table, or the poses, are damaged.
    """
    table, pose, judged = (
        subject / "clip/frames.csv",
        subject / "face/pose.npz",
        test / "frames.csv",
    )
    if not table.exists():
        return True
    if not judged.exists():
        return False
    posed = HeadPoses.read(pose).head.known if pose.exists() else None
    frames = read_columns(judged, {"frame": Array(kind="whole")}, "evaluate")["frame"]
    return bool(np.array_equal(frames, read_frame_table(table).frames(TEST, posed)))


def speed_beside(metrics: Path) -> tuple[Path, ...]:
    """The speed.json beside a metrics.json, if it is there and holds what the page shows.

    Args:
        metrics: metrics.json of a run.
    """
    speed = Path(metrics).with_name("speed.json")
    return (speed,) if speed.is_file() and set(read_json(speed)) >= TIMED else ()


def is_newer(path: Path, source: Path) -> bool:
    """Whether a file was made after what it was made from, as far as that is still there."""
    return not source.exists() or path.stat().st_mtime >= source.stat().st_mtime
