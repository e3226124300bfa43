// A portrait speaks a recording: everything but sound and controls.
import { Conditions, type NetworkInput, type Spoken } from "../model/conditions";
import { between, type Matrix, product, rotation, rotationVector, transposed } from "../motion/pose";
import { type Moment, Replay } from "../motion/replay";
import type { Arrays } from "../payload";
import { Renderer, REGIONS } from "../render/renderer";
import { type Heard, Windows } from "../speech/encoder";

/** How strongly lips, eyes and poses follow, 1: as in `unigs drive`. */
export interface Strengths {
  lips: number;
  eyes: number;
  pose: number;
}

export class Performance {
  readonly renderer: Renderer;
  readonly strengths: Strengths = { lips: 1, eyes: 1, pose: 1 };
  readonly regions = REGIONS.map(() => 1);
  /** Degrees by which the camera goes around the head: to the side, and up. */
  readonly orbit = { yaw: 0, pitch: 0 };
  readonly limits: { yaw: [number, number]; pitch: [number, number] };
  /** Milliseconds that networks and poses of the last frame took. */
  networks = 0;
  private readonly conditions: Conditions;
  private readonly windows: Windows;
  private readonly replay: Replay;
  private readonly silent: Spoken;
  private readonly resting: Moment;
  private spoken: (Spoken | undefined)[] = [];
  private heard: Heard | null = null;

  constructor(canvas: HTMLCanvasElement, private readonly arrays: Arrays, readonly header: any) {
    this.renderer = new Renderer(canvas, arrays, header);
    this.conditions = new Conditions(arrays, header.motion);
    this.windows = new Windows(arrays, header.speech, header.motion.speech.window);
    this.replay = new Replay(arrays, header.turn * header.speech.fps);
    this.silent = this.conditions.hear(this.windows.quietWindow);
    this.resting = this.middleOf();
    this.limits = this.seenRange();
  }

  get fps(): number {
    return this.header.speech.fps;
  }

  /** Frames of the recording. */
  get frames(): number {
    return this.heard?.frames ?? 0;
  }

  /** Takes another recording. */
  speak(heard: Heard): void {
    this.heard = heard;
    this.spoken = new Array(heard.frames);
  }

  /** Draws a frame of the recording; beyond its end the mouth is shut. */
  draw(frame: number): void {
    const started = performance.now();
    const moment = this.momentOf(frame);
    const input: NetworkInput = this.conditions.apply(this.saidIn(frame), moment);
    const orbit = this.orbitAt(moment.head.R);
    this.networks = performance.now() - started;
    this.renderer.draw(input, moment, { orbit, regions: this.regions });
  }

  /** What is said in a frame, as strongly as the slider says. */
  private saidIn(frame: number): Spoken {
    const heard = this.heard;
    const share = this.strengths.lips;
    if (!heard || frame >= heard.frames) return this.silent;
    const said = (this.spoken[frame] ??= this.conditions.hear(this.windows.at(heard, frame)));
    if (share === 1) return said;
    const part = (values: Float32Array, rest: Float32Array) =>
      values.map((x, k) => rest[k] + share * (x - rest[k]));
    const lips = part(said.lips, this.silent.lips);
    const known = this.conditions.lips;
    if (known) lips[0] = Math.min(Math.max(lips[0], known.range[0]), known.range[1]);
    return { audio: part(said.audio, this.silent.audio), lips };
  }

  /** Poses and eyes of a frame, as strongly as the sliders say. */
  private momentOf(frame: number): Moment {
    const moment = this.replay.at(frame);
    if (!this.header.follows_body) {
      moment.torso = this.fixedTorso();
      moment.outline = [0, 0];
    }
    const { eyes, pose } = this.strengths;
    if (eyes !== 1) {
      moment.eyes = moment.eyes.map((x, k) => {
        const rest = this.resting.eyes[k];
        return Math.min(Math.max(rest + eyes * (x - rest), 0), 5);
      });
    }
    if (pose !== 1) {
      const mix = (a: number[], b: number[]) => a.map((x, k) => x + pose * (b[k] - x));
      const { head, torso, outline } = this.resting;
      moment.head = { R: between(head.R, moment.head.R, pose), t: mix(head.t, moment.head.t) };
      if (this.header.follows_body) {
        moment.torso = { R: mix(torso.R, moment.torso.R), t: mix(torso.t, moment.torso.t) };
        moment.outline = mix(outline, moment.outline);
      }
    }
    return moment;
  }

  private fixedTorso() {
    return {
      R: Array.from(this.arrays.floats("body_R")), t: Array.from(this.arrays.floats("body_t")),
    };
  }

  /** The frame in the middle of the motion: the one whose pose is nearest to the mean. */
  private middleOf(): Moment {
    const t = this.meanOf("head_t");
    let best = 0;
    let least = Infinity;
    for (let k = 0; k < this.replay.length; k++) {
      const distance = this.replay.row("head_t", k).reduce((sum, x, a) => sum + (x - t[a]) ** 2, 0);
      if (distance < least) [best, least] = [k, distance];
    }
    const row = (name: string) => this.replay.row(name, best);
    const eyes = this.meanOf("eyes");
    return {
      head: { R: row("head_R"), t: row("head_t") },
      torso: { R: row("torso_R"), t: row("torso_t") }, outline: row("outline"), eyes,
    };
  }

  private meanOf(name: string): number[] {
    const sum = this.replay.row(name, 0).map(() => 0);
    for (let k = 0; k < this.replay.length; k++) {
      this.replay.row(name, k).forEach((x, a) => (sum[a] += x / this.replay.length));
    }
    return sum;
  }

  /** Turns of the head away from its resting pose that were seen in the clip, in degrees. */
  private seenRange(): { yaw: [number, number]; pitch: [number, number] } {
    const yaw: [number, number] = [0, 0];
    const pitch: [number, number] = [0, 0];
    for (let k = 0; k < this.replay.length; k++) {
      const [up, side] = this.turnOf(this.replay.row("head_R", k));
      for (const [range, x] of [[yaw, side], [pitch, up]] as const) {
        range[0] = Math.min(range[0], x);
        range[1] = Math.max(range[1], x);
      }
    }
    return { yaw, pitch };
  }

  /** Turn of a head's rotation away from the resting one, in degrees: about x, about y. */
  private turnOf(R: Matrix): [number, number] {
    const way = rotationVector(product(R, transposed(this.resting.head.R)));
    return [(way[0] * 180) / Math.PI, (way[1] * 180) / Math.PI];
  }

  /** The camera's way around a head, kept within what was seen. */
  private orbitAt(R: Matrix): number[] {
    const { yaw, pitch } = this.orbit;
    if (!yaw && !pitch) return [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const [up, side] = this.turnOf(R);
    const within = (x: number, [low, high]: [number, number]) => Math.min(Math.max(x, low), high);
    const turn = [
      within(up + pitch, this.limits.pitch) - up, within(side + yaw, this.limits.yaw) - side,
    ].map((degrees) => (degrees * Math.PI) / 180);
    return product(rotation([turn[0], 0, 0]), rotation([0, turn[1], 0]));
  }
}
