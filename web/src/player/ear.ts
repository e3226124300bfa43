// Speech is heard beside the page, in a worker that runs the same script.
import type { Arrays } from "../payload";
import type { Heard, SpeechSettings } from "../speech/encoder";

/** What the worker is told. */
export type Task =
  | { settings: SpeechSettings; parts: [string, any][]; shapes: [string, number[]][] }
  | { task: number; samples: Float32Array };

/** What it answers to which task. */
export type Answer = { task: number } & ({ share: number } | { heard: Heard } | { error: string });

/** Whom the answers to a task are for. */
interface Listener {
  told: (share: number) => void;
  resolve: (heard: Heard) => void;
  reject: (error: Error) => void;
}

const NEEDED = ["whisper.", "projection.", "profile.", "detector.", "speech."];

export class Ear {
  private worker: Worker | null = null;
  private tasks = 0;
  private readonly listeners = new Map<number, Listener>();

  constructor(
    private readonly script: string, private readonly arrays: Arrays,
    private readonly settings: SpeechSettings
  ) {}

  /** Features of samples at 16 kHz.
   * @param told is called with the share that is done. */
  hear(samples: Float32Array, told: (share: number) => void): Promise<Heard> {
    if (this.settings.kind === "none") return Promise.reject(new Error(this.settings.reason));
    const worker = (this.worker ??= this.start());
    const task = this.tasks++;
    return new Promise((resolve, reject) => {
      this.listeners.set(task, { told, resolve, reject });
      worker.postMessage({ task, samples } satisfies Task);
    });
  }

  private take(answer: Answer): void {
    const listener = this.listeners.get(answer.task)!;
    if ("share" in answer) return listener.told(answer.share);
    this.listeners.delete(answer.task);
    if ("heard" in answer) listener.resolve(answer.heard);
    else listener.reject(new Error(answer.error));
  }

  /** Ends a worker that failed as a whole, and all that it was to hear. */
  private fail(message: string): void {
    this.worker?.terminate();
    this.worker = null;
    this.listeners.forEach(({ reject }) => reject(new Error(message)));
    this.listeners.clear();
  }

  private start(): Worker {
    const address = URL.createObjectURL(new Blob([this.script], { type: "text/javascript" }));
    const worker = new Worker(address);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    worker.onerror = (event) => this.fail(event.message);
    const found = NEEDED.map((prefix) => this.arrays.beginning(prefix));
    worker.postMessage({
      settings: this.settings,
      parts: found.flatMap((part) => part.parts), shapes: found.flatMap((part) => part.shapes),
    } satisfies Task);
    return worker;
  }
}
