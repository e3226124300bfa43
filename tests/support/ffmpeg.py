"""Odd files for tests, made by ffmpeg."""

from unigs.media.ffmpeg import ffmpeg_exe, run_command


def run_ffmpeg(arguments: list[str], what: str) -> str:
    """Run ffmpeg quietly with arguments of any kind, overwriting its output."""
    return run_command([ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments], what)
