"""One evaluated portrait, read back for tables, figures and the page.

The files of a run lie at `{subject}/{variant}/test/`; subject and variant are read from there.
"""

from dataclasses import dataclass
from pathlib import Path

from unigs.evaluate.records import FULL, find
from unigs.stage.errors import UserError
from unigs.stage.files import read_json

METHOD_NAMES = {
    "static": "static model",
    "nearest_pose": "nearest training frame by pose",
    "mean_frame": "mean training frame",
}


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

    def value(self, metric: str, region: str = FULL, method: str = "portrait") -> float | None:
        """A figure, or None where it is empty or was not measured."""
        row = find(self._rows(metric), metric, region, method)
        return None if row is None else row["value"]

    def reason(self, metric: str, region: str = FULL, method: str = "portrait") -> str | None:
        """Why a figure is empty; None where it is not."""
        row = find(self._rows(metric), metric, region, method)
        return "not measured" if row is None else row["reason"]

    def _rows(self, metric: str) -> list[dict]:
        timed = metric.startswith(("fps", "frame_ms", "speech_ms"))
        if timed:
            return self.speed["metrics"] if self.speed else []
        return self.metrics["metrics"]


def place(path: Path) -> tuple[str, str]:
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
        UserError: a file is missing, or a word has no equals sign.
    """
    for word in datasets:
        if word.count("=") != 1:
            raise UserError(f"--datasets {word}: write subject=dataset.")
    belongs = dict(word.split("=") for word in datasets)
    timed = {place(path): read_json(path) for path in speed}
    runs = []
    for path in metrics:
        subject, variant = place(path)
        content = read_json(path)
        if "metrics" not in content:
            raise UserError(f"{path} has no metrics: run evaluate anew.")
        dataset = belongs.get(subject, "own")
        runs.append(Run(subject, variant, content, timed.get((subject, variant)), dataset))
    return runs
