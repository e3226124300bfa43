"""Settings of both training stages for a subject of a few dozen small frames."""

from unigs.settings.static import StaticSettings

STATIC = StaticSettings(
    iterations=120, points=400, max_gaussians=600, densify_from=40, densify_every=20,
    evaluate_every=60, anchor=True, lambda_alpha=0.1, device="cpu",
)  # fmt: skip
