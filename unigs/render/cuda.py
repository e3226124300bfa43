"""The rasterizer on NVIDIA GPUs: gsplat 1.5.3, imported only when tensors are there.

gsplat's ``rasterization`` returns the 2D means of all images in one tensor, and a view of it
would receive no gradient. Its four public steps are therefore called one by one, with each frame's
means [N,2] on the path from parameters to image; the result is that of ``rasterization`` with
``packed=False``. The frames of a training step take one call, and one wait for the number of pairs.
"""

import math

import torch
from torch import Tensor

from unigs.stage.errors import UserError

TILE_SIDE = 16
"""Pixels along a side of gsplat's image tiles."""
WARP = 32
"""Threads of a GPU that run in lockstep."""


def load_gsplat():
    """Import gsplat with its compiled kernels (built at the first call if there is no wheel).

    Raises:
        UserError: gsplat or its kernels are missing, and cannot be built.
    """
    try:
        import gsplat
        from gsplat.cuda._backend import _C
    # Without a wheel gsplat compiles itself on import: a failed build is a RuntimeError.
    except (ImportError, RuntimeError) as error:
        raise UserError(
            f"rendering on a GPU needs gsplat 1.5.3, which does not import ({error}): install it "
            "as docs/gpu.md says, or choose the device cpu"
        ) from error
    if _C is None:
        raise UserError(
            "gsplat is installed without its CUDA kernels and finds no CUDA toolkit to build them: "
            "install the wheel for this torch and CUDA version, or choose the device cpu"
        )
    return gsplat


def rasterize_cuda(
    frames: list[tuple[Tensor, ...]], width: int, height: int
) -> list[tuple[Tensor, Tensor, dict[str, Tensor]]]:
    """Compute :func:`unigs.render.rasterize.rasterize_frames` for checked CUDA tensors.

    Args:
        frames: of each: means, quats, scales, opacities, colors, viewmat, K, background.
        width: width of all images, pixels.
        height: height of all images, pixels.

    Raises:
        ValueError: several frames of fewer than 32 Gaussians, or with cameras that ask for a
            gradient: gsplat would add up what belongs to two frames within a warp of 32 threads.
    """
    gsplat = load_gsplat()
    parts = zip(*frames, strict=True)
    means, quats, scales, opacities, colors, views, Ks, backgrounds = map(torch.stack, parts)
    if len(frames) > 1 and (views.requires_grad or means.shape[1] < WARP):
        raise ValueError(
            f"a batch of frames needs {WARP} Gaussians or more, and cameras without gradient"
        )
    # Every frame has its own Gaussians: gsplat's batch dimension, with one camera in each.
    radii, means2d, depths, conics, _ = gsplat.fully_fused_projection(
        means, None, quats, scales, views[:, None], Ks[:, None], width, height, packed=False,
        opacities=opacities,
    )  # fmt: skip
    radii, depths, conics = radii[:, 0], depths[:, 0], conics[:, 0]
    each = means2d[:, 0].unbind(0)
    means2d = torch.stack(each)  # so that each frame's [N,2] lies on the path
    tiles_x, tiles_y = math.ceil(width / TILE_SIDE), math.ceil(height / TILE_SIDE)
    _, tile_keys, order = gsplat.isect_tiles(means2d, radii, depths, TILE_SIDE, tiles_x, tiles_y)
    offsets = gsplat.isect_offset_encode(tile_keys, len(frames), tiles_x, tiles_y)
    image, alpha = gsplat.rasterize_to_pixels(
        means2d, conics, colors, opacities, width, height, TILE_SIDE, offsets, order,
        backgrounds=backgrounds,
    )  # fmt: skip
    metas = (
        {"means2d": m, "conics": c, "depths": d, "radii": r}
        for m, c, d, r in zip(each, conics, depths, radii, strict=True)
    )
    return list(zip(image, alpha, metas, strict=True))
