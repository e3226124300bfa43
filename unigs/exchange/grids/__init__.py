"""Feature grids of other systems: tiny-cuda-nn's flat parameters, torch-ngp's embeddings."""
