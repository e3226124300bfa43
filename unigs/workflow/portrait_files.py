"""Where a portrait and the files of its clip lie, by the layout of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from unigs.stage.errors import UserError
from unigs.workflow import variants
from unigs.workflow.home import CONFIG, home, with_defaults

USUAL = "unigs_plus"
"""Variant that the presets train."""
DYNAMIC, STATIC = "dynamic/portrait.safetensors", "static/portrait.safetensors"
"""Portraits of both stages in the folder of a variant."""


@dataclass(frozen=True)
class PortraitFiles:
    """A portrait of a variant and the files of its clip, whether they are there or not."""

    folder: Path
    """Folder of the subject: results/SUBJECT."""
    portrait: Path
    """Portrait of the dynamic stage, the variant's own or that of the base that it judges anew."""
    static_portrait: Path
    """Portrait of the static stage, the variant's own or that of the base whose it shares."""
    pose: Path
    """Head poses that the static stage refined (pose.npz)."""
    body: Path
    """Motion of the torso that the static stage refined (motion.npz)."""

    @property
    def video(self) -> Path:
        """The clip."""
        return self.folder / "clip/video.mp4"

    @property
    def frame_table(self) -> Path:
        """Frame table of the clip (frames.csv)."""
        return self.folder / "clip/frames.csv"

    @property
    def eyes(self) -> Path:
        """Action units (eyes.csv)."""
        return self.folder / "face/eyes.csv"

    @property
    def speech(self) -> Path:
        """Speech features (features.npz)."""
        return self.folder / "speech/features.npz"

    @property
    def sound(self) -> Path:
        """Sound of the clip (audio.wav)."""
        return self.folder / "speech/audio.wav"

    @property
    def labels(self) -> Path:
        """Label video of the regions (labels.mkv)."""
        return self.folder / "regions/labels.mkv"


def portrait_files(folder: Path, variant: str) -> PortraitFiles:
    """The files of a portrait and of its clip, unchecked.

    Args:
        folder: folder of a subject.
        variant: name of the portrait's variant; one that no configuration here knows has portraits
            of its own.

    Raises:
        UserError: the configuration of the working folder is faulty.
    """
    known = _known_variants()
    static, dynamic = variant, variant
    if variant in known:
        chain = variants.bases(known, variant)
        static = variants.static_owner(known, chain)
        dynamic = variants.dynamic_owner(known, chain)
    return PortraitFiles(
        folder,
        folder / dynamic / DYNAMIC,
        folder / static / STATIC,
        folder / static / "static/pose.npz",
        folder / static / "static/motion.npz",
    )


def find_portrait(subject: str, variant: str) -> PortraitFiles:
    """The files of a finished portrait and of its clip.

    Args:
        subject: name in results, or path of the folder.
        variant: name of the portrait's variant.

    Raises:
        UserError: the portrait is not there.
    """
    folder = Path(subject) if "/" in subject else Path("results", subject)
    files = portrait_files(folder, variant)
    if not files.portrait.is_file():
        advice = advice_for(folder, "make it first", DYNAMIC)
        raise UserError(f"there is no portrait {files.portrait}: {advice}.")
    return files


def advice_for(folder: Path, otherwise: str, *portraits: str) -> str:
    """Which variants of a subject have portraits, for people who named one that has none.

    Args:
        folder: folder of the subject.
        otherwise: words for a subject without portraits.
        *portraits: paths of portraits in the folder of a variant.
    """
    names = sorted({path.parts[-3] for x in portraits for path in folder.glob(f"*/{x}")})
    return f"the variants there are: {', '.join(names)}" if names else otherwise


def _known_variants() -> dict[str, dict]:
    """The variants of the working folder's configuration, which lies over that of the package.

    Raises:
        UserError: that configuration is faulty.
    """
    own = Path(CONFIG)
    try:
        given = yaml.safe_load(own.read_text(encoding="utf-8")) if own.is_file() else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        advice = "Mend it, or work in another folder."
        raise UserError(f"{own} cannot be read: {error}. {advice}") from None
    given = {} if given is None else given
    named = given.get("variants", {}) if isinstance(given, Mapping) else None
    if not isinstance(named, Mapping) or not all(isinstance(x, Mapping) for x in named.values()):
        raise UserError(
            f"{own}: its variants are no mapping of names to settings. `unigs run -n` says what is "
            "wrong in it."
        )
    return with_defaults(given, home())["variants"]
