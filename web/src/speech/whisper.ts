// The first layers of Whisper's encoder: unigs/speech/whisper.py.
import type { Arrays } from "../payload";
import { Kernels, padded } from "./kernels";

const HEAD = 64;

interface Linear {
  weight: number;
  bias: number;
  inputs: number;
  outputs: number;
}

interface Block {
  attentionNorm: [number, number];
  mixed: Linear;
  out: Linear;
  mlpNorm: [number, number];
  wide: Linear;
  narrow: Linear;
}

/** States of a layer for windows of the spectrogram. */
export class WhisperEncoder {
  private readonly k = new Kernels();
  private readonly conv1: Linear;
  private readonly conv2: Linear;
  private readonly blocks: Block[] = [];
  private readonly places: Float32Array;
  private readonly last: [number, number] | null;
  private readonly scratch: Record<string, number> = {};

  /** @param rows the longest window, in rows. */
  constructor(
    arrays: Arrays, readonly layers: number, readonly rows: number, readonly bands: number
  ) {
    this.conv1 = this.convolution(arrays, "whisper.conv1");
    this.conv2 = this.convolution(arrays, "whisper.conv2");
    this.places = arrays.floats("whisper.positional_embedding");
    for (let b = 0; b < layers; b++) this.blocks.push(this.block(arrays, `whisper.blocks.${b}`));
    this.last = arrays.has("whisper.ln_post.weight") ? this.norm(arrays, "whisper.ln_post") : null;
    const width = this.width;
    const long = padded(rows);
    const sizes: Record<string, number> = {
      taps: 2 * long * 3 * Math.max(bands, width), first: (2 * long + 2) * width,
      x: long * width, normed: long * width, mixed: long * 3 * width, heard: long * width,
      scores: long * long, keys: HEAD * long, values: long * HEAD, wide: long * 4 * width,
    };
    for (const [name, size] of Object.entries(sizes)) this.scratch[name] = this.k.reserve(size);
  }

  get width(): number {
    return this.conv1.outputs;
  }

  /** States [(columns + 1) / 2, width] of a spectrogram [columns, bands]. */
  states(mel: Float32Array): Float32Array {
    const { k, scratch: s, width } = this;
    const columns = mel.length / this.bands;
    const rows = (columns + 1) >> 1;
    this.taps(mel, columns, this.bands, 1, columns);
    this.apply(this.conv1, s.taps, s.first, columns);
    k.run.gelu(s.first, columns * width);
    this.taps(k.view(s.first, columns * width).slice(), columns, width, 2, rows);
    this.apply(this.conv2, s.taps, s.x, rows);
    k.run.gelu(s.x, rows * width);
    const x = k.view(s.x, rows * width);
    for (let i = 0; i < x.length; i++) x[i] += this.places[i];
    for (const block of this.blocks) this.layer(block, rows);
    if (this.last) {
      k.run.normalize(s.x, ...this.last, s.normed, rows, width);
      return k.view(s.normed, rows * width).slice();
    }
    return k.view(s.x, rows * width).slice();
  }

  private layer(block: Block, rows: number): void {
    const { k, scratch: s, width } = this;
    k.run.normalize(s.x, ...block.attentionNorm, s.normed, rows, width);
    this.apply(block.mixed, s.normed, s.mixed, rows);
    for (let head = 0; head < width; head += HEAD) this.attend(head, rows);
    this.apply(block.out, s.heard, s.normed, rows);
    k.run.add(s.x, s.normed, rows * width);
    k.run.normalize(s.x, ...block.mlpNorm, s.normed, rows, width);
    this.apply(block.wide, s.normed, s.wide, rows);
    k.run.gelu(s.wide, rows * block.wide.outputs);
    this.apply(block.narrow, s.wide, s.normed, rows);
    k.run.add(s.x, s.normed, rows * width);
  }

