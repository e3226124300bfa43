// Log-mel energies and their cepstra: unigs/speech/spectral.py and the back-end `Spectral`.
import { Fft } from "./fft";
import { RATE } from "./loudness";

export interface SpectralSettings {
  window: number;
  hop: number;
  size: number;
  bands: number;
  /** Cepstra, or 0 for the energies themselves. */
  coefficients: number;
  levelDb: number;
  floorDb: number;
}

/** Features [N,D], one row every `hop` samples, row i centered on sample i hop; silence around. */
export function spectralColumns(samples: Float32Array, s: SpectralSettings): Float32Array {
  const count = Math.floor(samples.length / s.hop) + 1;
  const filters = melFilters(s.size, s.bands);
  const fft = new Fft(s.size);
  const hann = hannWindow(s.window);
  const left = (s.size - s.window) / 2;
  const floor = 10 * Math.log10(0.375 * s.window) + s.levelDb - s.floorDb;
  const width = s.coefficients || s.bands;
  const dct = s.coefficients ? dctMatrix(s.coefficients, s.bands) : null;
  const out = new Float32Array(count * width);
  const real = new Float64Array(s.size);
  const imaginary = new Float64Array(s.size);
  const energies = new Float64Array(s.bands);
  for (let j = 0; j < count; j++) {
    real.fill(0);
    imaginary.fill(0);
    for (let i = 0; i < s.window; i++) {
      const at = j * s.hop - s.size / 2 + left + i;
      if (at >= 0 && at < samples.length) real[left + i] = samples[at] * hann[i];
    }
    fft.transform(real, imaginary);
    for (let b = 0; b < s.bands; b++) {
      let energy = 0;
      for (let k = 0; k <= s.size / 2; k++) {
        const weight = filters[b][k];
        if (weight) energy += weight * (real[k] * real[k] + imaginary[k] * imaginary[k]);
      }
      energies[b] = Math.max(10 * Math.log10(Math.max(energy, 1e-10)), floor);
    }
    for (let d = 0; d < width; d++) {
      if (dct) for (let b = 0; b < s.bands; b++) out[j * width + d] += dct[d][b] * energies[b];
      else out[j * width + d] = energies[d];
    }
  }
  return out;
}

/** Periodic Hann window. */
export function hannWindow(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length));
}

/** Triangular filters [bands][size / 2 + 1] on the HTK mel scale, from 0 to RATE / 2. */
function melFilters(size: number, bands: number): Float64Array[] {
  const top = 2595 * Math.log10(1 + RATE / 2 / 700);
  const corners = Array.from(
    { length: bands + 2 }, (_, i) => 700 * (10 ** ((top * i) / (bands + 1) / 2595) - 1)
  );
  return triangles(corners, size);
}

/** Triangles [bands][size / 2 + 1] between corners in Hz, each of height 1. */
export function triangles(corners: number[], size: number): Float64Array[] {
  return corners.slice(2).map((end, b) =>
    Float64Array.from({ length: size / 2 + 1 }, (_, k) => {
      const frequency = (k * RATE) / size;
      const rising = (frequency - corners[b]) / (corners[b + 1] - corners[b]);
      const falling = (end - frequency) / (end - corners[b + 1]);
      return Math.max(0, Math.min(rising, falling));
    })
  );
}

/** Orthonormal DCT-II [out][in]. */
function dctMatrix(out: number, inputs: number): Float64Array[] {
  return Array.from({ length: out }, (_, k) =>
    Float64Array.from({ length: inputs }, (_, n) => {
      const value = Math.cos((Math.PI / inputs) * (n + 0.5) * k) * Math.sqrt(2 / inputs);
      return k === 0 ? value / Math.SQRT2 : value;
    })
  );
}
