// Gaussians nearest first: the stable radix sort of unigs/render/binning.py.

const BITS = 11;
const DIGITS = 1 << BITS;

export class DepthSort {
  private keys: Uint32Array;
  private spareKeys: Uint32Array;
  private ids: Uint32Array;
  private spareIds: Uint32Array;
  private readonly counts = new Uint32Array(3 * DIGITS);

  constructor(count: number) {
    [this.keys, this.spareKeys, this.ids, this.spareIds] = [0, 0, 0, 0].map(
      () => new Uint32Array(count)
    );
  }

  /** Numbers of the visible Gaussians, nearest first.
   * @param records four numbers of each, of which the last is the depth, 0 if it is not seen. */
  sorted(records: Float32Array): Uint32Array {
    // The bits of positive depths sort like whole numbers.
    const bits = new Uint32Array(records.buffer, records.byteOffset, records.length);
    const { counts } = this;
    counts.fill(0);
    let n = 0;
    for (let i = 0; i < this.keys.length; i++) {
      const key = bits[4 * i + 3];
      if (key === 0) continue;
      this.keys[n] = key;
      this.ids[n++] = i;
      counts[key & (DIGITS - 1)]++;
      counts[DIGITS + ((key >>> BITS) & (DIGITS - 1))]++;
      counts[2 * DIGITS + (key >>> (2 * BITS))]++;
    }
    for (let pass = 0; pass < 3; pass++) {
      let total = 0;
      for (let d = pass * DIGITS; d < (pass + 1) * DIGITS; d++) {
        const count = counts[d];
        counts[d] = total;
        total += count;
      }
      const shift = pass * BITS;
      for (let i = 0; i < n; i++) {
        const key = this.keys[i];
        const place = counts[pass * DIGITS + ((key >>> shift) & (DIGITS - 1))]++;
        this.spareKeys[place] = key;
        this.spareIds[place] = this.ids[i];
      }
      [this.keys, this.spareKeys] = [this.spareKeys, this.keys];
      [this.ids, this.spareIds] = [this.spareIds, this.ids];
    }
    return this.ids.subarray(0, n);
  }
}
