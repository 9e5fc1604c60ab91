/** A run of what is drawn: started from the canvas, and shown on it. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { NodeStatus } from "../api/types";
import { attempt, complain } from "../ui/toasts";
import { type RunHere, useRunHere } from "./RunBar";
import { UNREADABLE } from "./keeping";
import type { Wanted } from "./running";
import type { Studio } from "./studio";

const FROM = "/$namespace/composer/$kind/$name";

export interface Run {
  /** The name of the run that is shown. */
  name: string | undefined;
  here: RunHere;
  states: ReadonlyMap<string, NodeStatus>;
  /** Starts it, once all that is needed is known. */
  ask(wanted: Partial<Wanted>): void;
  start(wanted: Partial<Wanted>): Promise<boolean>;
  leave(): void;
}

const NONE: ReadonlyMap<string, NodeStatus> = new Map();

export function useRun(studio: Studio, namespace: string, onAsk: (wanted: Partial<Wanted> | null) => void): Run {
  const { run: name } = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const here = useRunHere(namespace, name);
  const { document, language, library, trail } = studio;
  const running = language?.running;
  const states = useMemo(() => (name ? (running?.statuses(here.nodes, name, trail, document) ?? NONE) : NONE), [running, here.nodes, name, trail, document]);

  async function begin(wanted: Partial<Wanted>): Promise<void> {
    const made = await running?.start(document, namespace, { trail, reuse: true, parameters: {}, ...wanted }, library);
    onAsk(null);
    studio.select([...studio.selection.nodes]);
    if (made) void navigate({ search: (old) => ({ ...old, run: made }), replace: true });
  }

  const start = (wanted: Partial<Wanted>) => attempt(begin(wanted));
  return {
    name,
    here,
    states,
    start,
    ask: (wanted) => {
      if (studio.trouble) complain(UNREADABLE);
      else if (running?.missing(document).length) onAsk(wanted);
      else void start(wanted);
    },
    leave: () => void navigate({ search: ({ run: _, ...old }) => old, replace: true }),
  };
}
