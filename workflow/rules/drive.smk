rule drive:
    """The portrait speaks any sound file, with poses and blinks of its own clip."""
    input:
        portrait="results/{subject}/{variant}/dynamic/portrait.safetensors",
        audio=driving_audio,
        frames="results/{subject}/clip/frames.csv",
        pose=static_poses,
        body="results/{subject}/body/motion.npz",
        eyes="results/{subject}/face/eyes.csv",
        speech="results/{subject}/speech/features.npz",
        code=source("unigs.drive.speak"),
    output:
        video=report(
            "results/{subject}/{variant}/drive/{audio}.mp4",
            caption="../report/drive.rst",
            category="Talking videos",
            subcategory="{subject}",
            labels={"variant": "{variant}", "audio": "{audio}"},
        ),
    log:
        "logs/drive/{subject}/{variant}/{audio}.log",
    benchmark:
        "logs/drive/{subject}/{variant}/{audio}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        flags=flags("drive"),
    shell:
        "python -m unigs.drive.speak"
        " --portrait {input.portrait:q}"
        " --audio {input.audio:q}"
        " --frames {input.frames:q}"
        " --pose {input.pose:q}"
        " --body {input.body:q}"
        " --eyes {input.eyes:q}"
        " --speech {input.speech:q}"
        " --out {output.video:q}"
        " {params.flags} > {log:q} 2>&1"
