// The shaders, written for the sizes of a portrait. Constants are those of unigs/render/spec.py.
import { ATTRIBUTES, type Field, RAW, WIDTH } from "./field";

const HEAD = `
precision highp float;
precision highp int;
precision highp sampler2D;
`;

/** A triangle that covers everything. */
export const WHOLE = `${HEAD}
void main() {
  gl_Position = vec4(vec2[3](vec2(-1, -1), vec2(3, -1), vec2(-1, 3))[gl_VertexID], 0, 1);
}`;

/** Vectors of the block that changes with every frame, before bias and blendshapes. */
export const CAMERA = 12;

/** Poses, deforms, colors and projects one Gaussian for each texel. */
export function deform(field: Field, records: number): string {
  const { hidden, outputs, face, pose, texels } = field.sizes;
  const starts = new Map<string, number>();
  let at = 0;
  for (const name of field.attributes) {
    starts.set(name, at);
    at += ATTRIBUTES.find(([other]) => other === name)![1];
  }
  const output = (name: string, k: number) => {
    const start = starts.get(name);
    return start === undefined ? "0.0" : `raw[${(start + k) >> 2}][${(start + k) & 3}]`;
  };
  const vector = (name: string, n: number) =>
    `vec${n}(${Array.from({ length: n }, (_, k) => output(name, k)).join(", ")})`;
  const shapes = (size: number, from: number, start: number, gate = "1.0") =>
    size
      ? `for (int i = 0; i < ${size}; i++) {
    vec4 f = texel(${from} + i);
    for (int o = 0; o < ${outputs}; o++) {
      int w = ${start} + (o * ${size} + i) * 4;
      raw[o] += ${gate} * (
        f.x * frame[w] + f.y * frame[w + 1] + f.z * frame[w + 2] + f.w * frame[w + 3]);
    }
  }`
      : "";
  const mix = CAMERA + hidden;
  const groups = field.poses.map((_, k) => mix + 4 * outputs * (face + k * pose));
  const frame = mix + 4 * outputs * (face + groups.length * pose);
  return `${HEAD}
uniform sampler2D points;
uniform vec2 units;
uniform float largest;
uniform float size;
uniform int count;
layout(std140) uniform Second { vec4 second[${4 * hidden * hidden}]; };
layout(std140) uniform Rest { vec4 rest[${hidden + 4 * outputs * hidden + outputs}]; };
layout(std140) uniform Frame { vec4 frame[${frame}]; };
layout(location = 0) out vec4 place;
layout(location = 1) out vec4 shape;
layout(location = 2) out vec4 light;

int base;
vec4 texel(int k) {
  int i = base + k;
  return texelFetch(points, ivec2(i % ${WIDTH}, i / ${WIDTH}), 0);
}

vec4 turned(vec4 a, vec4 b) {
  return vec4(
    a.x * b.x - a.y * b.y - a.z * b.z - a.w * b.w, a.y * b.x + a.x * b.y - a.w * b.z + a.z * b.w,
    a.z * b.x + a.w * b.y + a.x * b.z - a.y * b.w, a.w * b.x - a.z * b.y + a.y * b.z + a.x * b.w);
}

void main() {
  int n = int(gl_FragCoord.y) * ${records} + int(gl_FragCoord.x);
  place = shape = light = vec4(0);
  if (n >= count) return;
  base = n * ${texels};

  // The deformation network.
  vec4 first[${hidden}];
  for (int i = 0; i < ${hidden}; i++) first[i] = max(texel(${RAW} + i) + frame[${CAMERA} + i], 0.0);
  vec4 raw[${outputs}];
  for (int o = 0; o < ${outputs}; o++) raw[o] = rest[${hidden + 4 * outputs * hidden} + o];
  for (int j = 0; j < ${hidden}; j++) {
    vec4 h = rest[j];
    for (int i = 0; i < ${hidden}; i++) {
      int w = (j * ${hidden} + i) * 4;
      vec4 x = first[i];
      h += x.x * second[w] + x.y * second[w + 1] + x.z * second[w + 2] + x.w * second[w + 3];
    }
    h = max(h, 0.0);
    for (int o = 0; o < ${outputs}; o++) {
      int w = ${hidden} + (o * ${hidden} + j) * 4;
      raw[o] += h.x * rest[w] + h.y * rest[w + 1] + h.z * rest[w + 2] + h.w * rest[w + 3];
    }
  }
  ${shapes(face, RAW + hidden, mix)}
  vec2 gates = texel(6).yz;
  ${groups.map((at, k) => shapes(pose, RAW + hidden + face, at, `gates[${k}]`)).join("\n  ")}

  // Anchor, deltas, activations.
  vec4 center = texel(0), sizes = texel(1), c0 = texel(3), c1 = texel(4), c2 = texel(5);
  float w = center.w;
  vec3 x = center.xyz;
  mat3 relative = transpose(mat3(frame[0].xyz, frame[1].xyz, frame[2].xyz));
  vec3 resting = relative * x + frame[3].xyz;
  vec3 mean = x + w * (resting - x) + units.x * ${vector("position", 3)};
  vec3 scale = min(exp(sizes.xyz + units.y * ${vector("scale", 3)}), largest);
  vec4 q = texel(2) + units.y * ${vector("rotation", 4)};
  q += w * (turned(frame[4], q) - q);
  float opacity = 1.0 / (1.0 + exp(-(sizes.w + units.y * ${output("opacity", 0)})));
  int region = int(texel(6).x);
  opacity *= region < 4 ? frame[11][region] : frame[10].w;
  vec3 view = normalize(x + frame[5].xyz + w * (frame[6].xyz - frame[5].xyz));
  vec3 color = 0.5 + 0.28209479177387814 * c0.xyz;
  color += 0.4886025119029199 * (
    view.z * vec3(c1.z, c1.w, c2.x) - view.y * vec3(c0.w, c1.x, c1.y) - view.x * c2.yzw);
  color = max(color + 0.28209479177387814 * units.y * ${vector("color", 3)}, 0.0);

  // Projection, with a blur of 0.3 square pixels.
  vec3 r0 = frame[7].xyz, r1 = frame[8].xyz, r2 = frame[9].xyz;
  vec3 p = vec3(dot(r0, mean) + frame[7].w, dot(r1, mean) + frame[8].w, dot(r2, mean) + frame[9].w);
  float focal = frame[10].x;
  vec2 middle = frame[10].yz;
  float inverse = 1.0 / p.z;
  vec2 margin = vec2(0.3 * 0.5 * size / focal);
  vec2 t = p.z * clamp(p.xy * inverse, -(middle / focal + margin), (size - middle) / focal + margin);
  float j = focal * inverse;
  vec3 a = j * r0 - j * t.x * inverse * r2;
  vec3 b = j * r1 - j * t.y * inverse * r2;
  q /= length(q);
  mat3 turn = mat3(
    1.0 - 2.0 * (q.z * q.z + q.w * q.w), 2.0 * (q.y * q.z + q.x * q.w), 2.0 * (q.y * q.w - q.x * q.z),
    2.0 * (q.y * q.z - q.x * q.w), 1.0 - 2.0 * (q.y * q.y + q.w * q.w), 2.0 * (q.z * q.w + q.x * q.y),
    2.0 * (q.y * q.w + q.x * q.z), 2.0 * (q.z * q.w - q.x * q.y), 1.0 - 2.0 * (q.y * q.y + q.z * q.z));
  vec3 g = (a * turn) * scale, h = (b * turn) * scale;
  float xx = dot(g, g) + 0.3, xy = dot(g, h), yy = dot(h, h) + 0.3;
  float det = xx * yy - xy * xy;
  vec2 seen = j * p.xy + middle;
  bool shown = det > 0.0 && xx < 1e12 && yy < 1e12 && p.z >= 0.01 && p.z <= 1e10
    && opacity >= 1.0 / 255.0;
  float extent = shown ? min(3.33, sqrt(max(0.0, 2.0 * log(opacity * 255.0)))) : 0.0;
  vec2 reach = ceil(extent * sqrt(vec2(xx, yy)));
  shown = shown && all(greaterThan(seen + reach, vec2(0))) && all(lessThan(seen - reach, vec2(size)))
    && (reach.x > 0.0 || reach.y > 0.0);
  if (!shown) return;
  place = vec4(seen, opacity, log(255.0 * opacity));
  shape = vec4(yy, -xy, xx, 0.0) / det;
  light = vec4(color, p.z);
}`;
}

