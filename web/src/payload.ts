// What the exporter has put into the page: numbers and settings, and named arrays.

export type Values = Float32Array | Uint8Array | Int16Array;

interface Place {
  type: "f32" | "f16" | "u8" | "i16";
  shape: number[];
  at: number;
}

/** Arrays by name; asking for one that is missing is an error. */
export class Arrays {
  constructor(private readonly parts: Map<string, Values>, readonly shapes: Map<string, number[]>) {}

  has(name: string): boolean {
    return this.parts.has(name);
  }

  floats(name: string): Float32Array {
    return this.get(name) as Float32Array;
  }

  bytes(name: string): Uint8Array {
    return this.get(name) as Uint8Array;
  }

  shape(name: string): number[] {
    this.get(name);
    return this.shapes.get(name)!;
  }

  get(name: string): Values {
    const found = this.parts.get(name);
    if (!found) throw new Error(`the page holds no ${name}`);
    return found;
  }

  /** The arrays whose names begin with a prefix, as plain objects for a worker. */
  beginning(prefix: string): { parts: [string, Values][]; shapes: [string, number[]][] } {
    const wanted = ([name]: [string, unknown]) => name.startsWith(prefix);
    return { parts: [...this.parts].filter(wanted), shapes: [...this.shapes].filter(wanted) };
  }
}

/** Decodes the page's data: a line of JSON, then the arrays, compressed as one. */
export async function decode(text: string): Promise<{ header: any; arrays: Arrays }> {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack the page: use one of 2023 or later");
  }
  const bytes = await inflate(fromBase64(text));
  const end = bytes.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const parts = new Map<string, Values>();
  const shapes = new Map<string, number[]>();
  for (const [name, place] of Object.entries(header.arrays as Record<string, Place>)) {
    parts.set(name, unpacked(bytes.subarray(end + 1 + place.at), place));
    shapes.set(name, place.shape);
  }
  return { header, arrays: new Arrays(parts, shapes) };
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as BlobPart]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/** Numbers of several bytes lie byte by byte: first all low bytes, then the next ones. */
function unpacked(bytes: Uint8Array, place: Place): Values {
  const count = place.shape.reduce((a, b) => a * b, 1);
  const width = { f32: 4, f16: 2, u8: 1, i16: 2 }[place.type];
  const joined = new Uint8Array(count * width);
  for (let b = 0; b < width; b++) {
    for (let i = 0; i < count; i++) joined[i * width + b] = bytes[b * count + i];
  }
  if (place.type === "u8") return joined;
  if (place.type === "i16") return new Int16Array(joined.buffer);
  if (place.type === "f32") return new Float32Array(joined.buffer);
  return fromHalf(new Uint16Array(joined.buffer));
}

let table: Float32Array | null = null;

/** Every float16 has one float32: they are looked up. */
function fromHalf(halves: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = table[halves[i]];
  return out;
}
