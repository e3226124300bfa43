// Speech is heard beside the page, in a worker that runs the same script.
import type { Arrays } from "../payload";
import type { Heard, SpeechSettings } from "../speech/encoder";

/** What the worker is told. */
export type Task =
  | { settings: SpeechSettings; parts: [string, any][]; shapes: [string, number[]][] }
  | { samples: Float32Array };

/** What it answers. */
export type Answer = { share: number } | { heard: Heard } | { error: string };

const NEEDED = ["whisper.", "projection.", "profile.", "detector.", "speech."];

export class Ear {
  private worker: Worker | null = null;

  constructor(
    private readonly script: string, private readonly arrays: Arrays,
    private readonly settings: SpeechSettings
  ) {}

  /** Features of samples at 16 kHz.
   * @param told is called with the share that is done. */
  hear(samples: Float32Array, told: (share: number) => void): Promise<Heard> {
    if (this.settings.kind === "none") return Promise.reject(new Error(this.settings.reason));
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if ("share" in data) told(data.share);
        else if ("heard" in data) resolve(data.heard);
        else reject(new Error(data.error));
      };
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ samples } satisfies Task);
    });
  }

  private start(): Worker {
    const address = URL.createObjectURL(new Blob([this.script], { type: "text/javascript" }));
    const worker = new Worker(address);
    const found = NEEDED.map((prefix) => this.arrays.beginning(prefix));
    worker.postMessage({
      settings: this.settings,
      parts: found.flatMap((part) => part.parts), shapes: found.flatMap((part) => part.shapes),
    } satisfies Task);
    return worker;
  }
}