/** The corners of a rectangle around each ellipse, in the order of the sort. */
export function splatVertex(records: number): string {
  return `${HEAD}
uniform sampler2D places;
uniform sampler2D shapes;
uniform sampler2D lights;
uniform float size;
layout(location = 0) in uint id;
flat out vec4 place;
flat out vec3 conic;
flat out vec3 color;
void main() {
  ivec2 at = ivec2(int(id) % ${records}, int(id) / ${records});
  place = texelFetch(places, at, 0);
  conic = texelFetch(shapes, at, 0).xyz;
  color = texelFetch(lights, at, 0).rgb;
  // Axes of the ellipse conic(d, d) = 2 ln(255 o); a little more against rounding.
  float middle = 0.5 * (conic.x + conic.z), half_ = 0.5 * (conic.x - conic.z);
  float apart = sqrt(half_ * half_ + conic.y * conic.y);
  float least = max((conic.x * conic.z - conic.y * conic.y) / (middle + apart), 1e-12);
  vec2 along = conic.y == 0.0 ? (conic.x < conic.z ? vec2(1, 0) : vec2(0, 1))
    : normalize(vec2(conic.y, least - conic.x));
  vec2 reach = sqrt(2.0 * max(place.w, 0.0) / vec2(least, middle + apart)) + 0.01;
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
  vec2 pixel = place.xy + corner.x * reach.x * along + corner.y * reach.y * vec2(-along.y, along.x);
  gl_Position = vec4(pixel / size * 2.0 - 1.0, 0, 1);
}`;
}

