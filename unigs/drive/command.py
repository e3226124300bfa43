"""The command `unigs drive`: a finished portrait speaks a sound file, and nothing is trained."""

import argparse
from pathlib import Path

from unigs.settings.drive import DriveSettings
from unigs.stage.errors import UserError
from unigs.workflow.portrait_files import USUAL, find_portrait


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs drive`.

    Args:
        parser: parser of what stands behind `unigs drive`.
    """
    parser.add_argument("subject", metavar="NAME", help="name of the portrait, or its folder")
    parser.add_argument("audio", metavar="SOUND", type=Path, help="any file with sound")
    parser.add_argument("--variant", default=USUAL, help=f"its variant (default: {USUAL})")
    parser.add_argument(
        "--out",
        type=Path,
        help="video to write (default: results/NAME/VARIANT/drive/SOUND.mp4, which the page shows)",
    )
    parser.add_argument(
        "--no-mark",
        action="store_true",
        help="leave the visible mark out; metadata and manifest say so",
    )
    parser.add_argument(
        "--certificate",
        default="",
        metavar="PEM",
        help="certificate that signs the video (default: a key that is made at first use)",
    )
    parser.add_argument(
        "--private-key", default="", metavar="PEM", help="the key that belongs to it"
    )
    parser.set_defaults(run=_run)


def _run(words: argparse.Namespace) -> None:
    settings = DriveSettings(
        mark=not words.no_mark, certificate=words.certificate, private_key=words.private_key
    )
    speak(words.subject, words.audio, words.variant, words.out, settings)


def speak(
    subject: str,
    audio: Path,
    variant: str = USUAL,
    out: Path | None = None,
    settings: DriveSettings | None = None,
) -> None:
    """Write the video of a portrait that speaks a sound file, and say where it is.

    Args:
        subject: name in results, or path of the folder.
        audio: any file with sound.
        variant: name of the portrait's variant.
        out: video to write (.mp4); None: where the page of the next run finds it.
        settings: how the recording moves the portrait; None: as usual.

    Raises:
        UserError: portrait or sound are not there, or do not fit.
    """
    files = find_portrait(subject, variant)
    if not audio.is_file():
        raise UserError(f"there is no file {audio}.")
    out = out or files.folder / variant / "drive" / f"{audio.stem}.mp4"
    # Torch is loaded when there is something to do.
    from unigs.drive.speak import drive

    drive(
        portrait=files.portrait,
        audio=audio,
        frame_table=files.frame_table,
        pose=files.pose,
        body=files.body,
        eyes=files.eyes,
        speech=files.speech,
        out=out,
        settings=settings or DriveSettings(),
    )
    print(f"The video: {out.absolute().as_uri()}")
