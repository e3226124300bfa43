rule train_static:
    """The canonical field: what does not move (eqs. 1-3 and 8)."""
    input:
        video="results/{subject}/clip/video.mp4",
        frames="results/{subject}/clip/frames.csv",
        pose="results/{subject}/face/pose.npz",
        body="results/{subject}/body/motion.npz",
        landmarks="results/{subject}/face/landmarks.npz",
        labels="results/{subject}/regions/labels.mkv",
        background="results/{subject}/regions/background.png",
        code=source("unigs.train.static"),
    output:
        portrait="results/{subject}/{variant}/static/portrait.safetensors",
        poses="results/{subject}/{variant}/static/pose.npz",
        curve="results/{subject}/{variant}/static/curve.csv",
        run="results/{subject}/{variant}/static/run.json",
    log:
        "logs/train_static/{subject}/{variant}.log",
    benchmark:
        "logs/train_static/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=120,
    params:
        flags=flags("static"),
    shell:
        "python -m unigs.train.static"
        " --video {input.video:q}"
        " --frames {input.frames:q}"
        " --pose {input.pose:q}"
        " --body {input.body:q}"
        " --landmarks {input.landmarks:q}"
        " --labels {input.labels:q}"
        " --background {input.background:q}"
        " --out {output.portrait:q}"
        " --poses {output.poses:q}"
        " --curve {output.curve:q}"
        " --record {output.run:q}"
        " {params.flags} > {log:q} 2>&1"


rule train_dynamic:
    """How each Gaussian moves with speech, eyes and head pose (eqs. 4-7 and 9-11)."""
    input:
        video="results/{subject}/clip/video.mp4",
        frames="results/{subject}/clip/frames.csv",
        pose=static_poses,
        body="results/{subject}/body/motion.npz",
        landmarks="results/{subject}/face/landmarks.npz",
        labels="results/{subject}/regions/labels.mkv",
        background="results/{subject}/regions/background.png",
        speech="results/{subject}/speech/features.npz",
        eyes="results/{subject}/face/eyes.csv",
        static=static_portrait,
        code=source("unigs.train.dynamic"),
    output:
        portrait="results/{subject}/{variant}/dynamic/portrait.safetensors",
        curve="results/{subject}/{variant}/dynamic/curve.csv",
        run="results/{subject}/{variant}/dynamic/run.json",
    log:
        "logs/train_dynamic/{subject}/{variant}.log",
    benchmark:
        "logs/train_dynamic/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=16000,
        runtime=720,
    params:
        flags=flags("dynamic"),
    shell:
        "python -m unigs.train.dynamic"
        " --static {input.static:q}"
        " --video {input.video:q}"
        " --frames {input.frames:q}"
        " --pose {input.pose:q}"
        " --body {input.body:q}"
        " --landmarks {input.landmarks:q}"
        " --labels {input.labels:q}"
        " --background {input.background:q}"
        " --speech {input.speech:q}"
        " --eyes {input.eyes:q}"
        " --out {output.portrait:q}"
        " --curve {output.curve:q}"
        " --record {output.run:q}"
        " {params.flags} > {log:q} 2>&1"
