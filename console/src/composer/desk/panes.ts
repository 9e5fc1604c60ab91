/** Which panes are open: this browser's habit. */

import { useState } from "react";

export interface Open {
  open: boolean;
  set(open: boolean): void;
}

export function usePane(pane: string): Open {
  const key = `pinnace.composer.${pane}`;
  const [open, setOpen] = useState(() => localStorage.getItem(key) !== "closed");
  return {
    open,
    set: (next) => {
      localStorage.setItem(key, next ? "open" : "closed");
      setOpen(next);
    },
  };
}