/** One contribution: skipped where it is fainter than 1/255. */
export const SPLAT = `${HEAD}
flat in vec4 place;
flat in vec3 conic;
flat in vec3 color;
out vec4 result;
void main() {
  vec2 d = place.xy - gl_FragCoord.xy;
  float sigma = d.x * (0.5 * conic.x * d.x + conic.y * d.y) + 0.5 * conic.z * d.y * d.y;
  if (sigma > place.w || sigma < 0.0) discard;
  float alpha = min(place.z * exp(-sigma), 0.999);
  result = vec4(alpha * color, alpha);
}`;

/** The field over what lies behind it, and the mark, as bytes. */
export const COMPOSITE = `${HEAD}
uniform sampler2D field;
uniform sampler2D behind;
uniform sampler2D mark;
uniform ivec2 corner;
uniform int size;
out vec4 result;
void main() {
  ivec2 at = ivec2(gl_FragCoord.x, float(size) - gl_FragCoord.y);
  vec4 sum = texelFetch(field, at, 0);
  vec3 color = sum.rgb + sum.a * texelFetch(behind, at, 0).rgb;
  vec3 bytes = floor(clamp(color * 255.0 + 0.5, 0.0, 255.0));
  ivec2 inMark = at - corner;
  if (all(greaterThanEqual(inMark, ivec2(0))) && all(lessThan(inMark, textureSize(mark, 0)))) {
    vec2 ink = texelFetch(mark, inMark, 0).rg;
    bytes = roundEven(bytes * (1.0 - ink.x) + ink.y);
  }
  result = vec4(bytes / 255.0, 1);
}`;
