"""The function that is rendered, in numbers: gsplat 1.5.3's constants, and the kernels' records.

Both rasterizers (`unigs.render.cpu`, `unigs.render.cuda`) compute one function, so a portrait
trained on one device plays on the other. These are its constants; the CPU's kernels, and the plain
torch renderer of the benchmarks, take them from here, gsplat has them built in.
"""

import numpy as np

F = np.float32

BLUR = F(0.3)
"""Added to both variances of a projected Gaussian, px^2 (gsplat's eps2d in the classic mode): none
is smaller than a pixel, so none falls between the pixel centers."""
NEAR, FAR = F(0.01), F(1e10)
"""Depths between which a center is drawn, meters."""
FRUSTUM_MARGIN = F(0.3)
"""The Jacobian of the projection is taken at most this share of half the field of view outside of
it, where the affine approximation of the camera would blow up."""
ALPHA_STEPS = F(255)
MIN_ALPHA = F(1 / 255)
"""Fainter contributions are skipped: less than one step of an 8-bit picture, 1 / ALPHA_STEPS."""
MAX_ALPHA = F(0.999)
"""Largest alpha of a contribution: the gradient divides by 1 - alpha. A pixel stops before the
Gaussian that would bring its transmittance to MIN_TRANSMITTANCE, so 1 - MAX_ALPHA must stay above
that, or one opaque Gaussian would not be drawn at all."""
MIN_TRANSMITTANCE = F(1e-4)
"""A pixel whose transmittance would fall to this is finished."""
MAX_EXTENT = F(3.33)
"""Extent of a Gaussian's bounding box in standard deviations; fainter ones get a smaller one."""

RECORD = 16
"""float32 numbers that the blending kernels read of a Gaussian: one cache line."""
MOMENTS = 9
"""Sums per Gaussian and tile in the backward pass, with z = alpha dL/dalpha over the tile's pixels:
z, z dx, z dy, z dx^2, z dx dy, z dy^2, and the three color gradients."""
