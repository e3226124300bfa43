// Dragging the picture turns the camera around the head.
import type { Player } from "./player";

/** Degrees for a drag across the whole picture. */
const ACROSS = 60;

export function turnBy(picture: HTMLElement, player: Player): void {
  const { orbit, limits } = player.performance;
  const within = (x: number, [low, high]: [number, number]) => Math.min(Math.max(x, low), high);
  picture.onpointerdown = (event) => picture.setPointerCapture(event.pointerId);
  picture.onpointermove = (event) => {
    if (!event.buttons) return;
    const degrees = ACROSS / picture.clientWidth;
    orbit.yaw = within(orbit.yaw + event.movementX * degrees, limits.yaw);
    orbit.pitch = within(orbit.pitch - event.movementY * degrees, limits.pitch);
    player.refresh();
  };
}
