// From sound to features that fit the portrait: unigs/speech/encoder.py.
import type { Arrays } from "../payload";
import { Listener, type WhisperSettings } from "./hear";
import { activeColumns, normalized } from "./loudness";
import { pauses, type PauseSettings } from "./pauses";
import { spectralColumns, type SpectralSettings } from "./spectral";

export interface SpeechSettings extends PauseSettings {
  kind: "spectral" | "whisper" | "none";
  /** Why recordings that are dropped cannot be heard, where kind is none. */
  reason: string;
  levelDb: number;
  stepMs: number;
  fps: number;
  /** Whether another voice's mean is moved to the clip's. */
  shifted: boolean;
  spectral?: SpectralSettings;
  whisper?: WhisperSettings;
}

/** A recording as the portrait hears it. */
export interface Heard {
  /** Features [N,D], matched to the training clip. */
  columns: Float32Array;
  /** Weight of silence in each frame. */
  rest: Float32Array;
  frames: number;
}

/** Samples a lip prior hears before and after a row. */
const HALF = 5;

export class SpeechEncoder {
  private listener: Listener | null = null;

  constructor(private readonly arrays: Arrays, private readonly settings: SpeechSettings) {}

  /** Features and pauses of a recording at 16 kHz. */
  hear(samples: Float32Array, told: (share: number) => void = () => {}): Heard {
    const { fps } = this.settings;
    const frames = Math.ceil((samples.length / 16000) * fps);
    const columns = this.matched(this.columns(samples, told), samples);
    const scores = this.scores(columns, frames);
    return { columns, rest: pauses(samples, frames, fps, this.settings, scores), frames };
  }

  /** Raw features of samples, one row every `stepMs`. */
  columns(samples: Float32Array, told: (share: number) => void = () => {}): Float32Array {
    const { kind, levelDb, spectral, whisper, reason } = this.settings;
    const level = normalized(samples, levelDb);
    if (kind === "spectral") return spectralColumns(level, spectral!);
    if (kind === "none") throw new Error(reason);
    this.listener ??= new Listener(this.arrays, whisper!);
    return this.listener.hear(level, told);
  }

  /** Features moved to the mean of the clip's active speech, and clipped to its range. */
  private matched(columns: Float32Array, samples: Float32Array): Float32Array {
    if (!this.arrays.has("profile.mean")) return columns;
    const mean = this.arrays.floats("profile.mean");
    const low = this.arrays.floats("profile.low");
    const high = this.arrays.floats("profile.high");
    const D = mean.length;
    const count = columns.length / D;
    const active = activeColumns(samples, count, this.settings.stepMs);
    if (!active.includes(true)) return columns;
    const shift = new Float64Array(D);
    if (this.settings.shifted) {
      let rows = 0;
      for (let i = 0; i < count; i++) {
        if (!active[i]) continue;
        rows++;
        for (let d = 0; d < D; d++) shift[d] += columns[i * D + d];
      }
      for (let d = 0; d < D; d++) shift[d] = mean[d] - shift[d] / rows;
    }
    return columns.map((x, i) => Math.min(Math.max(x + shift[i % D], low[i % D]), high[i % D]));
  }

  /** Score of each frame, positive where someone speaks; null where the features do not tell. */
  private scores(columns: Float32Array, frames: number): Float32Array | null {
    if (!this.arrays.has("detector.weight")) return null;
    const weight = this.arrays.floats("detector.weight");
    const bias = this.arrays.floats("detector.bias")[0];
    const mean = this.arrays.floats("profile.mean");
    const D = mean.length;
    const count = columns.length / D;
    const scored = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      let sum = bias;
      for (let k = -HALF; k <= HALF; k++) {
        const row = Math.min(Math.max(i + k, 0), count - 1);
        for (let d = 0; d < D; d++) {
          sum += (columns[row * D + d] - mean[d]) * weight[(k + HALF) * D + d];
        }
      }
      scored[i] = sum;
    }
    const { fps, stepMs } = this.settings;
    return Float32Array.from({ length: frames }, (_, k) => {
      const at = Math.floor((((k + 0.5) / fps) * 1000) / stepMs + 0.5);
      return scored[Math.min(Math.max(at, 0), count - 1)];
    });
  }
}

/** Windows of features around frames, as the networks hear them. */
export class Windows {
  readonly width: number;
  private readonly silence: Float32Array;

  constructor(arrays: Arrays, private readonly settings: SpeechSettings, width: number) {
    this.width = width;
    this.mean = arrays.floats("speech.mean");
    this.std = arrays.floats("speech.std");
    this.quiet = arrays.floats("speech.quiet");
    this.silence = this.mean.map((mean, d) => (this.quiet[d] - mean) / this.std[d]);
  }

  private readonly mean: Float32Array;
  private readonly std: Float32Array;
  private readonly quiet: Float32Array;

  /** The window [W,D] of frame k, normalized; pauses are filled with silence. */
  at(heard: Heard, k: number): Float32Array {
    const { fps, stepMs } = this.settings;
    const D = this.mean.length;
    const count = heard.columns.length / D;
    const middle = Math.floor((((k + 0.5) / fps) * 1000) / stepMs + 0.5);
    const rest = heard.rest[k] ?? 1;
    const out = new Float32Array(this.width * D);
    for (let w = 0; w < this.width; w++) {
      const row = middle + w - (this.width >> 1);
      const inside = row >= 0 && row < count;
      for (let d = 0; d < D; d++) {
        const raw = inside ? heard.columns[row * D + d] : this.quiet[d];
        const value = (raw - this.mean[d]) / this.std[d];
        out[w * D + d] = (1 - rest) * value + rest * this.silence[d];
      }
    }
    return out;
  }

  /** The window of complete silence. */
  get quietWindow(): Float32Array {
    return Float32Array.from(
      { length: this.width * this.mean.length }, (_, i) => this.silence[i % this.mean.length]
    );
  }
}
