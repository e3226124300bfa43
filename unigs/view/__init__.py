"""A portrait in a viewer: its Gaussians, its frames beside the true ones, its conditions."""
