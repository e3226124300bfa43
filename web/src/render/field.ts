// What no frame changes of a portrait: raw parameters, features of the points, weights.
import { encode, type Plane } from "../model/triplane";
import type { Arrays } from "../payload";

export const ATTRIBUTES: [string, number][] = [
  ["position", 3], ["scale", 3], ["rotation", 4], ["opacity", 1], ["color", 3],
];
/** Texels of a Gaussian before its features: center and anchor, scales and opacity, rotation,
 * color and three harmonics of it, region and the gates of its pose blendshapes. */
export const RAW = 7;
export const WIDTH = 2048;
/** Numbers of the head's pose feature. */
const HEAD_POSE = 6;

const blocks = (n: number) => Math.ceil(n / 4);

/** Sizes in blocks of four numbers. */
export interface Sizes {
  hidden: number;
  outputs: number;
  face: number;
  pose: number;
  texels: number;
}

export interface Field {
  count: number;
  sizes: Sizes;
  /** Numbers that the network gives for a Gaussian. */
  outputs: number;
  /** Names of the network's outputs, in order. */
  attributes: string[];
  /** Texels [rows WIDTH 4] of all Gaussians. */
  points: Float32Array;
  /** Weights of the second layer [H/4][H/4][4] vectors. */
  second: Float32Array;
  /** Bias of the second layer, weights of the last one, its bias. */
  rest: Float32Array;
  face: Shapes;
  /** The groups of pose blendshapes, which differ in their gates. */
  poses: Shapes[];
}

/** Blendshapes that are linear in features. */
export interface Shapes {
  count: number;
  features: number;
  basis: Float32Array;
}

/** Columns of a matrix [outputs, inputs] in the order in which shaders read them: for each block of
 * outputs and each input the weights of four outputs. */
export function columnsOf(matrix: Float32Array, outputs: number, inputs: number): Float32Array {
  const wide = 4 * blocks(inputs);
  const out = new Float32Array(blocks(outputs) * wide * 4);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      out[((o >> 2) * wide + i) * 4 + (o & 3)] = matrix[o * inputs + i];
    }
  }
  return out;
}

export function makeField(arrays: Arrays, config: any): Field {
  const means = arrays.floats("gaussians.means");
  const count = means.length / 3;
  const attributes = ATTRIBUTES.map(([name]) => name).filter((name) =>
    config.deform.split(",").map((word: string) => word.trim()).includes(name)
  );
  const planes = (config.planes as Plane[]).map((plane, k) => encode(arrays, k, plane, means));
  const net = (name: string) => arrays.floats(`motion.deformation.${name}`);
  const hidden = net("hidden.bias").length;
  const outputs = net("output.bias").length;
  const shapes = (name: string, width: number): Shapes => {
    const [shapeCount] = arrays.shape(`motion.deformation.${name}.basis`);
    return { count: shapeCount, features: shapeCount ? width : 0, basis: net(`${name}.basis`) };
  };
  const face = shapes("face_shapes", planes[planes.length - 1].width);
  const poses = groupsOf(shapes("pose_shapes", planes[0].width), config);
  const sizes = {
    hidden: blocks(hidden), outputs: blocks(outputs), face: blocks(face.features),
    pose: poses.length ? blocks(planes[0].width) : 0, texels: 0,
  };
  sizes.texels = RAW + sizes.hidden + sizes.face + sizes.pose;
  const points = new Float32Array(Math.ceil((count * sizes.texels) / WIDTH) * WIDTH * 4);
  putRaw(points, sizes.texels * 4, arrays, count);
  putProduct(points, sizes.texels * 4, planes, net("input_features.weight"),
    net("input_features.bias"), count);
  const at = 4 * (RAW + sizes.hidden);
  putFeatures(points, sizes.texels * 4, at, planes[planes.length - 1], face.features);
  if (poses.length) {
    putFeatures(points, sizes.texels * 4, at + 4 * sizes.face, planes[0], planes[0].width);
    const gates = poseGates(arrays, config, means);
    gates.forEach((gate, k) => {
      for (let n = 0; n < count; n++) points[n * sizes.texels * 4 + 25 + k] = gate[n];
    });
  }
  return {
    count, sizes, outputs, attributes, points, face, poses,
    second: columnsOf(net("hidden.weight"), hidden, hidden),
    rest: joined([
      net("hidden.bias"), columnsOf(net("output.weight"), outputs, hidden),
      paddedTo(net("output.bias"), 4 * sizes.outputs),
    ]),
  };
}

type Features = { values: Float32Array; width: number };

