rule crop_clip:
    """One square window around the portrait, at a fixed frame rate, with the sound in step."""
    input:
        video=lambda wildcards: supplied(PLAN.source_video(wildcards.subject)),
        model_files=model_files("crop"),
    output:
        video="results/{subject}/clip/video.mp4",
        info="results/{subject}/clip/crop.json",
    log:
        "logs/crop_clip/{subject}.log",
    benchmark:
        "logs/crop_clip/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.prepare.clip.crop"),
        flags=flags("crop"),
        sheet=sheet_flags("crop", "start", "stop"),
    shell:
        "python -m unigs.prepare.clip.crop"
        " --video {input.video:q}"
        " --out {output.video:q}"
        " --info {output.info:q}"
        " {params.flags} {params.sheet} > {log:q} 2>&1"


rule detect_landmarks:
    """478 face landmarks with irises, frame by frame."""
    input:
        video="results/{subject}/clip/video.mp4",
        model_files=model_files("landmarks"),
    output:
        landmarks="results/{subject}/face/landmarks.npz",
    log:
        "logs/detect_landmarks/{subject}.log",
    benchmark:
        "logs/detect_landmarks/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.prepare.face.landmarks"),
        flags=flags("landmarks"),
    shell:
        "python -m unigs.prepare.face.landmarks"
        " --video {input.video:q}"
        " --out {output.landmarks:q}"
        " {params.flags} > {log:q} 2>&1"


rule screen_clip:
    """The frame table: which frames count, why others do not, which are for the test."""
    input:
        video="results/{subject}/clip/video.mp4",
        landmarks="results/{subject}/face/landmarks.npz",
        given=given(imports.GIVEN_TABLE),
        model_files=model_files("screen"),
    output:
        frame_table="results/{subject}/clip/frames.csv",
    log:
        "logs/screen_clip/{subject}.log",
    benchmark:
        "logs/screen_clip/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.prepare.clip.screen"),
        flags=flags("screen"),
        sheet=sheet_flags("remove", "test"),
        given=optional_flag("given"),
    shell:
        "python -m unigs.prepare.clip.screen"
        " --video {input.video:q}"
        " --landmarks {input.landmarks:q}"
        " --out {output.frame_table:q}"
        " {params.flags} {params.sheet} {params.given} > {log:q} 2>&1"


rule extract_audio:
    """The clip's sound: 16 kHz, one channel."""
    input:
        video="results/{subject}/clip/video.mp4",
    output:
        audio="results/{subject}/speech/audio.wav",
    log:
        "logs/extract_audio/{subject}.log",
    conda:
        "../envs/prepare.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_words("unigs.prepare.speech.extract"),
    shell:
        "python -m unigs.prepare.speech.extract"
        " --video {input.video:q}"
        " --out {output.audio:q} > {log:q} 2>&1"


rule encode_speech:
    """One window of speech features for each frame; the lips show a delay of the sound."""
    input:
        audio="results/{subject}/speech/audio.wav",
        frame_table="results/{subject}/clip/frames.csv",
        landmarks="results/{subject}/face/landmarks.npz",
        model_files=model_files("speech"),
    output:
        features="results/{subject}/speech/features.npz",
    log:
        "logs/encode_speech/{subject}.log",
    benchmark:
        "logs/encode_speech/{subject}.tsv"
    conda:
        "../envs/speech.yaml"
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        *code_words("unigs.prepare.speech.encode"),
        *content_words(PACKAGE.glob("speech/p*/*.safetensors")),
        flags=flags("speech"),
    shell:
        "python -m unigs.prepare.speech.encode"
        " --audio {input.audio:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --out {output.features:q}"
        " {params.flags} > {log:q} 2>&1"


