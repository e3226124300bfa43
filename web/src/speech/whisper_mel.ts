// Whisper's log-mel spectrogram: unigs/speech/whisper_mel.py.
import { RATE } from "./loudness";
import { hannWindow, triangles } from "./spectral";

export const SIZE = 400;
export const HOP = 160;
const BINS = SIZE / 2 + 1;

/** A power's logarithm as Whisper's network takes it. */
export function scaled(log10: number): number {
  return (log10 + 4) / 4;
}

/** Makes spectrograms of one number of bands and one floor. */
export class WhisperMel {
  private readonly filters: Float64Array[];
  private readonly cosines = new Float64Array(BINS * SIZE);
  private readonly sines = new Float64Array(BINS * SIZE);

  constructor(readonly bands: number, readonly floor: number) {
    this.filters = slaneyFilters(bands);
    const hann = hannWindow(SIZE);
    for (let k = 0; k < BINS; k++) {
      for (let n = 0; n < SIZE; n++) {
        const angle = (2 * Math.PI * ((k * n) % SIZE)) / SIZE;
        this.cosines[k * SIZE + n] = Math.cos(angle) * hann[n];
        this.sines[k * SIZE + n] = Math.sin(angle) * hann[n];
      }
    }
  }

  /** Columns [n / HOP + 1][bands] of a recording, column j centered on sample j HOP. */
  columns(samples: Float32Array): Float32Array {
    const count = Math.floor(samples.length / HOP) + 1;
    const out = new Float32Array(count * this.bands);
    const part = new Float64Array(SIZE);
    const power = new Float64Array(BINS);
    for (let j = 0; j < count; j++) {
      for (let n = 0; n < SIZE; n++) part[n] = samples[j * HOP - SIZE / 2 + n] ?? 0;
      this.power(part, power);
      for (let b = 0; b < this.bands; b++) {
        let sum = 0;
        for (let k = 0; k < BINS; k++) {
          if (this.filters[b][k]) sum += this.filters[b][k] * power[k];
        }
        out[j * this.bands + b] = scaled(Math.log10(Math.max(sum, 10 ** this.floor)));
      }
    }
    return out;
  }

  /** The power spectrum of SIZE samples, which is no power of two: sum by sum. */
  private power(part: Float64Array, power: Float64Array): void {
    for (let k = 0; k < BINS; k++) {
      let re = 0;
      let im = 0;
      const row = k * SIZE;
      for (let n = 0; n < SIZE; n++) {
        re += part[n] * this.cosines[row + n];
        im += part[n] * this.sines[row + n];
      }
      power[k] = re * re + im * im;
    }
  }
}

/** Filters of equal area on Slaney's mel scale, 0 to 8 kHz: linear to 1 kHz, then logarithmic. */
function slaneyFilters(bands: number): Float64Array[] {
  const step = Math.log(6.4) / 27;
  const top = 15 + Math.log(RATE / 2 / 1000) / step;
  const corners = Array.from({ length: bands + 2 }, (_, i) => {
    const mel = (top * i) / (bands + 1);
    return mel < 15 ? (mel * 200) / 3 : 1000 * Math.exp(step * (mel - 15));
  });
  return triangles(corners, SIZE).map((row, b) =>
    row.map((x) => (x * 2) / (corners[b + 2] - corners[b]))
  );
}
