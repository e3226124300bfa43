// Samples of the microphone, until somebody says stop.
import type { Sound } from "../player/sound";

// A recorder, since a page from the file system may load no worklet.
export class Microphone {
  private recorder: MediaRecorder | null = null;

  constructor(private readonly sound: Sound) {}

  get recording(): boolean {
    return this.recorder !== null;
  }

  async start(): Promise<void> {
    if (!navigator.mediaDevices) throw new Error("this browser gives none to pages from a file");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.recorder = new MediaRecorder(stream);
    this.recorder.start();
  }

  /** Samples at 16 kHz of what was said. */
  async stop(): Promise<Float32Array> {
    const recorder = this.recorder!;
    this.recorder = null;
    const made = new Promise<Blob>((resolve) => {
      recorder.ondataavailable = ({ data }) => resolve(data);
    });
    recorder.stop();
    recorder.stream.getTracks().forEach((track) => track.stop());
    return this.sound.decoded(await (await made).arrayBuffer());
  }
}
