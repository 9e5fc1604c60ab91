/** The pointer over a canvas: it drags the picture, or chooses a box; the wheel zooms. */

const SLOP = 4;

export interface At {
  x: number;
  y: number;
}

/** What the pointer does, told to whoever draws. */
export interface Pointed {
  /** A drag begins: what comes is told from here. */
  held(): void;
  dragged(by: At): void;
  over(at: At | null): void;
  chosen(at: At): void;
  wheeled(factor: number, at: At): void;
}

export class Pointer {
  private start: (At & { dragged: boolean }) | null = null;

  constructor(private readonly canvas: HTMLCanvasElement, private readonly tell: Pointed) {
    canvas.addEventListener("pointerdown", this.hold);
    canvas.addEventListener("pointermove", this.move);
    canvas.addEventListener("pointerup", this.release);
    canvas.addEventListener("pointerleave", () => tell.over(null));
    canvas.addEventListener("wheel", this.wheel, { passive: false });
  }

  private readonly hold = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.start = { ...at(event), dragged: false };
    this.tell.held();
  };

  private readonly move = (event: PointerEvent): void => {
    const { start } = this;
    if (!start) {
      this.tell.over(at(event));
      return;
    }
    const by = { x: event.offsetX - start.x, y: event.offsetY - start.y };
    if (!start.dragged && Math.abs(by.x) + Math.abs(by.y) < SLOP) return;
    start.dragged = true;
    this.canvas.style.cursor = "grabbing";
    this.tell.dragged(by);
  };

  private readonly release = (event: PointerEvent): void => {
    const dragged = this.start?.dragged;
    this.start = null;
    this.canvas.style.cursor = "";
    if (!dragged) this.tell.chosen(at(event));
  };

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    this.tell.wheeled(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), at(event));
  };
}

function at({ offsetX, offsetY }: MouseEvent): At {
  return { x: offsetX, y: offsetY };
}
