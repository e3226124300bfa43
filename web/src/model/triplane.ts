// The tri-plane encoding of the Gaussians' centers: unigs/model/triplane.py, once per portrait.
import type { Arrays } from "../payload";

const FADE = 0.1;
const PRIME = 2654435761;

export interface Plane {
  n_levels: number;
  features: number;
  base: number;
  finest: number;
  log2_entries: number;
  fade?: boolean;
}

interface Level {
  resolution: number;
  size: number;
  offset: number;
}

function levelsOf(plane: Plane): Level[] {
  const growth = Math.log(plane.finest / plane.base) / Math.max(plane.n_levels - 1, 1);
  let offset = 0;
  return Array.from({ length: plane.n_levels }, (_, k) => {
    const resolution = Math.floor(plane.base * Math.exp(growth * k) + 1e-6);
    const size = Math.min(2 ** plane.log2_entries, (resolution + 1) ** 2);
    const level = { resolution, size, offset };
    offset += size;
    return level;
  });
}

/** Features [N, 3 L F] of centers [N,3]. */
export function encode(arrays: Arrays, index: number, plane: Plane, means: Float32Array) {
  const name = `motion.planes.${index}`;
  const tables = arrays.floats(`${name}.tables`);
  const low = arrays.floats(`${name}.low`);
  const high = arrays.floats(`${name}.high`);
  const levels = levelsOf(plane);
  const F = plane.features;
  const entries = tables.length / 3 / F;
  const width = 3 * plane.n_levels * F;
  const count = means.length / 3;
  const out = new Float32Array(count * width);
  const unit = [0, 0, 0];
  for (let n = 0; n < count; n++) {
    let border = Infinity;
    for (let a = 0; a < 3; a++) {
      unit[a] = Math.fround((means[3 * n + a] - low[a]) / Math.fround(high[a] - low[a]));
      border = Math.min(border, unit[a], 1 - unit[a]);
    }
    const fade = plane.fade ? Math.min(Math.max(border / FADE, 0), 1) : 1;
    for (let p = 0; p < 3; p++) {
      const x = unit[p === 1 ? 1 : 0];
      const y = unit[p === 0 ? 1 : 2];
      levels.forEach((level, l) => {
        const column = n * width + (p * levels.length + l) * F;
        const { entry, weight } = corners(x, y, level);
        for (let c = 0; c < 4; c++) {
          const row = (p * entries + entry[c]) * F;
          for (let f = 0; f < F; f++) out[column + f] += tables[row + f] * weight[c] * fade;
        }
      });
    }
  }
  return { values: out, width };
}

const found = { entry: [0, 0, 0, 0], weight: [0, 0, 0, 0] };

/** Entries and weights of the four vertices around a point; the next call overwrites them. */
function corners(x: number, y: number, level: Level): typeof found {
  const r = level.resolution;
  const place = (value: number) => Math.fround(Math.min(Math.max(value, 0), 1) * r);
  const [px, py] = [place(x), place(y)];
  const cx = Math.min(Math.floor(px), r - 1);
  const cy = Math.min(Math.floor(py), r - 1);
  const [fx, fy] = [px - cx, py - cy];
  const both = fx * fy;
  found.weight = [1 - fx - (fy - both), fx - both, fy - both, both];
  if ((r + 1) ** 2 <= level.size) {
    const entry = level.offset + cx + cy * (r + 1);
    found.entry = [entry, entry + 1, entry + r + 1, entry + r + 2];
  } else {
    // The sizes of hashed levels are powers of two below 2^32: the low bits are all that counts.
    const low = (cell: number) => Math.imul(cell, PRIME | 0);
    const hash = (a: number, b: number) => level.offset + (((a ^ low(b)) & (level.size - 1)) >>> 0);
    found.entry = [hash(cx, cy), hash(cx + 1, cy), hash(cx, cy + 1), hash(cx + 1, cy + 1)];
  }
  return found;
}
