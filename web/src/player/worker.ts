// The worker's side of `Ear`.
import { Arrays } from "../payload";
import { SpeechEncoder } from "../speech/encoder";
import type { Answer, Task } from "./ear";

export function listen(): void {
  let encoder: SpeechEncoder | null = null;
  const answer = (said: Answer) => (self as unknown as Worker).postMessage(said);
  self.onmessage = ({ data }: MessageEvent<Task>) => {
    if ("settings" in data) {
      encoder = new SpeechEncoder(
        new Arrays(new Map(data.parts), new Map(data.shapes)), data.settings
      );
      return;
    }
    const { task, samples } = data;
    try {
      const heard = encoder!.hear(samples, (share) => answer({ task, share }));
      answer({ task, heard });
    } catch (error) {
      answer({ task, error: error instanceof Error ? error.message : String(error) });
    }
  };
}
