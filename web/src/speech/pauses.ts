// Pauses of a recording, in which the mouth closes: unigs/drive/pauses.py.
import { blockLevels, RATE, speechLevel } from "./loudness";

const FADE_SECONDS = 0.1;

export interface PauseSettings {
  pauseDb: number;
  pauseSeconds: number;
}

/** Weight of silence in each frame, from 0 (speech) to 1 (within a pause).
 * @param scores positive where someone speaks; null: loudness decides. */
export function pauses(
  samples: Float32Array, count: number, fps: number, settings: PauseSettings,
  scores: Float32Array | null
): Float32Array {
  const level = speechLevel(samples);
  if (level === null) return new Float32Array(count).fill(1);
  const quiet = scores
    ? Array.from(scores, (score) => score < 0)
    : soft(samples, count, fps, level - settings.pauseDb);
  const distance = new Float64Array(count);
  for (let first = 0; first < count; first++) {
    if (!quiet[first]) continue;
    let last = first;
    while (last < count && quiet[last]) last++;
    if (last - first >= settings.pauseSeconds * fps) {
      for (let k = first; k < last; k++) {
        const before = first ? k - first + 1 : Infinity;
        const after = last < count ? last - k : Infinity;
        distance[k] = Math.min(before, after);
      }
    }
    first = last;
  }
  const fade = FADE_SECONDS * fps;
  return Float32Array.from(distance, (d) => {
    const ramp = Math.min(Math.max((d - fade) / fade, 0), 1);
    return ramp * ramp * (3 - 2 * ramp);
  });
}

/** Whether each frame is softer than a limit in dB of full scale. */
function soft(samples: Float32Array, count: number, fps: number, limit: number): boolean[] {
  const blocks = blockLevels(samples);
  const seconds = samples.length ? samples.length / RATE / blocks.length : 1;
  return Array.from({ length: count }, (_, k) => {
    const block = Math.floor((k + 0.5) / fps / seconds);
    return blocks[Math.min(block, blocks.length - 1)] < limit;
  });
}
