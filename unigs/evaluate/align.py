"""Where and when a render shows a clip: found from the pictures, never assumed.

Another system's video may begin at another frame, be cut to another window and have another size.
The window is found by matching features of pictures, the frame offset by the motion that both show
(each pixel's mean of the second around is taken away, so that a still background has no say), and
both in turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

SMALL = 40
"""Side of the pictures in which motion is compared, px."""
AROUND = 25
"""Frames over which each pixel's mean is taken away."""
PAIRS = 16
"""Pairs of frames in which features are matched."""
TOLERANCE = 3.0
"""Pixels by which matched features may miss each other in the first turn; a third of it later."""
FEWEST = 12
"""Matched features without which there is no window."""
TURNS = 3
"""How often window and offset are found in turns."""
LEAST_CORRELATION = 0.35
"""Correlation of motion below which a render does not show this clip."""
SNAP = 0.35
"""Pixels by which no corner of the window may lie off whole pixels, if it is to be taken whole."""


@dataclass(frozen=True)
class Window:
    """Pixel (u, v) of the render is pixel (x + scale u, y + scale v) of the clip."""

    x: float
    y: float
    scale: float

    def matrix(self) -> np.ndarray:
        """The map from the render's pixels to the clip's, counted from pixel corners, [2,3]."""
        return np.array([[self.scale, 0, self.x], [0, self.scale, self.y]])

    def apart(self, other: Window, width: int, height: int) -> float:
        """Greatest distance of the corners of a width x height render in two windows, clip px."""
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
        return float(np.abs((self.matrix() - other.matrix()) @ corners).max())


@dataclass(frozen=True)
class Placement:
    """When and where a render shows the clip."""

    offset: int
    """Frame k of the render shows row k + offset of the clip (of `rows`, if those were given)."""
    window: Window
    correlation: float
    """Correlation of the motion of both at this offset."""
    runner_up: float
    """The best correlation at offsets that are more than 2 frames away."""
    matches: int
    """Features on which the window rests."""


def place(render: np.ndarray, clip: np.ndarray, needed: int) -> Placement | None:
    """Find when and where a render shows a clip; None where it does not.

    Args:
        render: gray frames, uint8 [N,h,w].
        clip: gray frames, uint8 [T,H,W].
        needed: frames that both must have in common at least; fewer where the render is shorter.
    """
    window, offset, matches = _whole(render, clip), 0, 0
    found = match_window(render, clip, 0, TOLERANCE * 3)
    if found is not None:
        window, matches = found
    placed = None
    for turn in range(TURNS):
        offset, best, second = match_time(render, clip, window, min(needed, len(render)))
        placed = Placement(offset, window, best, second, matches)
        found = match_window(render, clip, offset, TOLERANCE / (1 + 2 * (turn > 0)))
        if found is None:
            break
        window, matches = found
        placed = Placement(offset, window, best, second, matches)
    if placed is None or placed.matches < FEWEST or placed.correlation < LEAST_CORRELATION:
        return None
    return placed


def match_window(
    render: np.ndarray, clip: np.ndarray, offset: int, tolerance: float
) -> tuple[Window, int] | None:
    """The window by which features of both fit, and how many do; None where too few do.

    Args:
        render: gray frames, uint8 [N,h,w].
        clip: gray frames, uint8 [T,H,W].
        offset: frame k of the render shows frame k + offset of the clip.
        tolerance: distance in px of the clip within which matched features fit.
    """
    first, last = max(0, -offset), min(len(render), len(clip) - offset)
    if last <= first:
        return None
    sift, matcher = cv2.SIFT_create(1500, contrastThreshold=0.01), cv2.BFMatcher()
    ours, theirs = [], []
    for row in np.unique(np.linspace(first, last - 1, PAIRS).round().astype(int)):
        spots, words = sift.detectAndCompute(render[row], None)
        spots_clip, words_clip = sift.detectAndCompute(clip[row + offset], None)
        if words is None or words_clip is None or len(words_clip) < 2:
            continue
        for pair in matcher.knnMatch(words, words_clip, k=2):
            if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance:
                # OpenCV counts from the middle of pixels.
                ours.append(np.array(spots[pair[0].queryIdx].pt) + 0.5)
                theirs.append(np.array(spots_clip[pair[0].trainIdx].pt) + 0.5)
    if len(ours) < FEWEST:
        return None
    return _consensus(np.array(ours), np.array(theirs), tolerance)


