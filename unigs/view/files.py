"""The files that the viewer shows: found in a folder of results, or named one by one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import DYNAMIC, STATIC, advice_for, portrait_files


@dataclass(frozen=True)
class ViewFiles:
    """A portrait, and the files of its clip; row k of each belongs to frame k."""

    portraits: tuple[Path, ...]
    """Portraits, the first that is there is shown: a training writes the dynamic one at its end."""
    video: Path
    """The clip."""
    frame_table: Path
    """Frame table of the clip (frames.csv)."""
    pose: Path
    """Head poses (pose.npz)."""
    body: Path | None
    """Motion of the torso (motion.npz); None: it rests."""
    eyes: Path | None
    """Action units (eyes.csv); None: a static portrait needs none."""
    speech: Path | None
    """Speech features (features.npz); None: a static portrait needs none."""
    labels: Path | None
    """Label video (labels.mkv); None: no coloring by region."""

    @property
    def portrait(self) -> Path:
        """The portrait that is shown.

        Raises:
            UserError: none is there.
        """
        for path in self.portraits:
            if path.is_file():
                return path
        raise UserError(f"there is no portrait {self.portraits[0]}: train it first.")

    def check(self) -> None:
        """Stop if a file is not there.

        Raises:
            UserError: one is not there; it says which.
        """
        for field in fields(self)[1:]:
            path = getattr(self, field.name)
            if path is not None and not path.is_file():
                raise UserError(
                    f"there is no {path}, which the viewer needs: prepare the clip, or name the "
                    f"file with --{field.name.replace('_', '-')}."
                )
        _ = self.portrait


def files_of(folder: Path, variant: str) -> ViewFiles:
    """The files of a portrait by the layout of results.

    Args:
        folder: a subject's folder, or one of its variants'.
        variant: the variant, if the folder is a subject's.

    Raises:
        UserError: the folder is not there, or holds no portrait.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name results/SUBJECT/VARIANT.")
    if not (folder / "clip").is_dir() and any((folder / x).is_file() for x in (DYNAMIC, STATIC)):
        whole = folder.absolute()
        folder, variant = folder.parent if folder.name else whole.parent, whole.name
    found = portrait_files(folder, variant)
    portraits = found.portrait, found.static_portrait
    if not any(path.is_file() for path in portraits):
        advice = advice_for(folder, "train one first", DYNAMIC, STATIC)
        raise UserError(f"{folder / variant} holds no portrait: {advice}.")
    return ViewFiles(
        portraits,
        found.video,
        found.frame_table,
        found.pose,
        found.body,
        found.eyes,
        found.speech,
        found.labels,
    )


def named_files(given: dict[str, Path | None], found: ViewFiles | None) -> ViewFiles:
    """The files with those that are named one by one in their places.

    Args:
        given: paths by the names of `ViewFiles`, `portrait` in the place of `portraits`; None: not
            named.
        found: files of a folder; None: there is none.

    Raises:
        UserError: without a folder one that is needed is not named.
    """
    named = {name: path for name, path in given.items() if path is not None}
    if portrait := named.pop("portrait", None):
        named["portraits"] = (portrait,)
    if found is not None:
        return replace(found, **named)
    for name in ("portraits", "video", "frame_table", "pose"):
        if name not in named:
            flag = name.rstrip("s").replace("_", "-")
            raise UserError(f"without a folder of results name the file with --{flag}.")
    return ViewFiles(**{**dict.fromkeys(("body", "eyes", "speech", "labels")), **named})
