// The page: unpack, draw, play.
import { decode } from "../payload";
import { Ear } from "../player/ear";
import { Performance } from "../player/performance";
import { Sound } from "../player/sound";
import { Controls } from "./controls";
import { element, say } from "./elements";
import { Player } from "./player";

export async function start(): Promise<void> {
  // Tests wait for this, and drive the player through it.
  const made = open();
  (window as any).unigs = made;
  made.catch((error: Error) => say(error.message, true));
}

async function open(): Promise<Player> {
  say("Unpacking…");
  await new Promise((done) => setTimeout(done));
  const payload = element("payload");
  const { header, arrays } = await decode(payload.textContent!);
  payload.remove();
  const performance = new Performance(element<HTMLCanvasElement>("picture"), arrays, header);
  const ear = new Ear(element("player").textContent!, arrays, header.speech);
  const player = new Player(performance, new Sound(), ear);
  if (arrays.has("recording.samples")) {
    const samples = Float32Array.from(arrays.get("recording.samples"), (x) => x / 32768);
    player.speak(samples, {
      columns: arrays.floats("recording.columns"), rest: arrays.floats("recording.rest"),
      frames: header.recording.frames,
    }, header.recording.name);
  }
  new Controls(player, arrays);
  player.run();
  say("");
  return player;
}
