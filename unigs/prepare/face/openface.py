"""run_openface: action units by OpenFace's own program, and the one reader of such tables.

OpenFace numbers frames from 1, pyfaceau, which does the same in Python, from 0; both write the time
of each frame, and both may leave frames out.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.subject.checks import Array, read_columns
from unigs.subject.features import FACE_UNITS

log = logging.getLogger("unigs")

PROGRAM = "FeatureExtraction"
"""OpenFace's program."""
MAKER = "OpenFace's FeatureExtraction with -aus"
"""What writes such tables, for messages."""
TRUE = {"1", "true"}
"""What stands in the column `success` of a frame in which a face was found."""
MOST_MISSING = 0.5
"""Share of the clip's frames that a table may leave out."""


def run_openface(video: Path, out: Path) -> None:
    """Let OpenFace measure the action units of the clip.

    Args:
        video: the clip.
        out: table to write (.csv), as FeatureExtraction writes it.

    Raises:
        UserError: FeatureExtraction is not on PATH, fails, or writes no table of the clip.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise UserError(
            f"{PROGRAM} is not on PATH: install OpenFace and put its folder bin there, name a "
            "table that it wrote elsewhere (column openface of the sheet), or choose another "
            "eyes.backend."
        )
    with tempfile.TemporaryDirectory() as folder:
        words = ["-f", str(video), "-aus", "-out_dir", folder, "-of", "units"]
        done = subprocess.run([program, *words], capture_output=True, text=True, errors="replace")
        table = Path(folder) / "units.csv"
        if done.returncode or not table.is_file():
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise UserError(
                f"{program} measured nothing of {video} (exit code {done.returncode}; it says: "
                f"{said}): run it by hand to see more."
            )
        read_columns(table, {f"{name}_r": Array(gaps=True) for name in FACE_UNITS}, MAKER)
        with atomic(out) as temporary:
            shutil.copyfile(table, temporary)


def read_openface(
    path: Path,
    frames: int,
    clip: Path,
    columns: tuple[str, ...] = FACE_UNITS,
    fps: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Intensities from a table of OpenFace's FeatureExtraction or of pyfaceau.

    Rows are matched by their frame numbers, which their times must confirm; a table without numbers
    needs one row per frame. Of several faces in a frame the surest counts. Frames that are left out
    are told by number, and unknown like those without a face.

    Args:
        path: the table (.csv); names in its header may have spaces around them.
        frames: number of frames of the clip.
        clip: file that says how many frames the clip has, for the message.
        columns: units wanted, without "_r".
        fps: frames per second of the clip, with which times are compared; None: they are not.

    Returns:
        [T,len(columns)] intensities as they stand, and [T] bool: frames whose units are known.

    Raises:
        UserError: unreadable, columns missing, text in them, rows of another clip, or too few.
    """
    units = {f"{name}_r": Array(gaps=True) for name in columns}
    more = {n: Array(gaps=True, optional=True) for n in ("frame", "timestamp", "confidence")}
    more["success"] = Array(kind="text", optional=True)
    table = read_columns(path, units | more, MAKER)
    found = np.stack([table[name] for name in units], axis=1).astype(float)
    rows = _places(path, table, len(found), frames, clip, fps)
    sure = np.isfinite(found).all(1) & _succeeded(path, table.get("success"), len(found))
    order = np.argsort(table["confidence"], kind="stable") if "confidence" in table else None
    values, known = np.full((frames, len(columns)), np.nan), np.zeros(frames, bool)
    # The surest of a frame's faces is written last; one that was found, after those that were not.
    order = np.arange(len(found)) if order is None else order
    for row in order[np.argsort(sure[order], kind="stable")]:
        values[rows[row]], known[rows[row]] = found[row], sure[row]
    _tell_missing(path, np.setdiff1d(np.arange(frames), rows), frames)
    if not known.any():
        raise UserError(f"{path} has no row in which OpenFace found a face.")
    return values, known


def _places(
    path: Path,
    table: dict[str, np.ndarray],
    count: int,
    frames: int,
    clip: Path,
    fps: float | None,
) -> np.ndarray:
    """Frame of the clip [n] that each row is of.

    Raises:
        UserError: the rows are of another clip.
    """
    remedy = "run OpenFace on the clip's video.mp4, not on the source, whose frame rate or length "
    remedy += "differs."
    number, time = table.get("frame"), table.get("timestamp")
    if number is None or not _whole(number):
        if count != frames:
            raise UserError(f"{path} has {count} rows but {clip} has {frames} frames: {remedy}")
        return np.arange(frames)
    step = _step(time)
    # By its own times, whatever the clip's are: the first frame may be left out.
    first = int(np.round(np.median(number - time / step))) if step else int((number > 0).all())
    places = (number - min(max(first, 0), 1)).astype(int)
    if step and fps:
        off = np.abs(time * fps - places)
        if off.max() > 0.6:
            row = int(off.argmax())
            raise UserError(
                f"{path}: frame {number[row]:g} stands at {time[row]:.3f} s, in the clip at "
                f"{places[row] / fps:.3f} s: {remedy}"
            )
    if len(np.unique(places)) > frames or places.max() >= frames or places.min() < 0:
        raise UserError(
            f"{path} has {count} rows but {clip} has {frames} frames, and its frames go from "
            f"{number.min():g} to {number.max():g}: {remedy}"
        )
    return places


def _whole(number: np.ndarray) -> bool:
    """Whether all are whole numbers."""
    return bool(np.isfinite(number).all() and (number == np.round(number)).all())


def _step(time: np.ndarray | None) -> float:
    """Seconds from frame to frame; 0 where a column holds no times.

    Of pictures OpenFace writes zero, or their numbers.
    """
    if time is None or len(time) < 3 or not np.isfinite(time).all():
        return 0.0
    steps = np.diff(np.unique(time))
    step = float(np.median(steps)) if len(steps) else 0.0
    return step if step < 0.5 else 0.0


def _succeeded(path: Path, success: np.ndarray | None, count: int) -> np.ndarray:
    """Rows [n] bool in which a face was found.

    Raises:
        UserError: a cell is neither a number nor true or false.
    """
    if success is None:
        return np.ones(count, bool)
    marks = []
    for row, cell in enumerate(success):
        try:
            marks.append(cell.lower() in TRUE or float(cell) > 0)
        except ValueError:
            if cell.lower() not in ("false", ""):
                raise UserError(
                    f"{path}: column success holds '{cell}' in row {row}; run {MAKER} anew."
                ) from None
            marks.append(False)
    return np.array(marks, bool)


def _tell_missing(path: Path, missing: np.ndarray, frames: int) -> None:
    """Name the frames that a table leaves out.

    Raises:
        UserError: they are too many.
    """
    if not len(missing):
        return
    words = ", ".join(_ranges(missing))
    if len(missing) > MOST_MISSING * frames:
        raise UserError(
            f"{path} leaves out {len(missing)} of {frames} frames ({words[:200]}): run {MAKER} on "
            "the whole clip."
        )
    log.warning(
        "%s has no rows for %d frames, which are filled from their neighbors: %s",
        path,
        len(missing),
        words,
    )


def _ranges(numbers: Iterable[int]) -> list[str]:
    """Ascending numbers as words: "3", "7-9"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = int(number)
        else:
            spans.append([int(number), int(number)])
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in spans]


if __name__ == "__main__":
    cli.run(run_openface)
