// What Whisper hears in a whole recording: unigs/speech/whisper_windows.py.
import type { Arrays } from "../payload";
import { WhisperEncoder } from "./whisper";
import { HOP, scaled, WhisperMel } from "./whisper_mel";

const ROW = 2 * HOP;
const WINDOW = 400;
const BEFORE = 60;
const AFTER = 10;
const STEP = (WINDOW - BEFORE - AFTER) / 3;

export interface WhisperSettings {
  layers: number;
  bands: number;
  floor: number;
}

/** Hears recordings with a network and keeps what its projection keeps. */
export class Listener {
  private readonly net: WhisperEncoder;
  private readonly mel: WhisperMel;

  constructor(private readonly arrays: Arrays, private readonly settings: WhisperSettings) {
    this.net = new WhisperEncoder(arrays, settings.layers, WINDOW, settings.bands);
    this.mel = new WhisperMel(settings.bands, settings.floor);
  }

  /** Features [n / ROW + 1, D] of a recording; overlapping windows are cross-faded.
   * @param told is called with the share that is done. */
  hear(samples: Float32Array, told: (share: number) => void): Float32Array {
    const count = Math.floor(samples.length / ROW) + 1;
    const mel = this.surrounded(this.mel.columns(samples), count);
    const kept = WINDOW - BEFORE - AFTER;
    const ramp = (i: number) => Math.fround((i + 0.5) / STEP);
    const weight = Float32Array.from(
      { length: kept }, (_, i) => Math.min(ramp(i), ramp(kept - 1 - i), 1)
    );
    const width = this.width;
    const total = new Float32Array((count + 2 * WINDOW) * width);
    const weights = new Float32Array(count + 2 * WINDOW);
    // Row i of the recording is row WINDOW + i here.
    for (let first = WINDOW + STEP - kept; first < WINDOW + count; first += STEP) {
      const start = 2 * (first - BEFORE) * this.settings.bands;
      const rows = this.rows(mel.subarray(start, start + 2 * WINDOW * this.settings.bands));
      for (let i = 0; i < kept; i++) {
        weights[first + i] += weight[i];
        for (let d = 0; d < width; d++) {
          total[(first + i) * width + d] += weight[i] * rows[(BEFORE + i) * width + d];
        }
      }
      told(Math.min(1, (first - WINDOW + kept) / (count + kept)));
    }
    const out = total.slice(WINDOW * width, (WINDOW + count) * width);
    for (let i = 0; i < out.length; i++) out[i] /= weights[WINDOW + Math.floor(i / width)];
    return out;
  }

  get width(): number {
    return this.arrays.has("projection.mean")
      ? this.arrays.shape("projection.matrix")[1]
      : this.net.width;
  }

  /** Columns of a recording with silence before and behind them. */
  private surrounded(columns: Float32Array, count: number): Float32Array {
    const { bands, floor } = this.settings;
    const heard = Math.min(columns.length, 2 * count * bands);
    const all = new Float32Array(4 * WINDOW * bands + heard).fill(scaled(floor));
    all.set(columns.subarray(0, heard), 2 * WINDOW * bands);
    return all;
  }

  /** Features of one window of the spectrogram. */
  private rows(mel: Float32Array): Float32Array {
    const states = this.net.states(mel);
    if (!this.arrays.has("projection.mean")) return states;
    const mean = this.arrays.floats("projection.mean");
    const matrix = this.arrays.floats("projection.matrix");
    const [inputs, outputs] = this.arrays.shape("projection.matrix");
    const rows = states.length / inputs;
    const out = new Float32Array(rows * outputs);
    for (let i = 0; i < rows; i++) {
      for (let s = 0; s < inputs; s++) {
        const value = states[i * inputs + s] - mean[s];
        for (let d = 0; d < outputs; d++) out[i * outputs + d] += value * matrix[s * outputs + d];
      }
    }
    return out;
  }
}
