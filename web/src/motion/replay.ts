// The motion of the clip, played forwards and backwards: unigs/drive/motion_loop.py.
import type { Arrays } from "../payload";
import { between, type Pose } from "./pose";

/** All that moves a portrait beside speech, in one frame. */
export interface Moment {
  head: Pose;
  torso: Pose;
  /** How far the arms stand out [2], meters. */
  outline: number[];
  /** Action units, 0 to 5. */
  eyes: number[];
}

/** Position in a piece of motion of `length` frames, with turns that take `turn` frames. */
export function pingPong(frame: number, length: number, turn: number): number {
  if (length < 2) return 0;
  turn = Math.min(turn, ((length - 1) * Math.PI) / 2);
  const reach = turn / Math.PI;
  const straight = length - 1 - 2 * reach;
  const half = straight + turn;
  const phase = frame % (2 * half);
  const back = phase >= half;
  const s = back ? phase - half : phase;
  const turned = Math.max(s - straight, 0) / Math.max(turn, 1e-9);
  const position = reach + Math.min(s, straight) + reach * Math.sin(Math.PI * turned);
  return back ? length - 1 - position : position;
}

/** The piece of the clip that is replayed. */
export class Replay {
  readonly length: number;

  constructor(private readonly arrays: Arrays, private readonly turn: number) {
    this.length = arrays.shape("replay.head_t")[0];
  }

  /** Poses and eyes of a frame of the performance. */
  at(frame: number): Moment {
    const position = pingPong(frame, this.length, this.turn);
    const low = Math.min(Math.floor(position), Math.max(this.length - 2, 0));
    const high = Math.min(low + 1, this.length - 1);
    const share = position - low;
    const mix = (name: string) => {
      const a = this.row(name, low);
      const b = this.row(name, high);
      return a.map((x, i) => x * (1 - share) + b[i] * share);
    };
    const R = between(this.row("head_R", low), this.row("head_R", high), share);
    return {
      head: { R, t: mix("head_t") },
      torso: { R: mix("torso_R"), t: mix("torso_t") },
      outline: mix("outline"),
      eyes: mix("eyes"),
    };
  }

  /** One row of an array of the piece. */
  row(name: string, index: number): number[] {
    const values = this.arrays.floats(`replay.${name}`);
    const width = values.length / this.length;
    return Array.from(values.subarray(index * width, (index + 1) * width));
  }
}
