"""One evaluated portrait, read back for tables, figures and the page.

The files of a run lie at `{subject}/{variant}/test/`; subject and variant are read from there.
"""

from dataclasses import dataclass
from pathlib import Path

from unigs.evaluate.catalogue import Figure
from unigs.evaluate.records import FULL, MEAN, NEAREST, PORTRAIT, STATIC, find
from unigs.stage.errors import UserError
from unigs.stage.files import read_json

METHOD_NAMES = {
    STATIC: "static model",
    NEAREST: "nearest training frame by pose",
    MEAN: "mean training frame",
}
"""What the portrait has to beat, in words."""


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

    def why_empty(self, figure: Figure, method: str = PORTRAIT) -> str | None:
        """Why a figure of the catalogue is empty; None where it is not.

        Args:
            figure: the entry of the catalogue.
            method: what was judged.
        """
        row = find(self.rows, figure.metric, figure.region, method)
        return "not measured" if row is None else row["reason"]


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
        UserError: a file is missing, or a word has no equals sign.
    """
    for word in datasets:
        if word.count("=") != 1:
            raise UserError(f"--datasets {word}: write subject=dataset.")
    belongs = dict(word.split("=") for word in datasets)
    timed = {run_of(path): read_json(path) for path in speed}
    runs = []
    for path in metrics:
        subject, variant = run_of(path)
        content = read_json(path)
        if "metrics" not in content:
            raise UserError(f"{path} has no metrics: run evaluate anew.")
        dataset = belongs.get(subject, "own")
        runs.append(Run(subject, variant, content, timed.get((subject, variant)), dataset))
    return runs
