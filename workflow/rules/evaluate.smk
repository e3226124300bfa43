from unigs.settings.evaluate import ScoreSettings, SpeedSettings, TorsoSettings


rule render_test:
    """Test frames from their own pose, eyes and speech (`evaluate.torso: pasted`: over their own
    torso)."""
    input:
        **PERFORMANCE,
        portrait=dynamic_file("portrait.safetensors"),
        video="results/{subject}/clip/video.mp4",
        labels="results/{subject}/regions/labels.mkv",
        audio=clip_sound,
    output:
        render="results/{subject}/{variant}/test/video.mkv",
        shuffled="results/{subject}/{variant}/test/shuffled.mkv",
        preview=report(
            "results/{subject}/{variant}/test/video.mp4",
            caption="../report/test.rst",
            category="Test renders",
            subcategory="{subject}",
            labels={"variant": "{variant}"},
        ),
    log:
        "logs/render_test/{subject}/{variant}.log",
    benchmark:
        "logs/render_test/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        *code_words("unigs.evaluate.render"),
        flags=flags("evaluate", TorsoSettings),
        audio=optional_flag("audio"),
    shell:
        "python -m unigs.evaluate.render"
        " --portrait {input.portrait:q}"
        " --video {input.video:q}"
        " --labels {input.labels:q}"
        f"{input_flags(PERFORMANCE)}"
        " --out {output.render:q}"
        " --shuffled {output.shuffled:q}"
        " --preview {output.preview:q}"
        " {params.flags} {params.audio} > {log:q} 2>&1"


rule evaluate:
    """Figures of the test renders, per frame and per region, beside what they have to beat."""
    input:
        static=static_file("portrait.safetensors"),
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        pose=static_file("pose.npz"),
        body=static_file("motion.npz"),
        landmarks="results/{subject}/face/landmarks.npz",
        labels="results/{subject}/regions/labels.mkv",
        audio=clip_sound,
        render="results/{subject}/{variant}/test/video.mkv",
        shuffled="results/{subject}/{variant}/test/shuffled.mkv",
        run=dynamic_file("run.json"),
        static_run=static_file("run.json"),
        model_files=model_files("evaluate"),
    output:
        metrics="results/{subject}/{variant}/test/metrics.json",
        rows="results/{subject}/{variant}/test/frames.csv",
        draws="results/{subject}/{variant}/test/draws.npz",
    log:
        "logs/evaluate/{subject}/{variant}.log",
    benchmark:
        "logs/evaluate/{subject}/{variant}.tsv"
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        *code_words("unigs.evaluate.score"),
        flags=flags("evaluate", ScoreSettings),
        audio=optional_flag("audio"),
    shell:
        "python -m unigs.evaluate.score"
        " --static {input.static:q}"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --pose {input.pose:q}"
        " --body {input.body:q}"
        " --landmarks {input.landmarks:q}"
        " --labels {input.labels:q}"
        " --render {input.render:q}"
        " --shuffled {input.shuffled:q}"
        " --run {input.run:q}"
        " --static-run {input.static_run:q}"
        " --out {output.metrics:q}"
        " --rows {output.rows:q}"
        " --draws {output.draws:q}"
        " {params.flags} {params.audio} > {log:q} 2>&1"


rule place_render:
    """Another system's render of a subject, brought to its test frames."""
    input:
        render=lambda wildcards: supplied(
            renders.render_file(wildcards.system, wildcards.subject) or []
        ),
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        pose="results/{subject}/face/pose.npz",
        audio=clip_sound,
    output:
        render="results/{subject}/{system}/test/video.mkv",
        preview="results/{subject}/{system}/test/video.mp4",
        placement="results/{subject}/{system}/test/placement.json",
    log:
        "logs/place_render/{subject}/{system}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.evaluate.place_render"),
        flags=lambda wildcards: renders.render_flags(config, wildcards.system),
        audio=optional_flag("audio"),
    shell:
        "python -m unigs.evaluate.place_render"
        " --render {input.render:q}"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --pose {input.pose:q}"
        " --out {output.render:q}"
        " --preview {output.preview:q}"
        " --placement {output.placement:q}"
        " {params.flags} {params.audio} > {log:q} 2>&1"


rule evaluate_render:
    """Figures of another system's render, on the same frames and by the same rules as ours."""
    input:
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        pose="results/{subject}/face/pose.npz",
        landmarks="results/{subject}/face/landmarks.npz",
        labels="results/{subject}/regions/labels.mkv",
        audio=clip_sound,
        render="results/{subject}/{system}/test/video.mkv",
        placement="results/{subject}/{system}/test/placement.json",
        model_files=lambda wildcards: supplied(PLAN.model_files("evaluate")),
    output:
        metrics="results/{subject}/{system}/test/metrics.json",
        rows="results/{subject}/{system}/test/frames.csv",
        draws="results/{subject}/{system}/test/draws.npz",
    log:
        "logs/evaluate_render/{subject}/{system}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        *code_words("unigs.evaluate.score"),
        flags=as_flags(PLAN.settings("evaluate", None, ScoreSettings)),
        audio=optional_flag("audio"),
    shell:
        "python -m unigs.evaluate.score"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --pose {input.pose:q}"
        " --landmarks {input.landmarks:q}"
        " --labels {input.labels:q}"
        " --render {input.render:q}"
        " --placement {input.placement:q}"
        " --out {output.metrics:q}"
        " --rows {output.rows:q}"
        " --draws {output.draws:q}"
        " {params.flags} {params.audio} > {log:q} 2>&1"


rule measure_speed:
    """Frames per second, alone on the device."""
    input:
        **PERFORMANCE,
        portrait=dynamic_file("portrait.safetensors"),
        model_files=model_files("speech"),
    output:
        speed="results/{subject}/{variant}/test/speed.json",
    log:
        "logs/measure_speed/{subject}/{variant}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 8
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=30,
    params:
        *code_words("unigs.evaluate.speed"),
        flags=flags("evaluate", SpeedSettings),
    shell:
        "python -m unigs.evaluate.speed"
        " --portrait {input.portrait:q}"
        f"{input_flags(PERFORMANCE)}"
        " --out {output.speed:q}"
        " {params.flags} > {log:q} 2>&1"
