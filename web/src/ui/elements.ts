// Elements of the page, found by their names.

/** An element of the page that must be there. */
export function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Says something below the picture; an empty text says nothing. */
export function say(text: string, isError = false): void {
  const place = element("status");
  place.textContent = text;
  place.classList.toggle("error", isError);
}
