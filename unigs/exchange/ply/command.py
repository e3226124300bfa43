"""The word `ply` of `unigs export`: a portrait's Gaussians for viewers and editors of .ply."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import USUAL, find_portrait, portrait_files

ABOUT = (
    "Write the Gaussians of a finished portrait in the layout of 3D Gaussian splatting (binary "
    "little-endian .ply): the canonical field, one frame, or a numbered sequence that SuperSplat "
    "plays. Units are meters in the frame of the head: x to the right of the picture, y down (up "
    "is -y), z away from the camera. The head rests, the torso moves against it; the header's "
    "comments hold the camera of each frame. The plate is not written. Of a portrait with a head "
    "and a torso of their own both are written, the torso's Gaussians last."
)
"""What the help says."""


def add_ply(formats: argparse._SubParsersAction) -> None:
    """Describe `ply` among the formats of `unigs export`.

    Args:
        formats: the subparsers of `unigs export`.
    """
    parser = formats.add_parser("ply", help="Gaussians for viewers of .ply", description=ABOUT)
    parser.add_argument(
        "subject", metavar="NAME", help="name of the portrait, its folder, or portrait.safetensors"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--frame", type=int, metavar="K", help="one frame of the clip, from 0 (a file)"
    )
    which.add_argument(
        "--frames",
        type=_pair,
        metavar="A:B",
        help="frames A to B - 1; without A from the first, without B to the last (a folder with "
        "frame_0000.ply and so on, whole or not at all)",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="SOUND",
        help="frames of this recording, spoken as `unigs drive` does, not of the clip (all of "
        "them, unless --frame or --frames chooses)",
    )
    parser.add_argument("--variant", default=USUAL, help=f"its variant (default: {USUAL})")
    parser.add_argument(
        "--out",
        type=Path,
        help="file or folder to write, which must not be there (default: in "
        "results/NAME/VARIANT/ply, or in ply beside portrait.safetensors)",
    )
    parser.set_defaults(run=_run)


def _pair(text: str) -> tuple[int, int | None]:
    """First frame and the frame after the last; None: to the end."""
    found = re.fullmatch(r"(\d*):(\d*)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is no range of frames like 0:50")
    first, stop = found.groups()
    return int(first or 0), int(stop) if stop else None


def _run(words: argparse.Namespace) -> None:
    portrait = Path(words.subject)
    if portrait.suffix == ".safetensors":
        # results/NAME/VARIANT/dynamic/portrait.safetensors, wherever results lie.
        own = portrait.absolute().parent.parent
        files = portrait_files(own.parent, own.name)
        base = portrait.parent / "ply"
        if not portrait.is_file():
            raise UserError(f"there is no portrait {portrait}: look at its name.")
    else:
        files = find_portrait(words.subject, words.variant)
        portrait = files.portrait
        base = files.folder / words.variant / "ply"
    out = words.out or base / _usual_name(words)
    # Torch is loaded when there is something to do.
    from unigs.exchange.ply.give import export_canonical, export_frames

    if words.frame is None and words.frames is None and words.audio is None:
        export_canonical(portrait, out)
    else:
        single = words.frame is not None
        first, stop = (words.frame, words.frame + 1) if single else words.frames or (0, None)
        export_frames(portrait, out, files, first, stop, words.audio, single)
    print(f"The Gaussians: {out.absolute().as_uri()}")


def _usual_name(words: argparse.Namespace) -> str:
    """Name of the file or folder that the words ask for."""
    whose = "" if words.audio is None else f"{words.audio.stem}_"
    if words.frame is not None:
        return f"{whose}frame_{words.frame:04d}.ply"
    if words.frames is not None:
        first, stop = words.frames
        return f"{whose}frames_{first:04d}_{'end' if stop is None else f'{stop:04d}'}"
    return f"{whose}frames" if whose else "canonical.ply"
