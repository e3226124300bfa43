// Draws a portrait: the deformation on the device, the sort here, the splats on the device.
import type { NetworkInput } from "../model/conditions";
import { type Matrix, product, times, transposed } from "../motion/pose";
import type { Moment } from "../motion/replay";
import type { Arrays } from "../payload";
import { type Field, joined, makeField, mixed, type Shapes, WIDTH } from "./field";
import { framebuffer, type GL, Program, texture, UniformBlock } from "./gl";
import { COMPOSITE, deform, SPLAT, splatVertex, WHOLE } from "./shaders";
import { DepthSort } from "./sort";

const RECORDS = 256;
/** Regions that can be switched off; a Gaussian of none of them is always drawn. */
export const REGIONS = ["face", "mouth", "hair", "torso"];

/** Milliseconds of the last frame. The first two are the processor's: all but the wait for the
 * device. */
export interface Times {
  sort: number;
  device: number;
}

/** From where the field is seen, beside the poses of a frame. */
export interface View {
  /** Rotation of the camera around the head's origin [9]. */
  orbit: Matrix;
  /** Opacity factor of each of `REGIONS`. */
  regions: number[];
}

export class Renderer {
  readonly gl: GL;
  readonly size: number;
  readonly count: number;
  readonly times: Times = { sort: 0, device: 0 };
  private readonly field: Field;
  private readonly deform: Program;
  private readonly splat: Program;
  private readonly composite: Program;
  private readonly frame: UniformBlock;
  private readonly points: WebGLTexture;
  private readonly records: WebGLTexture[];
  private readonly recordTarget: WebGLFramebuffer;
  private readonly sum: WebGLTexture;
  private readonly sumTarget: WebGLFramebuffer;
  private readonly ids: WebGLBuffer;
  private readonly order: WebGLVertexArrayObject;
  private readonly nothing: WebGLVertexArrayObject;
  private readonly sort: DepthSort;
  private readonly read: Float32Array;
  private readonly mark: WebGLTexture;
  private behind: WebGLTexture;

  constructor(canvas: HTMLCanvasElement, arrays: Arrays, private readonly header: any) {
    const gl = canvas.getContext("webgl2", {
      alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true,
    });
    if (!gl) throw new Error("this browser has no WebGL2, which the player needs");
    if (!gl.getExtension("EXT_color_buffer_float")) {
      throw new Error("this device cannot draw into float textures, which the player needs");
    }
    this.gl = gl;
    this.size = canvas.width = canvas.height = header.size;
    this.field = makeField(arrays, header.motion);
    this.count = this.field.count;
    const { field, count } = this;
    this.deform = new Program(gl, WHOLE, deform(field, RECORDS));
    this.splat = new Program(gl, splatVertex(RECORDS), SPLAT);
    this.composite = new Program(gl, WHOLE, COMPOSITE);
    ["Second", "Rest", "Frame"].forEach((name, k) => this.deform.block(name, k));
    new UniformBlock(gl, 0, field.second);
    new UniformBlock(gl, 1, field.rest);
    this.frame = new UniformBlock(gl, 2, new Float32Array(4));
    const rows = field.points.length / WIDTH / 4;
    this.points = texture(gl, gl.RGBA32F, WIDTH, rows, gl.FLOAT, gl.RGBA, field.points);
    field.points = new Float32Array(0);
    const height = Math.ceil(count / RECORDS);
    this.records = [0, 1, 2].map(() =>
      texture(gl, gl.RGBA32F, RECORDS, height, gl.FLOAT, gl.RGBA)
    );
    this.recordTarget = framebuffer(gl, this.records);
    this.sum = texture(gl, gl.RGBA16F, this.size, this.size, gl.HALF_FLOAT, gl.RGBA);
    this.sumTarget = framebuffer(gl, [this.sum]);
    this.read = new Float32Array(RECORDS * height * 4);
    this.sort = new DepthSort(count);
    this.nothing = gl.createVertexArray()!;
    [this.ids, this.order] = this.ordered(count);
    const [tall, wide] = arrays.shape("mark.ink");
    this.mark = texture(gl, gl.RG32F, wide, tall, gl.FLOAT, gl.RG, arrays.floats("mark.ink"));
    this.behind = this.plateOf(arrays.bytes("plate"));
  }

  /** Puts other bytes [size, size, 3] behind the field. */
  setBehind(bytes: Uint8Array): void {
    this.gl.deleteTexture(this.behind);
    this.behind = this.plateOf(bytes);
  }

