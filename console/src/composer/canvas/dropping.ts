/** Components dragged from the palette on to the drawing. */

import { useReactFlow } from "@xyflow/react";
import type { DragEvent } from "react";
import type { Component, Place } from "../model";
import { useStudioHere } from "../studio";
import { WIDTH } from "./rows";

const TYPE = "application/x-pinnace-component";
/** From the pointer to the middle of a node's head. */
const GRIP = { x: WIDTH / 2, y: 23 };

/** The palette hands over a component. */
export function handOver(event: DragEvent, component: Component): void {
  event.dataTransfer.setData(TYPE, component.key);
  event.dataTransfer.effectAllowed = "copy";
}

export function useDropping(onAdd: (component: Component, at: Place) => void): { onDrop: (event: DragEvent) => void; onDragOver: (event: DragEvent) => void } {
  const { components } = useStudioHere();
  const flow = useReactFlow();
  return {
    onDrop: (event) => {
      const key = event.dataTransfer.getData(TYPE);
      const component = components.find((each) => each.key === key);
      if (!component) return;
      event.preventDefault();
      const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
      onAdd(component, { x: at.x - GRIP.x, y: at.y - GRIP.y });
    },
    onDragOver: (event) => {
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    },
  };
}
