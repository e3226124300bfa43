// Conditions of a frame, and what they add to the network: unigs/model/motion.py.
import type { Arrays } from "../payload";
import { type Moment } from "../motion/replay";
import { rotationVector } from "../motion/pose";
import { AudioNet, type Lips, makeLips } from "./speech_net";

/** What a window of speech says: the audio feature of eq. 6, and the lips. */
export interface Spoken {
  audio: Float32Array;
  lips: Float32Array;
}

/** What changes from frame to frame in the deformation network. */
export interface NetworkInput {
  /** What the conditions add to the first layer [H]. */
  bias: Float32Array;
  /** Coefficients of the face's blendshapes, then of the pose's. */
  shapes: Float32Array;
}

export class Conditions {
  readonly lips: Lips | null;
  private readonly net: AudioNet;
  private readonly weight: Float32Array;

  constructor(private readonly arrays: Arrays, private readonly config: any) {
    this.net = new AudioNet(arrays, config.speech.window);
    this.lips = config.lip_code ? makeLips(arrays, config.speech) : null;
    this.weight = arrays.floats("motion.deformation.input_conditions.weight");
  }

  /** What a window [W,D] of speech says. */
  hear(window: Float32Array): Spoken {
    return {
      audio: this.net.apply(window),
      lips: this.lips ? this.lips.apply(window) : new Float32Array(0),
    };
  }

  /** Inputs of the deformation in one frame. */
  apply(spoken: Spoken, moment: Moment): NetworkInput {
    const units = this.scored("eye_norm", moment.eyes, 12);
    const { head, torso } = this.poses(moment);
    const inputs = [...head, ...(this.config.body_input ? torso : [])];
    const c = Float32Array.from([...spoken.audio, ...spoken.lips, ...units, ...inputs]);
    const width = this.weight.length / c.length;
    const bias = new Float32Array(width);
    for (let h = 0; h < width; h++) {
      let sum = 0;
      for (let k = 0; k < c.length; k++) sum += this.weight[h * c.length + k] * c[k];
      bias[h] = sum;
    }
    const face = this.config.blendshapes ? [...spoken.lips, ...units] : [];
    const pose = this.config.pose_blendshapes ? head : [];
    const body = this.config.body_blendshapes ? torso : [];
    return { bias, shapes: Float32Array.from([...face, ...pose, ...body]) };
  }

  /** Pose features; empty if nothing takes them. */
  private poses({ head, torso, outline }: Moment): { head: number[]; torso: number[] } {
    const R = torso.R;
    const body = [R[0], R[4], R[3] - R[1], ...torso.t, ...outline];
    const taken = this.config.body_input || this.config.body_blendshapes;
    return {
      head: this.config.pose_input
        ? this.scored("pose_norm", [...rotationVector(head.R), ...head.t], 4) : [],
      torso: taken ? this.scored("body_norm", body, 4) : [],
    };
  }

  private scored(name: string, values: number[], limit: number): number[] {
    const mean = this.arrays.floats(`motion.${name}.mean`);
    const std = this.arrays.floats(`motion.${name}.std`);
    return values
      .slice(0, mean.length)
      .map((x, k) => Math.min(Math.max((x - mean[k]) / std[k], -limit), limit));
  }
}
