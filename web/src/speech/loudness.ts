// Loudness of speech, and where a recording pauses: unigs/speech/loudness.py.

export const RATE = 16000;
const BLOCK = RATE / 25;
const PAUSE_DB = 25;
const ACTIVE_DB = 15;
const SILENT_DB = -90;

/** RMS of every 40 ms in dB of full scale, at least one value, at least -120. */
export function blockLevels(samples: Float32Array): Float64Array {
  const levels = new Float64Array(Math.max(1, Math.ceil(samples.length / BLOCK)));
  for (let b = 0; b < levels.length; b++) {
    let power = 0;
    for (let i = b * BLOCK; i < Math.min(samples.length, (b + 1) * BLOCK); i++) {
      power += samples[i] * samples[i];
    }
    levels[b] = 10 * Math.log10(Math.max(power / BLOCK, 1e-12));
  }
  return levels;
}

/** A quantile of numbers, with linear interpolation. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** RMS of the active blocks in dB of full scale, or null if there is no sound. */
export function speechLevel(samples: Float32Array): number | null {
  const blocks = blockLevels(samples);
  const loud = quantile(blocks, 0.95);
  if (loud < SILENT_DB) return null;
  let power = 0;
  let count = 0;
  for (const level of blocks) {
    if (level > loud - PAUSE_DB) {
      power += 10 ** (level / 10);
      count++;
    }
  }
  return 10 * Math.log10(power / count);
}

/** Samples whose speech has a level; a recording without sound is returned as it is. */
export function normalized(samples: Float32Array, levelDb: number): Float32Array {
  const level = speechLevel(samples);
  if (level === null) return samples;
  const factor = 10 ** ((levelDb - level) / 20);
  return samples.map((x) => x * factor);
}

/** Which of `count` columns are active speech by the loudness around them. */
export function activeColumns(samples: Float32Array, count: number, stepMs: number): boolean[] {
  const blocks = blockLevels(samples);
  if (blocks.reduce((a, b) => Math.max(a, b)) < SILENT_DB) {
    return new Array(count).fill(false);
  }
  const limit = quantile(blocks, 0.95) - ACTIVE_DB;
  return Array.from({ length: count }, (_, k) => {
    const block = Math.floor(((k * stepMs) / 1000) * RATE / BLOCK);
    return blocks[Math.min(block, blocks.length - 1)] > limit;
  });
}

