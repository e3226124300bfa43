// Small helpers around WebGL2.

export type GL = WebGL2RenderingContext;

/** A linked program; its uniforms are looked up once. */
export class Program {
  readonly handle: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(readonly gl: GL, vertex: string, fragment: string) {
    this.handle = gl.createProgram()!;
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, `#version 300 es\n${source}`);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
        throw new Error(`a shader does not compile: ${gl.getShaderInfoLog(shader)}`);
      }
      gl.attachShader(this.handle, shader);
    }
    gl.linkProgram(this.handle);
    if (!gl.getProgramParameter(this.handle, gl.LINK_STATUS)) {
      throw new Error(`shaders do not link: ${gl.getProgramInfoLog(this.handle)}`);
    }
  }

  use(): void {
    this.gl.useProgram(this.handle);
  }

  place(name: string): WebGLUniformLocation | null {
    if (!this.places.has(name)) {
      this.places.set(name, this.gl.getUniformLocation(this.handle, name));
    }
    return this.places.get(name)!;
  }

  /** Binds textures to units 0, 1, ... by the names of their samplers. */
  textures(named: Record<string, WebGLTexture>): void {
    Object.entries(named).forEach(([name, texture], unit) => {
      this.gl.activeTexture(this.gl.TEXTURE0 + unit);
      this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
      this.gl.uniform1i(this.place(name), unit);
    });
  }

  /** Binds a block of uniforms to a numbered place. */
  block(name: string, index: number): void {
    const found = this.gl.getUniformBlockIndex(this.handle, name);
    if (found !== this.gl.INVALID_INDEX) this.gl.uniformBlockBinding(this.handle, found, index);
  }
}

/** A texture that is read number by number. */
export function texture(
  gl: GL, format: number, width: number, height: number, kind: number, outer: number,
  values: ArrayBufferView | null = null
): WebGLTexture {
  const made = gl.createTexture()!;
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texImage2D(gl.TEXTURE_2D, 0, format, width, height, 0, outer, kind, values);
  for (const [name, value] of [
    [gl.TEXTURE_MIN_FILTER, gl.NEAREST],
    [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
    [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
  ]) {
    gl.texParameteri(gl.TEXTURE_2D, name, value);
  }
  return made;
}

/** A framebuffer that draws into textures. */
export function framebuffer(gl: GL, targets: WebGLTexture[]): WebGLFramebuffer {
  const made = gl.createFramebuffer()!;
  gl.bindFramebuffer(gl.FRAMEBUFFER, made);
  const places = targets.map((_, k) => gl.COLOR_ATTACHMENT0 + k);
  targets.forEach((target, k) =>
    gl.framebufferTexture2D(gl.FRAMEBUFFER, places[k], gl.TEXTURE_2D, target, 0)
  );
  gl.drawBuffers(places);
  if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) {
    throw new Error("this device cannot draw into float textures, which the player needs");
  }
  return made;
}

/** A block of uniforms on the device. */
export class UniformBlock {
  private readonly buffer: WebGLBuffer;

  constructor(private readonly gl: GL, private readonly index: number, values: Float32Array) {
    this.buffer = gl.createBuffer()!;
    this.set(values);
  }

  set(values: Float32Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.UNIFORM_BUFFER, this.buffer);
    gl.bufferData(gl.UNIFORM_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.bindBufferBase(gl.UNIFORM_BUFFER, this.index, this.buffer);
  }
}
