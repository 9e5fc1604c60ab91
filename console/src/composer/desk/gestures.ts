/** What hands do to the steps of a drawing, each one change of the document. */

import { type Adding, useAdding } from "./adding";
import { type Copying, useCopying } from "./copying";
import type { Drawing } from "./drawing";
import { type Joining, useJoining } from "./joining";
import { type Gap, type Removing, useRemoving } from "./removing";

export type Gestures = Adding & Joining & Removing & Copying;

export function useGestures(drawing: Drawing, ask: (gap: Gap) => void): Gestures {
  return { ...useAdding(drawing), ...useJoining(), ...useRemoving(drawing, ask), ...useCopying(drawing) };
}
