"""The command `unigs view`: a portrait in a viewer, for people who train."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from unigs.stage.errors import UserError
from unigs.view.files import ViewFiles, files_of, named_files
from unigs.workflow.portrait_files import USUAL

log = logging.getLogger("unigs")

HOST, PORT = "127.0.0.1", 8080
FILES = {
    "portrait": "portrait.safetensors, of the static or of the dynamic stage",
    "video": "the clip",
    "frame_table": "its frame table (frames.csv)",
    "pose": "its head poses (pose.npz)",
    "body": "motion of its torso (motion.npz)",
    "eyes": "its action units (eyes.csv)",
    "speech": "its speech features (features.npz)",
    "labels": "its label video (labels.mkv)",
}
"""Files that can be named one by one, and what they are."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of `unigs view`.

    Args:
        parser: parser of what stands behind `unigs view`.
    """
    parser.description = (
        "Show a portrait in the browser: frames of its clip beside the true ones, its Gaussians in "
        "space, and what speech, eyes and poses do to it. A portrait that a training writes anew "
        "is loaded again. Nobody but this machine can look, unless --host says so. Needs the extra "
        "`view` (viser)."
    )
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="FOLDER",
        help="results/NAME/VARIANT, results/NAME, or the name of a portrait",
    )
    parser.add_argument(
        "--variant", default=USUAL, help=f"its variant, if FOLDER names none (default: {USUAL})"
    )
    files = parser.add_argument_group(
        "files", "Each takes the place of what the folder holds; without a folder name them all."
    )
    for name, what in FILES.items():
        files.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="FILE", help=what)
    parser.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda"],
        help="device that renders (default: auto, CUDA where torch finds it)",
    )  # fmt: skip
    parser.add_argument(
        "--host",
        default=HOST,
        help=f"address to serve at; 0.0.0.0 lets other machines look (default: {HOST})",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"port (default: {PORT})")
    parser.set_defaults(run=run)


def run(words: argparse.Namespace) -> None:
    """Serve the viewer until it is interrupted.

    Raises:
        UserError: viser is not installed, a file is missing or does not fit the others, or the port
            is taken.
    """
    if not 0 <= words.port < 65536:
        raise UserError(f"{words.port} is no port: choose one from 1024 to 65535, or 0 for any.")
    files, title = found(words)
    files.check()
    # Torch is loaded when there is something to show.
    from unigs.view.access import Address, server_class
    from unigs.view.clip import read_clip
    from unigs.view.viewer import Viewer

    server_class()
    log.info("%s: reading the clip and the portrait", files.portrait)
    viewer = Viewer(read_clip(files), title, words.device, Address(words.host, words.port))
    print(f"The viewer: {viewer.url} (stop it with Ctrl-C)", flush=True)
    viewer.run()


def found(words: argparse.Namespace) -> tuple[ViewFiles, str]:
    """The files that the words name, and what the viewer is called.

    Raises:
        UserError: there is no such folder, it holds no portrait, or a file is not named.
    """
    folder = None
    if words.folder is not None:
        plain = "/" not in words.folder and not Path(words.folder).is_dir()
        folder = Path("results", words.folder) if plain else Path(words.folder)
    given = {name: getattr(words, name) for name in FILES}
    files = named_files(given, None if folder is None else files_of(folder, words.variant))
    parts = files.portrait.absolute().parts
    return files, "/".join(parts[-4:-2]) or files.portrait.name
