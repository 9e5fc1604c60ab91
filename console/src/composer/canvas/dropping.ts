/** Components dragged from the palette, on to the drawing or into one of its edges. */

import { useReactFlow } from "@xyflow/react";
import { type DragEvent, useState } from "react";
import type { Component, Place } from "../model";
import { useStudioHere } from "../studio";
import { WIDTH } from "./rows";
import { edgeAt } from "./view";

const TYPE = "application/x-pinnace-component";
/** From the pointer to the middle of a node's head. */
const GRIP = { x: WIDTH / 2, y: 23 };

/** The palette hands over a component. */
export function handOver(event: DragEvent, component: Component): void {
  event.dataTransfer.setData(TYPE, component.key);
  event.dataTransfer.effectAllowed = "copy";
}

interface Dropping {
  onDrop: (event: DragEvent) => void;
  onDragOver: (event: DragEvent) => void;
  onDragLeave: () => void;
}

/** Besides the handlers: the edge that the component would go into. */
export function useDropping(onAdd: (component: Component, at: Place, into: string | null) => void): [Dropping, string | null] {
  const { components } = useStudioHere();
  const flow = useReactFlow();
  const [over, setOver] = useState<string | null>(null);

  function drop(event: DragEvent): void {
    setOver(null);
    const key = event.dataTransfer.getData(TYPE);
    const component = components.find((each) => each.key === key);
    if (!component) return;
    event.preventDefault();
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    onAdd(component, { x: at.x - GRIP.x, y: at.y - GRIP.y }, edgeAt(event.clientX, event.clientY));
  }

  function dragOver(event: DragEvent): void {
    event.preventDefault();
    if (!event.dataTransfer.types.includes(TYPE)) return;
    event.dataTransfer.dropEffect = "copy";
    setOver(edgeAt(event.clientX, event.clientY));
  }

  return [{ onDrop: drop, onDragOver: dragOver, onDragLeave: () => setOver(null) }, over];
}
