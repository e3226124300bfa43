// AssemblyScript: what takes the time of an encoder of Whisper, in vectors of four numbers.
// All arguments are addresses in bytes of float32 numbers, or counts.

/** Reorders B [k,n] into panels of eight columns; missing columns are zero.
 * B's number (i,j) lies at source + 4 (i rows + j columns). */
export function pack(
  source: usize, target: usize, k: i32, n: i32, rows: i32, columns: i32
): void {
  for (let first = 0; first < n; first += 8) {
    for (let i = 0; i < k; i++) {
      for (let j = first; j < first + 8; j++) {
        const value = j < n ? load<f32>(source + (((i * rows + j * columns) as usize) << 2)) : 0;
        store<f32>(target, value);
        target += 4;
      }
    }
  }
}

/** C [m,n] = A [m,k] B + bias, B from `pack`, n a multiple of eight; rows of A and C lie lda and ldc
 * numbers apart. */
export function multiply(
  a: usize, lda: i32, b: usize, bias: usize, c: usize, ldc: i32, m: i32, n: i32, k: i32
): void {
  const strideA = (lda as usize) << 2;
  const strideC = (ldc as usize) << 2;
  for (let j = 0; j < n; j += 8) {
    const panel = b + (((j * k) as usize) << 2);
    let low = f32x4.splat(0), high = f32x4.splat(0);
    if (bias) {
      low = v128.load(bias + ((j as usize) << 2));
      high = v128.load(bias + ((j as usize) << 2), 16);
    }
    let i = 0;
    for (; i + 4 <= m; i += 4) {
      let row = a + (i as usize) * strideA;
      let p = panel;
      let a0 = low, a1 = high, b0 = low, b1 = high, c0 = low, c1 = high, d0 = low, d1 = high;
      for (let l = 0; l < k; l++) {
        const left = v128.load(p), right = v128.load(p, 16);
        let x = v128.load32_splat(row);
        a0 = f32x4.add(a0, f32x4.mul(x, left));
        a1 = f32x4.add(a1, f32x4.mul(x, right));
        x = v128.load32_splat(row + strideA);
        b0 = f32x4.add(b0, f32x4.mul(x, left));
        b1 = f32x4.add(b1, f32x4.mul(x, right));
        x = v128.load32_splat(row + 2 * strideA);
        c0 = f32x4.add(c0, f32x4.mul(x, left));
        c1 = f32x4.add(c1, f32x4.mul(x, right));
        x = v128.load32_splat(row + 3 * strideA);
        d0 = f32x4.add(d0, f32x4.mul(x, left));
        d1 = f32x4.add(d1, f32x4.mul(x, right));
        p += 32;
        row += 4;
      }
      let out = c + (i as usize) * strideC + ((j as usize) << 2);
      v128.store(out, a0);
      v128.store(out, a1, 16);
      out += strideC;
      v128.store(out, b0);
      v128.store(out, b1, 16);
      out += strideC;
      v128.store(out, c0);
      v128.store(out, c1, 16);
      out += strideC;
      v128.store(out, d0);
      v128.store(out, d1, 16);
    }
    for (; i < m; i++) {
      let row = a + (i as usize) * strideA;
      let p = panel;
      let a0 = low, a1 = high;
      for (let l = 0; l < k; l++) {
        const x = v128.load32_splat(row);
        a0 = f32x4.add(a0, f32x4.mul(x, v128.load(p)));
        a1 = f32x4.add(a1, f32x4.mul(x, v128.load(p, 16)));
        p += 32;
        row += 4;
      }
      const out = c + (i as usize) * strideC + ((j as usize) << 2);
      v128.store(out, a0);
      v128.store(out, a1, 16);
    }
  }
}

/** x = x Phi(x) of n numbers; the error function by Abramowitz and Stegun, 7.1.26. */
export function gelu(x: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const value = load<f32>(x);
    const z = Mathf.abs(value) * f32(0.7071067811865476);
    const t = f32(1) / (f32(1) + f32(0.3275911) * z);
    const poly =
      ((((f32(1.061405429) * t - f32(1.453152027)) * t + f32(1.421413741)) * t -
        f32(0.284496736)) * t + f32(0.254829592)) * t;
    const erf = f32(1) - poly * Mathf.exp(-z * z);
    store<f32>(x, f32(0.5) * value * (f32(1) + (value < 0 ? -erf : erf)));
    x += 4;
  }
}

/** Softmax of the first n numbers of each of m rows, which lie `stride` numbers apart. */
export function softmax(x: usize, m: i32, n: i32, stride: i32): void {
  for (let i = 0; i < m; i++) {
    const row = x + (((i * stride) as usize) << 2);
    let largest = load<f32>(row);
    for (let j = 1; j < n; j++) largest = max(largest, load<f32>(row + ((j as usize) << 2)));
    let total: f32 = 0;
    for (let j = 0; j < n; j++) {
      const at = row + ((j as usize) << 2);
      const value = Mathf.exp(load<f32>(at) - largest);
      store<f32>(at, value);
      total += value;
    }
    const scale = f32(1) / total;
    for (let j = 0; j < n; j++) {
      const at = row + ((j as usize) << 2);
      store<f32>(at, load<f32>(at) * scale);
    }
  }
}

/** out = (x - mean) / deviation * weight + bias, each of m rows of n numbers by itself. */
export function normalize(
  x: usize, weight: usize, bias: usize, out: usize, m: i32, n: i32
): void {
  for (let i = 0; i < m; i++) {
    const row = (((i * n) as usize) << 2);
    let sum: f64 = 0, squares: f64 = 0;
    for (let j = 0; j < n; j++) sum += load<f32>(x + row + ((j as usize) << 2)) as f64;
    const mean = sum / (n as f64);
    for (let j = 0; j < n; j++) {
      const d = (load<f32>(x + row + ((j as usize) << 2)) as f64) - mean;
      squares += d * d;
    }
    const scale = 1 / Math.sqrt(squares / (n as f64) + 1e-5);
    for (let j = 0; j < n; j++) {
      const at = (j as usize) << 2;
      const value = (((load<f32>(x + row + at) as f64) - mean) * scale) as f32;
      store<f32>(out + row + at, value * load<f32>(weight + at) + load<f32>(bias + at));
    }
  }
}

/** x += y, n numbers. */
export function add(x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    store<f32>(x, load<f32>(x) + load<f32>(y));
    x += 4;
    y += 4;
  }
}