  /** Draws one frame. */
  draw(input: NetworkInput, moment: Moment, view: View): void {
    const { gl } = this;
    this.frame.set(this.numbers(input, moment, view));
    const started = performance.now();
    this.runDeform();
    gl.readBuffer(gl.COLOR_ATTACHMENT2);
    const rows = this.read.length / RECORDS / 4;
    gl.readPixels(0, 0, RECORDS, rows, gl.RGBA, gl.FLOAT, this.read);
    const read = performance.now();
    const order = this.sort.sorted(this.read);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.ids);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, order);
    this.times.device = read - started;
    this.times.sort = performance.now() - read;
    this.runSplats(order.length);
    this.runComposite();
  }

  /** The picture that was drawn last, RGB bytes [size, size, 3], first row on top. */
  pixels(): Uint8Array {
    const { gl, size } = this;
    const read = new Uint8Array(size * size * 4);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.readPixels(0, 0, size, size, gl.RGBA, gl.UNSIGNED_BYTE, read);
    const out = new Uint8Array(size * size * 3);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const from = ((size - 1 - y) * size + x) * 4;
        out.set(read.subarray(from, from + 3), (y * size + x) * 3);
      }
    }
    return out;
  }

  /** Waits until the device has drawn everything. */
  finish(): void {
    const pixel = new Uint8Array(4);
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, null);
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, pixel);
  }

  private runDeform(): void {
    const { gl, deform } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.recordTarget);
    gl.viewport(0, 0, RECORDS, this.read.length / RECORDS / 4);
    gl.disable(gl.BLEND);
    deform.use();
    deform.textures({ points: this.points });
    gl.uniform2fv(deform.place("units"), this.header.units);
    gl.uniform1f(deform.place("largest"), this.header.largest);
    gl.uniform1f(deform.place("size"), this.size);
    gl.uniform1i(deform.place("count"), this.count);
    gl.bindVertexArray(this.nothing);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Front to back: the target's alpha is what still shines through. */
  private runSplats(count: number): void {
    const { gl, splat, records } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.sumTarget);
    gl.viewport(0, 0, this.size, this.size);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.DST_ALPHA, gl.ONE, gl.ZERO, gl.ONE_MINUS_SRC_ALPHA);
    splat.use();
    splat.textures({ places: records[0], shapes: records[1], lights: records[2] });
    gl.uniform1f(splat.place("size"), this.size);
    gl.bindVertexArray(this.order);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
  }

  private runComposite(): void {
    const { gl, composite } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.size, this.size);
    gl.disable(gl.BLEND);
    composite.use();
    composite.textures({ field: this.sum, behind: this.behind, mark: this.mark });
    gl.uniform2iv(composite.place("corner"), this.header.mark_corner);
    gl.uniform1i(composite.place("size"), this.size);
    gl.bindVertexArray(this.nothing);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** The block `Frame`: camera, bias, blendshapes. */
  private numbers(input: NetworkInput, moment: Moment, view: View): Float32Array {
    const { head, torso } = moment;
    const back = transposed(head.R);
    const relative = product(back, torso.R);
    const shift = times(back, torso.t.map((x, k) => x - head.t[k]));
    const w = Math.sqrt(Math.max(1 + relative[0] + relative[4] + relative[8], 1e-8)) / 2;
    const axis = [relative[7] - relative[5], relative[2] - relative[6], relative[3] - relative[1]];
    const R = product(view.orbit, head.R);
    const focal = this.header.focal;
    const middle = this.size / 2;
    // A camera that goes around the head sees the torso from elsewhere, too.
    const orbit = transposed(view.orbit);
    const seenFrom = times(orbit, head.t);
    const fromTorso = torso.t.map((x, k) => x - head.t[k] + seenFrom[k]);
    const row = (values: number[], last = 0) => [...values.slice(0, 3), last];
    const camera = [
      row(relative.slice(0, 3)), row(relative.slice(3, 6)), row(relative.slice(6, 9)), row(shift),
      [w, ...axis.map((x) => x / (4 * w))],
      row(times(back, seenFrom)), row(times(transposed(torso.R), fromTorso)),
      row(R.slice(0, 3), head.t[0]), row(R.slice(3, 6), head.t[1]), row(R.slice(6, 9), head.t[2]),
      [focal, middle, middle, 1], view.regions,
    ];
    const { face, poses, outputs } = this.field;
    let at = 0;
    const next = (shapes: Shapes) => input.shapes.subarray(at, (at += shapes.count));
    return joined([
      Float32Array.from(camera.flat()), input.bias,
      ...[face, ...poses].map((shapes) => mixed(shapes, next(shapes), outputs)),
    ]);
  }

  private ordered(count: number): [WebGLBuffer, WebGLVertexArrayObject] {
    const { gl } = this;
    const buffer = gl.createBuffer()!;
    const order = gl.createVertexArray()!;
    gl.bindVertexArray(order);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, 4 * count, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribIPointer(0, 1, gl.UNSIGNED_INT, 0, 0);
    gl.vertexAttribDivisor(0, 1);
    return [buffer, order];
  }

  private plateOf(bytes: Uint8Array): WebGLTexture {
    const { gl, size } = this;
    return texture(gl, gl.RGB8, size, size, gl.UNSIGNED_BYTE, gl.RGB, bytes);
  }
}
