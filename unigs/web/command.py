"""The word `html` of `unigs export`: a finished portrait as one web page that plays it."""

from __future__ import annotations

import argparse
from pathlib import Path

from unigs.workflow.portrait_files import USUAL, find_portrait


def add_html(formats: argparse._SubParsersAction) -> None:
    """Describe `html` among the formats of `unigs export`.

    Args:
        formats: the subparsers of `unigs export`.
    """
    about = (
        "Write one HTML file that plays a finished portrait in any current browser, without a "
        "network: it speaks a recording, and those that people drop or say into a microphone."
    )
    parser = formats.add_parser("html", help="a web page that plays a portrait", description=about)
    parser.add_argument("subject", metavar="NAME", help="name of the portrait, or its folder")
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="SOUND",
        help="any file with sound, which the page comes with (default: that of its own clip)",
    )
    parser.add_argument("--variant", default=USUAL, help=f"its variant (default: {USUAL})")
    parser.add_argument(
        "--out", type=Path, help="page to write (default: results/NAME/VARIANT/player.html)"
    )
    parser.add_argument(
        "--no-encoder",
        action="store_true",
        help="leave the speech encoder out: a smaller page, which speaks its recording alone",
    )
    parser.set_defaults(run=_run)


def _run(words: argparse.Namespace) -> None:
    files = find_portrait(words.subject, words.variant)
    out = words.out or files.folder / words.variant / "player.html"
    # Torch is loaded when there is something to do.
    from unigs.settings.drive import DriveSettings
    from unigs.web.export import export_player

    export_player(
        portrait=files.portrait,
        audio=words.audio or files.sound,
        frame_table=files.frame_table,
        pose=files.pose,
        body=files.body,
        eyes=files.eyes,
        speech=files.speech,
        labels=files.labels,
        out=out,
        settings=DriveSettings(),
        title=files.folder.name,
        encoder=not words.no_encoder,
    )
    print(f"The page: {out.absolute().as_uri()}")