def _consensus(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> tuple[Window, int] | None:
    """The window by which most of the pairs of points [M,2] fit, refined on those that do."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, len(ours), (2, 2000))
    apart = np.linalg.norm(ours[a] - ours[b], axis=1)
    wide = apart > 0.1 * np.ptp(ours, axis=0).max()
    a, b, apart = a[wide], b[wide], apart[wide]
    scales = np.linalg.norm(theirs[a] - theirs[b], axis=1) / apart
    # No render is turned: pairs that say so are mismatched.
    even = np.linalg.norm(theirs[a] - theirs[b] - scales[:, None] * (ours[a] - ours[b]), axis=1)
    good = (even < tolerance) & (scales > 0.05) & (scales < 20)
    if not good.any():
        return None
    scales, shifts = scales[good], (theirs[a] - scales[:, None] * ours[a])[good]
    misses = np.linalg.norm(
        theirs[None] - scales[:, None, None] * ours[None] - shifts[:, None], axis=2
    )
    inside = misses[(misses < tolerance).sum(1).argmax()] < tolerance
    for _ in range(5):
        if inside.sum() < FEWEST:
            return None
        scale, shift = _fit(ours[inside], theirs[inside])
        inside = np.linalg.norm(theirs - scale * ours - shift, axis=1) < tolerance
    return Window(float(shift[0]), float(shift[1]), float(scale)), int(inside.sum())


def _fit(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift of least squares, theirs = scale ours + shift."""
    mean, mean_too = ours.mean(0), theirs.mean(0)
    scale = ((ours - mean) * (theirs - mean_too)).sum() / np.square(ours - mean).sum()
    return float(scale), mean_too - scale * mean


def match_time(
    render: np.ndarray, clip: np.ndarray, window: Window, needed: int
) -> tuple[int, float, float]:
    """The offset at which both move alike, its correlation, and the next best one's.

    Args:
        render: gray frames, uint8 [N,h,w].
        clip: gray frames, uint8 [T,H,W].
        window: where the render shows the clip.
        needed: frames that both must have in common at least.
    """
    shown, true = _motion(render, clip, window)
    count, frames = len(shown), len(true)
    length = next_fast_len(count + frames)
    # The correlation sums over frames and pixels; entry d belongs to the offset d, mod length.
    spectrum = np.zeros(length // 2 + 1, complex)
    for pixel in range(shown.shape[1]):
        spectrum += np.conj(rfft(shown[:, pixel], length)) * rfft(true[:, pixel], length)
    offsets = np.arange(-count + 1, frames)
    both = irfft(spectrum, length)[offsets % length]
    power, power_true = (np.r_[0, np.cumsum(np.square(m).sum(1))] for m in (shown, true))
    first, last = np.maximum(0, -offsets), np.minimum(count, frames - offsets)
    energy = (power[last] - power[first]) * (
        power_true[last + offsets] - power_true[first + offsets]
    )
    correlation = both / np.sqrt(np.maximum(energy, 1e-9))
    correlation[(last - first) < needed] = -1
    best = int(correlation.argmax())
    away = np.abs(offsets - offsets[best]) > 2
    second = float(correlation[away].max()) if away.any() else -1.0
    return int(offsets[best]), float(correlation[best]), second


def _motion(render: np.ndarray, clip: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """What moves in the part that both show, small, each pixel less its mean around, float32."""
    height, width = render.shape[1:]
    tall, broad = clip.shape[1:]
    x0, y0 = max(0.0, window.x), max(0.0, window.y)
    x1 = min(float(broad), window.x + window.scale * width)
    y1 = min(float(tall), window.y + window.scale * height)
    side = max(1e-6, x1 - x0), max(1e-6, y1 - y0)

    def small(frames: np.ndarray, x: float, y: float, zoom: float) -> np.ndarray:
        step = side[0] / SMALL / zoom, side[1] / SMALL / zoom
        grid = np.array([[step[0], 0, x + step[0] / 2 - 0.5], [0, step[1], y + step[1] / 2 - 0.5]])
        rows = np.empty((len(frames), SMALL * SMALL), np.float32)
        for index, frame in enumerate(frames):
            soft = cv2.blur(frame, (max(1, round(step[0])), max(1, round(step[1]))))
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            rows[index] = cv2.warpAffine(soft, grid, (SMALL, SMALL), flags=flags).ravel()
        # Less the mean of the second around: that of the whole would be another part's, too.
        return rows - cv2.blur(rows, (1, AROUND), borderType=cv2.BORDER_REFLECT)

    scale = window.scale
    shown = small(render, (x0 - window.x) / scale, (y0 - window.y) / scale, scale)
    return shown, small(clip, x0, y0, 1.0)


def _whole(render: np.ndarray, clip: np.ndarray) -> Window:
    return Window(0.0, 0.0, clip.shape[2] / render.shape[2])


def snapped(window: Window, size: tuple[int, int], clip: tuple[int, int]) -> Window:
    """The window at whole pixels where it all but lies there already.

    Tried are the clip's whole picture, and the render's own size at a whole place.

    Args:
        window: as it was found.
        size: width and height of the render, px.
        clip: width and height of the clip, px.
    """
    tried = [Window(0.0, 0.0, clip[0] / size[0])]
    tried.append(Window(float(round(window.x)), float(round(window.y)), 1.0))
    width = round(window.scale * size[0])
    centre = window.x + window.scale * size[0] / 2, window.y + window.scale * size[1] / 2
    scale = width / size[0]
    corner = round(centre[0] - width / 2), round(centre[1] - scale * size[1] / 2)
    tried.append(Window(float(corner[0]), float(corner[1]), scale))
    near = [w for w in tried if window.apart(w, *size) < SNAP]
    return near[0] if near else window


def common_box(
    window: Window, size: tuple[int, int], clip: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Whole pixels of the clip that the render shows: (x, y, width, height), sides even.

    Args:
        window: where the render shows the clip.
        size: width and height of the render, px.
        clip: width and height of the clip, px.
    """
    x0, y0 = (max(0, int(np.ceil(c - 0.01))) for c in (window.x, window.y))
    x1 = min(clip[0], int(np.floor(window.x + window.scale * size[0] + 0.01)))
    y1 = min(clip[1], int(np.floor(window.y + window.scale * size[1] + 0.01)))
    return x0, y0, (x1 - x0) // 2 * 2, (y1 - y0) // 2 * 2


def resampled(frame: np.ndarray, window: Window, box: tuple[int, int, int, int]) -> np.ndarray:
    """The part of a render that lies in a box of the clip, in the clip's pixels.

    Args:
        frame: a frame of the render, uint8 [h,w,3].
        window: where the render shows the clip.
        box: x, y, width, height in the clip, px.

    Returns:
        uint8 [height,width,3].
    """
    x, y, width, height = box
    zoom = 1 / window.scale
    left, top = (x - window.x) * zoom, (y - window.y) * zoom
    if zoom == 1 and left == round(left) and top == round(top):
        row, column = round(top), round(left)
        return np.ascontiguousarray(frame[row : row + height, column : column + width])
    if zoom > 1:
        # Else pixels between the samples would be left out.
        frame = cv2.GaussianBlur(frame, (0, 0), 0.4 * np.sqrt(zoom**2 - 1))
    grid = np.array([[zoom, 0, left + zoom / 2 - 0.5], [0, zoom, top + zoom / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(
        frame, grid, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
