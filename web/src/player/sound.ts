// Sound and its clock: the sound leads, the picture follows.
import { RATE } from "../speech/loudness";

export class Sound {
  readonly context = new AudioContext();
  playing = false;
  /** Seconds of the recording. */
  length = 0;
  private samples: AudioBuffer | null = null;
  private source: AudioBufferSourceNode | null = null;
  /** Time of the context at which the recording's first sample is played. */
  private origin = 0;
  private paused = 0;
  /** Whether it plays as soon as the browser lets it. */
  private starting = false;

  /** Takes another recording, samples at RATE. */
  load(samples: Float32Array): void {
    this.pause();
    this.paused = 0;
    this.samples = this.context.createBuffer(1, Math.max(1, samples.length), RATE);
    this.samples.copyToChannel(samples as Float32Array<ArrayBuffer>, 0);
    this.length = samples.length / RATE;
  }

  /** Second of the recording that is heard now. */
  get now(): number {
    if (!this.playing) return this.paused;
    // What the context has made reaches the ear when the device has played it.
    const heard = this.context.currentTime - (this.context.outputLatency || 0);
    return Math.min(Math.max(heard - this.origin, 0), this.length);
  }

  get ended(): boolean {
    return this.playing && this.now >= this.length;
  }

  /** Whether the browser lets no sound out, as it does until somebody clicks. */
  get waits(): boolean {
    return this.starting && this.context.state === "suspended";
  }

  async play(): Promise<void> {
    if (!this.samples || this.playing) return;
    if (this.paused >= this.length) this.paused = 0;
    this.starting = true;
    await this.context.resume();
    // Another call may have started it, or a pause may have come.
    if (!this.starting) return;
    this.starting = false;
    this.source = this.context.createBufferSource();
    this.source.buffer = this.samples;
    this.source.connect(this.context.destination);
    const start = this.context.currentTime + 0.05;
    this.source.start(start, this.paused);
    this.origin = start - this.paused;
    this.playing = true;
  }

  pause(): void {
    this.starting = false;
    if (!this.playing) return;
    this.paused = this.now;
    this.playing = false;
    this.source?.stop();
    this.source?.disconnect();
    this.source = null;
  }

  seek(second: number): void {
    const was = this.playing || this.starting;
    this.pause();
    this.paused = Math.min(Math.max(second, 0), this.length);
    if (was) void this.play();
  }

  /** Samples at RATE of a sound file's bytes, all channels mixed. */
  async decoded(bytes: ArrayBuffer): Promise<Float32Array> {
    const decoder = new OfflineAudioContext(1, 1, RATE);
    const buffer = await decoder.decodeAudioData(bytes);
    const out = new Float32Array(buffer.length);
    for (let c = 0; c < buffer.numberOfChannels; c++) {
      buffer.getChannelData(c).forEach((x, i) => (out[i] += x / buffer.numberOfChannels));
    }
    return out;
  }
}
