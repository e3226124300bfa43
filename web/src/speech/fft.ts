// A fast Fourier transform whose length is a power of two.

export class Fft {
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;

  constructor(readonly size: number) {
    if (size & (size - 1)) throw new Error(`${size} is no power of two`);
    this.cosines = new Float64Array(size / 2).map((_, k) => Math.cos((2 * Math.PI * k) / size));
    this.sines = new Float64Array(size / 2).map((_, k) => Math.sin((2 * Math.PI * k) / size));
  }

  /** Transforms in place. */
  transform(real: Float64Array, imaginary: Float64Array): void {
    const n = this.size;
    for (let i = 1, j = 0; i < n; i++) {
      let bit = n >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) {
        [real[i], real[j]] = [real[j], real[i]];
        [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
      }
    }
    for (let half = 1; half < n; half *= 2) {
      const step = n / half / 2;
      for (let start = 0; start < n; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const c = this.cosines[k * step];
          const s = -this.sines[k * step];
          const a = start + k;
          const b = a + half;
          const re = real[b] * c - imaginary[b] * s;
          const im = real[b] * s + imaginary[b] * c;
          real[b] = real[a] - re;
          imaginary[b] = imaginary[a] - im;
          real[a] += re;
          imaginary[a] += im;
        }
      }
    }
  }
}
