// Samples of the microphone, until somebody says stop.
import type { Sound } from "../player/sound";

// A recorder, since a page from the file system may load no worklet.
export class Microphone {
  private recorder: MediaRecorder | null = null;
  private recorded: Promise<Blob> | null = null;
  private asking = false;

  constructor(private readonly sound: Sound) {}

  get recording(): boolean {
    return this.recorder !== null;
  }

  /** Begins, if the browser is not being asked already.
   * @param lost is called when the recording ends by itself: the microphone was taken away.
   * @returns whether it records. */
  async start(lost: () => void): Promise<boolean> {
    if (!navigator.mediaDevices) throw new Error("this browser gives none to pages from a file");
    if (this.asking) return false;
    this.asking = true;
    try {
      this.record(await navigator.mediaDevices.getUserMedia({ audio: true }), lost);
    } finally {
      this.asking = false;
    }
    return true;
  }

  private record(stream: MediaStream, lost: () => void): void {
    const close = () => stream.getTracks().forEach((track) => track.stop());
    try {
      const recorder = new MediaRecorder(stream);
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      this.recorded = new Promise((resolve) => {
        recorder.onstop = () => {
          close();
          resolve(new Blob(parts));
          if (this.recorder === recorder) lost();
        };
      });
      recorder.start();
      this.recorder = recorder;
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Samples at 16 kHz of what was said. */
  async stop(): Promise<Float32Array> {
    const recorder = this.recorder!;
    this.recorder = null;
    if (recorder.state !== "inactive") recorder.stop();
    const blob = await this.recorded!;
    if (!blob.size) throw new Error("nothing was recorded");
    return this.sound.decoded(await blob.arrayBuffer());
  }
}
