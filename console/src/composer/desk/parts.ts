/** The parts of the page that a key goes through: what is above the drawing, the palette, the drawing, the details. */

const PARTS = [".desk .toolbar", ".shelf", "[data-drawing]", ".side-pane"];
const FOCUSABLE = 'input:not([type="file"]), button:not([disabled]), select, textarea, [tabindex="0"]';

export function nextPart(step: 1 | -1): void {
  const parts = PARTS.flatMap((each) => document.querySelector<HTMLElement>(each) ?? []);
  const here = parts.findIndex((each) => each.contains(document.activeElement));
  const to = parts[(here + step + parts.length) % parts.length];
  if (to?.matches("[data-drawing]")) to.focus({ preventScroll: true });
  else to?.querySelector<HTMLElement>(FOCUSABLE)?.focus();
}
