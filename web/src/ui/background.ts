// What stands behind the person.

/** A picture that covers a square, as RGB bytes [size, size, 3]. */
export async function covering(file: Blob, size: number): Promise<Uint8Array> {
  const picture = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d")!;
  const scale = Math.max(size / picture.width, size / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  context.drawImage(picture, (size - width) / 2, (size - height) / 2, width, height);
  const { data } = context.getImageData(0, 0, size, size);
  return Uint8Array.from({ length: 3 * size * size }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]);
}

/** An even gray. */
export function plain(size: number): Uint8Array {
  return new Uint8Array(3 * size * size).fill(200);
}
