/** The page's colours for a canvas, which knows no variables. */

import type { Palette } from "./scene";

/** Read off an element beside the canvas. */
export function colours(canvas: HTMLCanvasElement): Palette {
  const probe = document.createElement("span");
  canvas.parentElement?.append(probe);
  const colour = (value: string) => {
    probe.style.color = value;
    return getComputedStyle(probe).color;
  };
  const [good, bad, busy, ask, dim] = ["good", "bad", "busy", "ask", "dim"].map((name) => colour(`var(--${name})`)) as [string, string, string, string, string];
  const line = colour("var(--line)");
  const palette: Palette = {
    ground: colour("var(--ground)"), raised: colour("var(--raised)"), ink: colour("var(--ink)"), dim, line,
    edge: colour("light-dark(#b4bdcb, #4a5464)"), accent: colour("var(--accent)"),
    states: { succeeded: good, failed: bad, error: bad, running: busy, waits: ask, pending: dim, skipped: line, omitted: line },
    font: getComputedStyle(canvas).fontFamily,
  };
  probe.remove();
  return palette;
}
