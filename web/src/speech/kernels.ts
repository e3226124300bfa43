// The door to the compiled kernels, and the memory that they work in.

declare const KERNELS: string;

interface Exports {
  memory: WebAssembly.Memory;
  pack(source: number, target: number, k: number, n: number, rows: number, columns: number): void;
  multiply(
    a: number, lda: number, b: number, bias: number, c: number, ldc: number,
    m: number, n: number, k: number
  ): void;
  gelu(x: number, n: number): void;
  softmax(x: number, m: number, n: number, stride: number): void;
  normalize(
    x: number, weight: number, bias: number, out: number, m: number, n: number
  ): void;
  add(x: number, y: number, n: number): void;
}

/** The least multiple of eight that holds n numbers. */
export function padded(n: number): number {
  return (n + 7) & ~7;
}

/** Kernels with a memory that only grows. Addresses are in bytes. */
export class Kernels {
  readonly run: Exports;
  private top: number;

  constructor() {
    const bytes = Uint8Array.from(atob(KERNELS), (c) => c.charCodeAt(0));
    const environment = { env: { abort: () => { throw new Error("a kernel failed"); } } };
    const made = new WebAssembly.Instance(new WebAssembly.Module(bytes), environment);
    this.run = made.exports as unknown as Exports;
    this.top = this.run.memory.buffer.byteLength;
  }

  /** Reserves room for n numbers. */
  reserve(n: number): number {
    const at = this.top;
    this.top += 4 * padded(n);
    const missing = this.top - this.run.memory.buffer.byteLength;
    if (missing > 0) this.run.memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  /** A view of n numbers, good until the next `reserve`. */
  view(at: number, n: number): Float32Array {
    return new Float32Array(this.run.memory.buffer, at, n);
  }

  /** Copies numbers in, with zeros behind them as far as `n` says. */
  put(values: Float32Array, n = values.length): number {
    const at = this.reserve(n);
    this.view(at, n).fill(0);
    this.view(at, values.length).set(values);
    return at;
  }

  /** Reserves panels of a matrix [k,n] and fills them from numbers that lie as `pack` says. */
  panels(values: Float32Array, k: number, n: number, rows: number, columns: number): number {
    const target = this.reserve(k * padded(n));
    const mark = this.top;
    this.run.pack(this.put(values), target, k, n, rows, columns);
    this.top = mark;
    return target;
  }
}
