"""A player's page in Chromium: milliseconds of a frame by part, and memory over minutes.

`python -m benchmarks.player results/demo/unigs_plus/player.html --seconds 300` plays a page over
and over. Chromium draws without a GPU here, so the part of the device is that of software on the
processor; networks and sort are what a machine with a GPU has to do as well.
"""

import argparse
import statistics
from pathlib import Path

from tests.support.browser import started
from tests.support.pages import opened

FRAMES = 40
"""Frames that are timed one by one."""
TIMED = """
const r = p.performance.renderer, out = [];
for (let k = 0; k < x; k++) {
  const start = performance.now();
  p.performance.draw(k);
  r.finish();
  const whole = performance.now() - start;
  out.push([p.performance.networks, r.times.sort, whole - p.performance.networks - r.times.sort]);
}
return out;
"""


def measure(page: Path, seconds: float) -> None:
    """Print times and memory of a page.

    Args:
        page: from `unigs export html`.
        seconds: for which it plays.
    """
    with started() as browser, opened(browser, page) as tab:
        session = tab.page.context.new_cdp_session(tab.page)

        def heap() -> float:
            session.send("HeapProfiler.collectGarbage")
            used = session.send("Runtime.getHeapUsage")
            return (used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6

        size, count = tab.run("const r = p.performance.renderer; return [r.size, r.count];")
        print(f"{page}: {page.stat().st_size / 1e6:.1f} MB, {count} Gaussians at {size} px")
        tab.run(TIMED, 3)
        parts = zip(*tab.run(TIMED, FRAMES), strict=True)
        for name, times in zip(("networks", "sort", "device"), parts, strict=True):
            print(f"  {name}: {statistics.median(times):.1f} ms (median of {FRAMES} frames)")
        print(f"  heap before: {heap():.2f} MB")
        shown = tab.run(
            "let n = 0, last = -1; const start = performance.now();"
            "while (performance.now() - start < 1000 * x) {"
            "  if (!p.sound.playing) await p.sound.play();"
            "  if (p.shown !== last) { last = p.shown; n++; }"
            "  await new Promise(r => setTimeout(r, 2)); } return n;",
            seconds,
        )
        tab.run("p.sound.pause();")
        print(f"  heap after {seconds:.0f} s and {shown} frames: {heap():.2f} MB")
        for error in tab.errors:
            print(f"  error: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--seconds", type=float, default=300, help="for which it plays")
    words = parser.parse_args()
    measure(words.page, words.seconds)
