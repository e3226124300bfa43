# Snakemake runs this in the environment that it has made from the file beside it.
# Alone, and without what it asks for: that would be a second OpenCV (see pyproject.toml).
set -eu
pip install --no-deps mediapipe==0.10.14
