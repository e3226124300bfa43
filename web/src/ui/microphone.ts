// Samples of the microphone, until somebody says stop.
import type { Sound } from "../player/sound";
import { RATE } from "../speech/loudness";

/** The processor that hands samples over, a module of its own. */
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

export class Microphone {
  recording = false;
  private pieces: Float32Array[] = [];
  private stream: MediaStream | null = null;
  private nodes: AudioNode[] = [];
  private isReady = false;

  constructor(private readonly sound: Sound) {}

  async start(): Promise<void> {
    if (!navigator.mediaDevices) throw new Error("this browser gives none to pages from a file");
    const { context } = this.sound;
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    await context.resume();
    if (!this.isReady) {
      const module = URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }));
      await context.audioWorklet.addModule(module);
      this.isReady = true;
    }
    const source = context.createMediaStreamSource(this.stream);
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    this.pieces = [];
    tap.port.onmessage = ({ data }) => this.pieces.push(data);
    source.connect(tap);
    this.nodes = [source, tap];
    this.recording = true;
  }

  /** Samples at RATE of what was said. */
  async stop(): Promise<Float32Array> {
    this.recording = false;
    this.nodes.forEach((node) => node.disconnect());
    this.stream?.getTracks().forEach((track) => track.stop());
    const rate = this.sound.context.sampleRate;
    const length = this.pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (!length) return new Float32Array(0);
    const whole = new AudioBuffer({ length, sampleRate: rate, numberOfChannels: 1 });
    let at = 0;
    for (const piece of this.pieces) {
      whole.copyToChannel(piece as Float32Array<ArrayBuffer>, 0, at);
      at += piece.length;
    }
    const offline = new OfflineAudioContext(1, Math.ceil((length / rate) * RATE), RATE);
    const source = offline.createBufferSource();
    source.buffer = whole;
    source.connect(offline.destination);
    source.start();
    return (await offline.startRendering()).getChannelData(0);
  }
}
