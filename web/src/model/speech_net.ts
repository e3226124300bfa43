// From a window of speech features to audio feature and lips: unigs/model/speech_net.py and
// unigs/model/lip_nets.py.
import type { Arrays } from "../payload";

const HALF = 5;
const RAMP = 0.1;
const PRESS = 0.75;

/** x Phi(x), with the error function by Abramowitz and Stegun, 7.1.26. */
export function gelu(x: number): number {
  const z = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + 0.3275911 * z);
  const poly =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const erf = 1 - poly * Math.exp(-z * z);
  return 0.5 * x * (1 + (x < 0 ? -erf : erf));
}

/** A convolution over the columns of x [columns, inputs]; weight [outputs, inputs, taps]. */
function convolve(
  x: Float32Array, columns: number, weight: Float32Array, bias: Float32Array, taps: number,
  step: number, pad: number
): Float32Array {
  const outputs = bias.length;
  const inputs = x.length / columns;
  const rows = Math.floor((columns + 2 * pad - taps) / step) + 1;
  const out = new Float32Array(rows * outputs);
  for (let i = 0; i < rows; i++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias[o];
      for (let tap = 0; tap < taps; tap++) {
        const column = i * step + tap - pad;
        if (column < 0 || column >= columns) continue;
        const at = o * inputs * taps + tap;
        for (let c = 0; c < inputs; c++) sum += x[column * inputs + c] * weight[at + c * taps];
      }
      out[i * outputs + o] = sum;
    }
  }
  return out;
}

/** The audio feature of eq. 6. */
export class AudioNet {
  private readonly p: Record<string, Float32Array> = {};

  constructor(arrays: Arrays, private readonly window: number) {
    for (const name of [
      "columns.0.weight", "columns.0.bias", "columns.2.weight", "columns.2.bias",
      "attention.weight", "attention.bias", "place", "out.weight", "out.bias",
    ]) {
      this.p[name] = arrays.floats(`motion.speech_net.audio.${name}`);
    }
  }

  /** Audio feature of a window [W,D]. */
  apply(window: Float32Array): Float32Array {
    const { p, window: W } = this;
    const first = convolve(window, W, p["columns.0.weight"], p["columns.0.bias"], 3, 1, 1).map(gelu);
    const hidden = convolve(first, W, p["columns.2.weight"], p["columns.2.bias"], 3, 1, 1).map(gelu);
    const channels = hidden.length / W;
    const scores = Float64Array.from({ length: W }, (_, w) => {
      let sum = p["attention.bias"][0] + p.place[w];
      for (let c = 0; c < channels; c++) sum += hidden[w * channels + c] * p["attention.weight"][c];
      return sum;
    });
    const largest = scores.reduce((a, b) => Math.max(a, b));
    const weights = scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((a, b) => a + b);
    const pooled = new Float32Array(channels);
    for (let w = 0; w < W; w++) {
      for (let c = 0; c < channels; c++) {
        pooled[c] += (hidden[w * channels + c] * weights[w]) / total;
      }
    }
    return p["out.bias"].map((bias, o) => {
      let sum = bias;
      for (let c = 0; c < channels; c++) sum += pooled[c] * p["out.weight"][o * channels + c];
      return sum;
    });
  }
}

/** What predicts the lips of a window. */
export abstract class Lips {
  protected readonly gain: Float32Array;
  protected readonly bias: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;

  constructor(protected readonly arrays: Arrays, protected readonly window: number) {
    [this.gain, this.bias, this.low, this.high] = ["gain", "bias", "low", "high"].map((name) =>
      this.part(name)
    );
  }

  /** Calibrated lip shape of a window [W,D]. */
  abstract apply(window: Float32Array): Float32Array;

  /** The least and the largest opening that a prediction can have. */
  get range(): [number, number] {
    return [this.low[0] - PRESS, this.high[0]];
  }

  protected part(name: string): Float32Array {
    return this.arrays.floats(`motion.speech_net.lip_net.${name}`);
  }

  protected calibrated(raw: Float32Array): Float32Array {
    return raw.map((x, k) =>
      Math.min(Math.max((x - this.bias[k]) * this.gain[k], this.low[k]), this.high[k])
    );
  }
}

