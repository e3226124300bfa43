// Buttons, sliders, switches, dropped files.
import type { Arrays } from "../payload";
import type { Strengths } from "../player/performance";
import { REGIONS } from "../render/renderer";
import { covering, plain } from "./background";
import { element, say } from "./elements";
import { Microphone } from "./microphone";
import { turnBy } from "./orbit";
import type { Player } from "./player";

/** Steps between two updates of the line that says how fast it goes. */
const TOLD_EVERY = 30;
const LOST = "The graphics device was lost: load the page anew.";
const PRESS_PLAY = "Press Play to hear it.";

export class Controls {
  private readonly microphone: Microphone;
  private readonly play = element<HTMLButtonElement>("play");
  private readonly record = element<HTMLButtonElement>("record");
  private readonly seek = element<HTMLInputElement>("seek");
  private steps = 0;
  private picture: Uint8Array | null = null;

  constructor(private readonly player: Player, private readonly arrays: Arrays) {
    this.microphone = new Microphone(player.sound);
    this.transport();
    this.sliders();
    this.switches();
    this.files();
    turnBy(element("picture"), player);
    player.onStep = () => this.step();
    element("picture").addEventListener("webglcontextlost", () => this.lose());
  }

  /** Shuts what would no longer be seen. */
  private lose(): void {
    this.player.lose();
    if (this.microphone.recording) void this.microphone.stop().catch(() => {});
    this.play.textContent = "Play";
    document.querySelectorAll<HTMLInputElement>("main button, main input").forEach((control) => {
      control.disabled = true;
    });
    say(LOST, true);
  }

  private transport(): void {
    const { player } = this;
    this.play.onclick = () => {
      if (player.sound.playing) player.sound.pause();
      else void player.sound.play();
    };
    this.seek.oninput = () => player.sound.seek(Number(this.seek.value) * player.sound.length);
    this.record.onclick = () => this.toggleRecord();
  }

  private async toggleRecord(): Promise<void> {
    const { player, microphone, record } = this;
    try {
      if (!microphone.recording) {
        player.sound.pause();
        if (!(await microphone.start(() => this.toggleRecord()))) return;
        record.textContent = "Stop and speak";
        say("Listening…");
        return;
      }
      record.textContent = "Microphone";
      await this.take(microphone.stop(), "microphone");
    } catch (error) {
      say(`The microphone gives nothing: ${(error as Error).message}`, true);
    }
  }

  private sliders(): void {
    for (const name of ["lips", "eyes", "pose"] as (keyof Strengths)[]) {
      const slider = element<HTMLInputElement>(`strength-${name}`);
      slider.oninput = () => {
        this.player.performance.strengths[name] = Number(slider.value);
        this.player.refresh();
      };
    }
  }

  private switches(): void {
    REGIONS.forEach((name, k) => {
      const box = element<HTMLInputElement>(`region-${name}`);
      box.onchange = () => {
        this.player.performance.regions[k] = box.checked ? 1 : 0;
        this.player.refresh();
      };
    });
    const plate = element<HTMLInputElement>("region-plate");
    plate.onchange = () => this.setBehind();
    element("reset").onclick = () => {
      Object.assign(this.player.performance.orbit, { yaw: 0, pitch: 0 });
      this.player.refresh();
    };
  }

  private setBehind(): void {
    const { renderer } = this.player.performance;
    const shown = element<HTMLInputElement>("region-plate").checked;
    const own = this.picture ?? this.arrays.bytes("plate");
    renderer.setBehind(shown ? own : plain(renderer.size));
    this.player.refresh();
  }

  private files(): void {
    for (const name of ["sound", "background"]) {
      const input = element<HTMLInputElement>(name);
      input.onchange = () => {
        const file = input.files?.[0];
        // The same file chosen again is a change only if none is chosen.
        input.value = "";
        if (file) void this.open(file);
      };
    }
    document.ondragover = (event) => event.preventDefault();
    document.ondrop = (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void this.open(file);
    };
  }

  /** Opens a picture as background, or a sound to speak. */
  private async open(file: File): Promise<void> {
    if (this.player.lost) return;
    try {
      if (file.type.startsWith("image/")) {
        this.picture = await covering(file, this.player.performance.renderer.size);
        element<HTMLInputElement>("region-plate").checked = true;
        this.setBehind();
        return;
      }
      this.player.sound.pause();
      await this.take(file.arrayBuffer().then((b) => this.player.sound.decoded(b)), file.name);
    } catch (error) {
      say(`${file.name} cannot be used: ${(error as Error).message}`, true);
    }
  }

  /** Hears samples, then plays them, unless others came meanwhile. */
  private async take(samples: Promise<Float32Array>, name: string): Promise<void> {
    const told = (share: number) => say(`Hearing… ${Math.round(100 * share)} %`);
    if (!(await this.player.hear(samples, name, told))) return;
    say("");
    const { sound } = this.player;
    const playing = sound.play();
    if (sound.waits) say(PRESS_PLAY);
    await playing;
    if (element("status").textContent === PRESS_PLAY) say("");
  }

  private step(): void {
    const { sound, speed } = this.player;
    const label = sound.playing ? "Pause" : "Play";
    if (this.play.textContent !== label) this.play.textContent = label;
    if (document.activeElement !== this.seek || sound.playing) {
      this.seek.value = String(sound.length ? sound.now / sound.length : 0);
    }
    if (this.steps++ % TOLD_EVERY) return;
    element("name").textContent = this.player.name;
    const text = (x: number) => x.toFixed(1);
    element("speed").textContent =
      `A frame: networks ${text(speed.networks)} ms, wait for the device ${text(speed.device)} ms, ` +
      `sort ${text(speed.sort)} ms, all ${text(speed.whole)} ms.`;
  }
}
