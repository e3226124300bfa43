// Rotations and poses as rows of nine and three numbers.

export interface Pose {
  /** Matrix [9], row by row. */
  R: number[];
  /** Translation [3], meters. */
  t: number[];
}

export type Matrix = ArrayLike<number>;

export function product(a: Matrix, b: Matrix): number[] {
  const out = new Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    }
  }
  return out;
}

export function transposed(a: Matrix): number[] {
  return [a[0], a[3], a[6], a[1], a[4], a[7], a[2], a[5], a[8]];
}

export function times(a: Matrix, x: ArrayLike<number>): number[] {
  return [0, 3, 6].map((i) => a[i] * x[0] + a[i + 1] * x[1] + a[i + 2] * x[2]);
}

/** Rotation vector of a rotation by less than half a turn. */
export function rotationVector(R: Matrix): number[] {
  const cosine = Math.min(Math.max((R[0] + R[4] + R[8] - 1) / 2, -1), 1);
  const axis = [R[7] - R[5], R[2] - R[6], R[3] - R[1]];
  const angle = Math.atan2(Math.hypot(...axis) / 2, cosine);
  const factor = angle < 1e-4 ? 0.5 : angle / (2 * Math.max(Math.sin(angle), 1e-8));
  return axis.map((x) => x * factor);
}

/** Rotation of a rotation vector. */
export function rotation(vector: ArrayLike<number>): number[] {
  const angle = Math.hypot(vector[0], vector[1], vector[2]);
  if (angle < 1e-12) return [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const [x, y, z] = [0, 1, 2].map((k) => vector[k] / angle);
  const c = Math.cos(angle);
  const s = Math.sin(angle);
  const d = 1 - c;
  return [
    c + d * x * x, d * x * y - s * z, d * x * z + s * y,
    d * x * y + s * z, c + d * y * y, d * y * z - s * x,
    d * x * z - s * y, d * y * z + s * x, c + d * z * z,
  ];
}

/** The rotation that lies between two, on the shortest way. */
export function between(a: Matrix, b: Matrix, share: number): number[] {
  const way = rotationVector(product(transposed(a), b));
  return product(a, rotation(way.map((x) => x * share)));
}
