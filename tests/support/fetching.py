"""Downloads of videos that must be refused."""

import pytest

from unigs.sources.fetch import fetch_video
from unigs.stage.errors import UserError


def refused(url, folder, sentence, **options):
    """Fetch what must be refused in one sentence, and leave nothing behind."""
    out = folder / "downloads/ann.mp4"
    with pytest.raises(UserError, match=sentence) as stopped:
        fetch_video(url, out, **options)
    assert "\n" not in str(stopped.value)
    assert not list(out.parent.glob("*")) and not list(out.parent.glob(".*"))