rule run_openface:
    """Action units by OpenFace's own program, where its back-end is chosen and no table given."""
    input:
        video="results/{subject}/clip/video.mp4",
    output:
        openface="results/{subject}/face/openface.csv",
    log:
        "logs/run_openface/{subject}.log",
    conda:
        "../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.prepare.face.openface"),
    shell:
        "python -m unigs.prepare.face.openface"
        " --video {input.video:q}"
        " --out {output.openface:q} > {log:q} 2>&1"


rule measure_eyes:
    """Action units of brows and lids, calibrated to the person."""
    input:
        landmarks="results/{subject}/face/landmarks.npz",
        frame_table="results/{subject}/clip/frames.csv",
        openface=openface_table,
        model_files=model_files("eyes"),
    output:
        eyes="results/{subject}/face/eyes.csv",
    log:
        "logs/measure_eyes/{subject}.log",
    conda:
        "../envs/prepare.yaml"
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code_words("unigs.prepare.face.eyes"),
        flags=flags("eyes"),
        openface=optional_flag("openface"),
    shell:
        "python -m unigs.prepare.face.eyes"
        " --landmarks {input.landmarks:q}"
        " --frame-table {input.frame_table:q}"
        " --out {output.eyes:q}"
        " {params.flags} {params.openface} > {log:q} 2>&1"


rule fit_pose:
    """Head pose of each frame and the person's face shape."""
    input:
        landmarks="results/{subject}/face/landmarks.npz",
        frame_table="results/{subject}/clip/frames.csv",
        given=given(imports.GIVEN_POSES),
        model_files=model_files("pose"),
    output:
        pose="results/{subject}/face/pose.npz",
    log:
        "logs/fit_pose/{subject}.log",
    benchmark:
        "logs/fit_pose/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    resources:
        mem_mb=6000,
        runtime=60,
    params:
        *code_words("unigs.prepare.pose.fit"),
        flags=flags("pose"),
        given=optional_flag("given"),
    shell:
        "python -m unigs.prepare.pose.fit"
        " --landmarks {input.landmarks:q}"
        " --frame-table {input.frame_table:q}"
        " --out {output.pose:q}"
        " {params.flags} {params.given} > {log:q} 2>&1"


rule segment_regions:
    """Face, mouth, hair and torso in each frame, and the background behind the person."""
    input:
        video="results/{subject}/clip/video.mp4",
        landmarks="results/{subject}/face/landmarks.npz",
        frame_table="results/{subject}/clip/frames.csv",
        model_files=model_files("regions"),
    output:
        labels="results/{subject}/regions/labels.mkv",
        background="results/{subject}/regions/background.png",
        hole="results/{subject}/regions/hole.png",
    log:
        "logs/segment_regions/{subject}.log",
    benchmark:
        "logs/segment_regions/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        *code_words("unigs.prepare.regions.segment"),
        flags=flags("regions"),
    shell:
        "python -m unigs.prepare.regions.segment"
        " --video {input.video:q}"
        " --landmarks {input.landmarks:q}"
        " --frame-table {input.frame_table:q}"
        " --out {output.labels:q}"
        " --background {output.background:q}"
        " --hole {output.hole:q}"
        " {params.flags} > {log:q} 2>&1"


rule track_body:
    """How the torso moves by itself: a second rigid frame beside the head's."""
    input:
        video="results/{subject}/clip/video.mp4",
        labels="results/{subject}/regions/labels.mkv",
        frame_table="results/{subject}/clip/frames.csv",
        pose="results/{subject}/face/pose.npz",
    output:
        body="results/{subject}/body/motion.npz",
    log:
        "logs/track_body/{subject}.log",
    benchmark:
        "logs/track_body/{subject}.tsv"
    conda:
        "../envs/prepare.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        *code_words("unigs.prepare.body.track"),
        flags=flags("body"),
    shell:
        "python -m unigs.prepare.body.track"
        " --video {input.video:q}"
        " --labels {input.labels:q}"
        " --frame-table {input.frame_table:q}"
        " --pose {input.pose:q}"
        " --out {output.body:q}"
        " {params.flags} > {log:q} 2>&1"
