"""The page's text: the built player and the data of a portrait, in one file without addresses."""

from __future__ import annotations

import html
from pathlib import Path

from unigs.provenance.statement import SYNTHETIC
from unigs.stage.errors import UserError

PLAYER = Path(__file__).parent / "player"
"""Folder of the built player (`web/build.mjs`)."""
CREDITS = "Made with UniGS."
WHISPER = "It hears with layers of the encoder of Whisper tiny.en by OpenAI (MIT license)."


def page_of(payload: str, title: str, statement: str, hears_with_whisper: bool) -> str:
    """The page of a portrait.

    That the person did not say this stands on every page.

    Args:
        payload: from `unigs.web.payload.encode`.
        title: heading.
        statement: what is said of the portrait's origin.
        hears_with_whisper: whether the weights of Whisper are in the payload.

    Raises:
        UserError: the player has not been built.
    """
    try:
        page = (PLAYER / "page.html").read_text(encoding="utf-8")
        script = (PLAYER / "player.js").read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{error.filename} is missing: install unigs anew, or run npm ci and npm run build in "
            "the folder web of the repository."
        ) from None
    parts = {
        "TITLE": html.escape(title),
        "NOTICE": html.escape(SYNTHETIC),
        "STATEMENT": html.escape(statement),
        "CREDITS": f"{CREDITS} {WHISPER}" if hears_with_whisper else CREDITS,
        "SCRIPT": script,
        "PAYLOAD": payload,
    }
    for name, text in parts.items():
        page = page.replace(f"%%{name}%%", text)
    return page
