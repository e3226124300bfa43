from unigs.settings.dynamic import LipSettings
from unigs.settings.evaluate import LipJudgeSettings


rule compare_voices:
    """What the lips of every subject make of every other's speech, nothing rendered."""
    input:
        frame_table=collect("results/{subject}/clip/frames.csv", subject=PLAN.voices.subjects),
        landmarks=collect("results/{subject}/face/landmarks.npz", subject=PLAN.voices.subjects),
        speech=collect("results/{subject}/speech/features.npz", subject=PLAN.voices.subjects),
        audio=collect("results/{subject}/speech/audio.wav", subject=PLAN.voices.subjects),
        model_files=model_files("speech"),
    output:
        lips="results/tables/voices/lips.csv",
    log:
        "logs/compare_voices.log",
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        *code_words("unigs.evaluate.voices"),
        *content_words(PACKAGE.glob("speech/p*/*.safetensors")),
        flags=lambda wildcards: as_flags(PLAN.settings("dynamic", PLAN.voices.variant, LipSettings)),
        subjects=PLAN.voices.subjects,
    shell:
        "python -m unigs.evaluate.voices"
        " --subjects {params.subjects:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --speech {input.speech:q}"
        " --audio {input.audio:q}"
        " --out {output.lips:q}"
        " {params.flags} > {log:q} 2>&1"


use rule drive as drive_voice with:
    input:
        **PERFORMANCE,
        portrait=dynamic_file("portrait.safetensors"),
        audio="results/{voice}/speech/audio.wav",
        model_files=model_files("speech"),
    output:
        video="results/{subject}/{variant}/voices/{voice}.mp4",
    log:
        "logs/drive_voice/{subject}/{variant}/{voice}.log",
    benchmark:
        "logs/drive_voice/{subject}/{variant}/{voice}.tsv"


rule judge_voice:
    """Lips of a portrait that another clip's sound drives, beside that clip's own."""
    input:
        render="results/{subject}/{variant}/voices/{voice}.mp4",
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        landmarks="results/{subject}/face/landmarks.npz",
        voice_video="results/{voice}/clip/video.mp4",
        voice_frame_table="results/{voice}/clip/frames.csv",
        voice_landmarks="results/{voice}/face/landmarks.npz",
        voice_speech="results/{voice}/speech/features.npz",
        model_files=model_files("evaluate"),
    output:
        figures="results/{subject}/{variant}/voices/{voice}.json",
    log:
        "logs/judge_voice/{subject}/{variant}/{voice}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        *code_words("unigs.evaluate.foreign_voice"),
        flags=flags("evaluate", LipJudgeSettings),
    shell:
        "python -m unigs.evaluate.foreign_voice"
        " --render {input.render:q}"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --voice-video {input.voice_video:q}"
        " --voice-frame-table {input.voice_frame_table:q}"
        " --voice-landmarks {input.voice_landmarks:q}"
        " --voice-speech {input.voice_speech:q}"
        " --out {output.figures:q}"
        " {params.flags} > {log:q} 2>&1"


rule judge_closure:
    """Do the lips of a talking video meet on p, b and m, where its phones are known?"""
    input:
        render="results/{subject}/{variant}/drive/{audio}.mp4",
        phones=lambda wildcards: supplied(
            PLAN.voices.phone_file(wildcards.subject, wildcards.audio)
        ),
        video="results/{subject}/clip/video.mp4",
        frame_table="results/{subject}/clip/frames.csv",
        landmarks="results/{subject}/face/landmarks.npz",
        model_files=model_files("evaluate"),
    output:
        figures="results/{subject}/{variant}/closure/{audio}.json",
    log:
        "logs/judge_closure/{subject}/{variant}/{audio}.log",
    conda:
        "../envs/portrait.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        *code_words("unigs.evaluate.spoken"),
        flags=flags("evaluate", LipJudgeSettings),
    shell:
        "python -m unigs.evaluate.spoken"
        " --render {input.render:q}"
        " --phones {input.phones:q}"
        " --video {input.video:q}"
        " --frame-table {input.frame_table:q}"
        " --landmarks {input.landmarks:q}"
        " --out {output.figures:q}"
        " {params.flags} > {log:q} 2>&1"


rule collate_voices:
    """The table of voices: pairs of portraits and voices, closure, a picture of all pairs."""
    input:
        lips=PLAN.voices.lips(),
        pairs=PLAN.voices.pairs(".json"),
        closures=PLAN.voices.closures(),
    output:
        csv=report(
            "results/tables/voices.csv",
            caption="../report/voices.rst",
            category="Tables",
            labels={"table": "voices"},
        ),
        markdown="results/tables/voices.md",
        picture="results/tables/voices.svg",
    log:
        "logs/collate_voices.log",
    localrule: True
    conda:
        "../envs/report.yaml"
    params:
        *code_words("unigs.report.voices"),
    shell:
        "python -m unigs.report.voices"
        " --lips {input.lips:q}"
        " --pairs {input.pairs:q}"
        " --closures {input.closures:q}"
        " --out {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --picture {output.picture:q} > {log:q} 2>&1"
