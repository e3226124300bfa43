# UniGS for CPUs: docker build -t unigs . && docker run --rm -it -v "$PWD:/work" unigs demo
#
# /work is the folder in which results/ appears. See docs/deploy.md; Dockerfile.cuda is for NVIDIA GPUs.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:${PYTHON}-slim-bookworm
# Of the system: the threads of torch and numba. ffmpeg comes with imageio-ffmpeg.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheel /tmp/wheel
# The CPU build of torch first: the default one brings gigabytes of CUDA.
RUN TORCH="$(sed -n 's/^torch==//p' /tmp/constraints.txt)" \
    && pip install --no-cache-dir "torch==${TORCH}+cpu" \
       --index-url https://download.pytorch.org/whl/cpu --extra-index-url https://pypi.org/simple \
    && pip install --no-cache-dir -c /tmp/constraints.txt /tmp/wheel/*.whl \
    && rm -r /tmp/wheel /tmp/constraints.txt
# Weights outside /work serve every folder. Kernels are compiled for the processor that runs them, so
# their cache is kept for whoever the container runs as.
ENV UNIGS_MODELS=/opt/unigs/models NUMBA_CACHE_DIR=/opt/unigs/kernels HOME=/opt/unigs/home
RUN mkdir -p /opt/unigs/models /opt/unigs/kernels /opt/unigs/home \
    && unigs setup \
    && chmod -R a+rwX /opt/unigs
WORKDIR /work
ENTRYPOINT ["unigs"]
CMD ["doctor"]
