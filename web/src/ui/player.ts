// Sound and picture together.
import type { Ear } from "../player/ear";
import type { Performance } from "../player/performance";
import type { Sound } from "../player/sound";
import type { Heard } from "../speech/encoder";

/** How fast the smoothed times follow. */
const FOLLOW = 0.1;
/** Most seconds by which a slow device draws ahead of the sound. */
const MOST_AHEAD = 0.2;

/** Milliseconds a frame, smoothed. */
export interface Speed {
  networks: number;
  sort: number;
  device: number;
  whole: number;
}

export class Player {
  /** Frame that is shown. */
  shown = -1;
  /** Second of the recording that was heard when the frame was shown. */
  shownAt = 0;
  name = "";
  readonly speed: Speed = { networks: 0, sort: 0, device: 0, whole: 0 };
  /** Called after every step, for the controls. */
  onStep: () => void = () => {};
  /** Whether the device that draws is gone: then nothing more is shown or played. */
  lost = false;
  private stale = true;
  /** Number of the recording that was given last. */
  private turn = 0;

  constructor(
    readonly performance: Performance, readonly sound: Sound, private readonly ear: Ear
  ) {}

  /** Takes a recording that has been heard already. */
  speak(samples: Float32Array, heard: Heard, name: string): void {
    this.sound.load(samples);
    this.performance.speak(heard);
    this.name = name;
    this.stale = true;
  }

  /** Hears a recording, then takes it, unless a later one was given meanwhile.
   * @param told is called with the share that is done.
   * @returns whether it was taken. */
  async hear(
    given: Promise<Float32Array>, name: string, told: (share: number) => void
  ): Promise<boolean> {
    const turn = ++this.turn;
    const samples = await given;
    if (!samples.length) throw new Error("it holds no sound");
    const isWanted = () => turn === this.turn && !this.lost;
    if (!isWanted()) return false;
    const heard = await this.ear.hear(samples, (share) => isWanted() && told(share));
    if (!isWanted()) return false;
    this.speak(samples, heard, name);
    return true;
  }

  /** The next frame is drawn even if it is the same one. */
  refresh(): void {
    this.stale = true;
  }

  /** Draws for as long as the page is there. */
  run(): void {
    const step = () => {
      if (this.lost) return;
      this.step();
      this.onStep();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  /** Ends, since what drew is gone. */
  lose(): void {
    this.lost = true;
    this.sound.pause();
  }

  /** Draws the frame that belongs to what is heard when it will be seen. */
  private step(): void {
    if (this.sound.ended) this.sound.pause();
    const { fps, frames } = this.performance;
    const ahead = this.sound.playing ? Math.min(this.speed.whole / 1000, MOST_AHEAD) : 0;
    const frame = Math.floor((this.sound.now + ahead) * fps + 1e-6);
    const wanted = Math.min(frame, Math.max(frames - 1, 0));
    if (wanted === this.shown && !this.stale) return;
    this.stale = false;
    this.draw(wanted);
    this.shownAt = this.sound.now;
  }

  /** Draws one frame now. */
  draw(frame: number): void {
    const started = performance.now();
    this.performance.draw(frame);
    this.shown = frame;
    const { times } = this.performance.renderer;
    const whole = performance.now() - started;
    const now = { networks: this.performance.networks, sort: times.sort, device: times.device, whole };
    for (const key of Object.keys(now) as (keyof Speed)[]) {
      this.speed[key] += FOLLOW * (now[key] - this.speed[key]);
    }
  }
}