function putRaw(points: Float32Array, stride: number, arrays: Arrays, count: number): void {
  const [means, scales, quats, opacities, colors] = [
    "means", "log_scales", "quats", "opacities", "colors",
  ].map((name) => arrays.floats(`gaussians.${name}`));
  const anchors = arrays.has("gaussians.anchors") ? arrays.floats("gaussians.anchors") : null;
  const higher = arrays.has("gaussians.harmonics") ? arrays.floats("gaussians.harmonics") : null;
  const regions = arrays.bytes("regions");
  for (let n = 0; n < count; n++) {
    const at = n * stride;
    const weight = anchors ? 1 / (1 + Math.exp(-anchors[n])) : 0;
    points.set([...means.subarray(3 * n, 3 * n + 3), weight], at);
    points.set([...scales.subarray(3 * n, 3 * n + 3), opacities[n]], at + 4);
    points.set(quats.subarray(4 * n, 4 * n + 4), at + 8);
    points.set(colors.subarray(3 * n, 3 * n + 3), at + 12);
    if (higher) points.set(higher.subarray(9 * n, 9 * n + 9), at + 15);
    points[at + 24] = regions[n];
  }
}

/** The first layer's product with the features of the points, and its bias. */
function putProduct(
  points: Float32Array, stride: number, planes: Features[], weight: Float32Array,
  bias: Float32Array, count: number
): void {
  const hidden = bias.length;
  const width = weight.length / hidden;
  const all = new Float32Array(width);
  for (let n = 0; n < count; n++) {
    let column = 0;
    for (const plane of planes) {
      all.set(plane.values.subarray(n * plane.width, (n + 1) * plane.width), column);
      column += plane.width;
    }
    const at = n * stride + 4 * RAW;
    for (let h = 0; h < hidden; h++) {
      let sum = bias[h];
      const row = h * width;
      for (let i = 0; i < width; i++) sum += weight[row + i] * all[i];
      points[at + h] = sum;
    }
  }
}

function putFeatures(
  points: Float32Array, stride: number, at: number, plane: Features, width: number
): void {
  if (!width) return;
  for (let n = 0; n < plane.values.length / width; n++) {
    points.set(plane.values.subarray(n * width, (n + 1) * width), n * stride + at);
  }
}

/** Pose blendshapes by their gates: of the head's pose and of the torso's, or all in one. */
function groupsOf(shapes: Shapes, config: any): Shapes[] {
  if (!shapes.count) return [];
  const head = config.torso_spares_head && headShapes(config) ? HEAD_POSE : 0;
  const size = head ? (shapes.basis.length / shapes.count) * head : 0;
  const parts = [
    { ...shapes, count: head, basis: shapes.basis.subarray(0, size) },
    { ...shapes, count: shapes.count - head, basis: shapes.basis.subarray(size) },
  ];
  return parts.filter(({ count }) => count > 0);
}

/** Factors of each group of pose blendshapes (pose_gates of unigs/model/motion.py). */
function poseGates(arrays: Arrays, config: any, means: Float32Array): Float32Array[] {
  const mouth = arrays.floats("motion.mouth");
  const head = Float32Array.from({ length: means.length / 3 }, (_, n) => {
    let squared = 0;
    for (let a = 0; a < 3; a++) squared += (means[3 * n + a] - mouth[a]) ** 2;
    return 1 - Math.exp(-squared / (2 * 0.03 ** 2));
  });
  if (!config.torso_spares_head) return [head];
  const [low, high] = ["head_low", "head_high"].map((name) => arrays.floats(`motion.${name}`));
  const torso = Float32Array.from({ length: means.length / 3 }, (_, n) => {
    let depth = Infinity;
    for (let a = 0; a < 3; a++) {
      depth = Math.min(depth, means[3 * n + a] - low[a], high[a] - means[3 * n + a]);
    }
    return 1 - Math.min(Math.max(depth / 0.03, 0), 1);
  });
  return [...(headShapes(config) ? [head] : []), ...(config.body_blendshapes ? [torso] : [])];
}

/** Whether the head's pose drives blendshapes. */
function headShapes(config: any): boolean {
  return config.pose_input && config.pose_blendshapes;
}

function paddedTo(values: Float32Array, length: number): Float32Array {
  const out = new Float32Array(length);
  out.set(values);
  return out;
}

export function joined(parts: Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The one linear map that blendshapes sum to, in the order of `columnsOf`. */
export function mixed(shapes: Shapes, coefficients: Float32Array, outputs: number): Float32Array {
  const { count, features, basis } = shapes;
  const sum = new Float32Array(outputs * features);
  for (let s = 0; s < count; s++) {
    const at = s * sum.length;
    for (let i = 0; i < sum.length; i++) sum[i] += coefficients[s] * basis[at + i];
  }
  return columnsOf(sum, outputs, features);
}