  /** Attention of one head, whose numbers begin at `head` in queries, keys and values. */
  private attend(head: number, rows: number): void {
    const { k, scratch: s, width } = this;
    const stride = 3 * width;
    const long = padded(rows);
    k.run.pack(s.mixed + 4 * (width + head), s.keys, HEAD, rows, 1, stride);
    k.run.pack(s.mixed + 4 * (2 * width + head), s.values, rows, HEAD, stride, 1);
    k.run.multiply(s.mixed + 4 * head, stride, s.keys, 0, s.scores, long, rows, long, HEAD);
    k.run.softmax(s.scores, rows, rows, long);
    k.run.multiply(s.scores, long, s.values, 0, s.heard + 4 * head, width, rows, HEAD, rows);
  }

  private apply(layer: Linear, from: number, to: number, rows: number): void {
    const { inputs, outputs } = layer;
    this.k.run.multiply(
      from, inputs, layer.weight, layer.bias, to, outputs, rows, outputs, inputs
    );
  }

  /** Puts three neighboring columns beside each other for every output of a convolution. */
  private taps(
    values: Float32Array, columns: number, width: number, step: number, rows: number
  ): void {
    const out = this.k.view(this.scratch.taps, rows * 3 * width);
    out.fill(0);
    for (let i = 0; i < rows; i++) {
      for (let tap = 0; tap < 3; tap++) {
        const column = i * step + tap - 1;
        if (column < 0 || column >= columns) continue;
        const part = values.subarray(column * width, (column + 1) * width);
        out.set(part, (3 * i + tap) * width);
      }
    }
  }

  /** A convolution of three taps as a linear map of the columns that `taps` puts together. */
  private convolution(arrays: Arrays, name: string): Linear {
    const [outputs, inputs] = arrays.shape(`${name}.weight`);
    const weight = arrays.floats(`${name}.weight`);
    const turned = new Float32Array(weight.length);
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < inputs; i++) {
        for (let tap = 0; tap < 3; tap++) {
          turned[(o * 3 + tap) * inputs + i] = weight[(o * inputs + i) * 3 + tap];
        }
      }
    }
    return this.linear(turned, arrays.floats(`${name}.bias`), outputs);
  }

  /** A linear map from weights [outputs, inputs]. */
  private linear(weight: Float32Array, bias: Float32Array, outputs: number): Linear {
    const inputs = weight.length / outputs;
    if (outputs % 8) throw new Error(`a layer of ${outputs} numbers does not fit the kernels`);
    const panels = this.k.panels(weight, inputs, outputs, 1, inputs);
    return { weight: panels, bias: this.k.put(bias), inputs, outputs };
  }

  private norm(arrays: Arrays, name: string): [number, number] {
    const [weight, bias] = ["weight", "bias"].map((part) => arrays.floats(`${name}.${part}`));
    return [this.k.put(weight), this.k.put(bias)];
  }

  private block(arrays: Arrays, name: string): Block {
    const load = (part: string) =>
      this.linear(
        arrays.floats(`${name}.${part}.weight`), arrays.floats(`${name}.${part}.bias`),
        arrays.shape(`${name}.${part}.weight`)[0]
      );
    return {
      attentionNorm: this.norm(arrays, `${name}.attn_ln`),
      mixed: this.queriesKeysValues(arrays, `${name}.attn`),
      out: load("attn.out"),
      mlpNorm: this.norm(arrays, `${name}.mlp_ln`),
      wide: load("mlp.0"),
      narrow: load("mlp.2"),
    };
  }

  /** The three maps of an attention as one; queries are divided by the root of a head's width. */
  private queriesKeysValues(arrays: Arrays, name: string): Linear {
    const parts = ["query", "key", "value"].map((part) => arrays.floats(`${name}.${part}.weight`));
    const width = arrays.shape(`${name}.query.weight`)[0];
    const weight = new Float32Array(3 * width * width);
    parts.forEach((part, p) => weight.set(part, p * width * width));
    const bias = new Float32Array(3 * width);
    bias.set(arrays.floats(`${name}.query.bias`));
    bias.set(arrays.floats(`${name}.value.bias`), 2 * width);
    const scale = 1 / Math.sqrt(HEAD);
    for (let i = 0; i < width * width; i++) weight[i] *= scale;
    for (let i = 0; i < width; i++) bias[i] *= scale;
    return this.linear(weight, bias, 3 * width);
  }
}