/** A linear map of the middle of a window. */
export class LipMap extends Lips {
  apply(window: Float32Array): Float32Array {
    return this.calibrated(this.mapped(this.middle(window, 0), "weights", this.gain.length));
  }

  /** The columns of a window that a map hears, or those `later` columns on. */
  protected middle(window: Float32Array, later: number): Float32Array {
    const D = window.length / this.window;
    const first = (this.window >> 1) - HALF + later;
    return window.subarray(first * D, (first + 2 * HALF + 1) * D);
  }

  /** heard [I] times a matrix [I,outputs]. */
  protected mapped(heard: Float32Array, name: string, outputs: number): Float32Array {
    const weights = this.part(name);
    const out = new Float32Array(outputs);
    for (let i = 0; i < heard.length; i++) {
      for (let o = 0; o < outputs; o++) out[o] += heard[i] * weights[i * outputs + o];
    }
    return out;
  }
}

/** A linear map that knows p, b and m: for them the lips meet. */
export class ClosingLipMap extends LipMap {
  apply(window: Float32Array): Float32Array {
    const shape = super.apply(window);
    const score = Math.max(this.score(window, 0), this.score(window, 1));
    const share = Math.min(Math.max((score - this.part("sure")[0]) / RAMP, 0), 1);
    shape[0] += share * (this.low[0] - PRESS - shape[0]);
    return shape;
  }

  private score(window: Float32Array, later: number): number {
    const bias = this.part("closure_hidden_bias");
    const out = this.part("closure_out");
    const units = this.mapped(this.middle(window, later), "closure_hidden", bias.length);
    let sum = this.part("closure_out_bias")[0];
    for (let h = 0; h < units.length; h++) sum += Math.max(units[h] + bias[h], 0) * out[h];
    return sum;
  }
}

/** An ensemble of small convolutional networks. */
export class LipNets extends Lips {
  constructor(arrays: Arrays, window: number, private readonly members: number) {
    super(arrays, window);
  }

  apply(window: Float32Array): Float32Array {
    const half = this.members - (this.members >> 1);
    const seen = this.viewed(window);
    const mean = new Float32Array(this.gain.length);
    for (let g = 0; g < this.members; g++) {
      let x = g < half ? window : seen;
      let columns = this.window;
      for (const [name, step, pad] of [["conv1", 2, 1], ["conv2", 2, 1], ["conv3", 1, 1]] as const) {
        const made = this.grouped(x, columns, name, g, step, pad, 3);
        x = made.map(gelu);
        columns = Math.floor((columns + 2 * pad - 3) / step) + 1;
      }
      x = this.grouped(x, columns, "dense", g, 1, 0, columns).map(gelu);
      this.grouped(x, 1, "out", g, 1, 0, 1).forEach((v, k) => (mean[k] += v / this.members));
    }
    return this.calibrated(mean);
  }

  /** One member's part of a grouped convolution. */
  private grouped(
    x: Float32Array, columns: number, name: string, member: number, step: number, pad: number,
    taps: number
  ): Float32Array {
    const weight = this.part(`${name}.weight`);
    const bias = this.part(`${name}.bias`);
    const [w, b] = [weight.length / this.members, bias.length / this.members];
    const own = weight.subarray(member * w, (member + 1) * w);
    const shift = bias.subarray(member * b, (member + 1) * b);
    return convolve(x, columns, own, shift, taps, step, pad);
  }

  /** The window partly whitened, as the second half of the members sees it. */
  private viewed(window: Float32Array): Float32Array {
    const view = this.part("view");
    const D = window.length / this.window;
    const out = new Float32Array(window.length);
    for (let w = 0; w < this.window; w++) {
      for (let i = 0; i < D; i++) {
        for (let d = 0; d < D; d++) out[w * D + d] += window[w * D + i] * view[i * D + d];
      }
    }
    return out;
  }
}

/** The kind of lips that a portrait's header names; null: none. */
export function makeLips(arrays: Arrays, speech: any): Lips | null {
  if (!speech.lip_dim) return null;
  if (speech.lips === "map") return new LipMap(arrays, speech.window);
  if (speech.lips === "closing map") return new ClosingLipMap(arrays, speech.window);
  return new LipNets(arrays, speech.window, speech.members ?? 12);
}
