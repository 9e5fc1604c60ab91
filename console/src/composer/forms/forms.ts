/** The forms of each language: of a node, of an edge, of the whole. The drawing's side pane takes them from here. */

import type { ComponentType } from "react";
import type { FormName } from "../document/language";
import type { Start } from "../fitting";
import type { Finding, GraphEdge, GraphNode } from "../model";
import { GraphForm } from "./GraphForm";
import { PipelineForm } from "./pipeline/PipelineForm";
import { TaskForm } from "./pipeline/TaskForm";
import { RouteForm } from "./RouteForm";
import { RouterForm } from "./RouterForm";
import { StepForm } from "./StepForm";
import { WaitForm } from "./WaitForm";
import { WorkflowForm } from "./WorkflowForm";

export interface StepProps {
  step: GraphNode;
  findings: Finding[];
  onConnect: (start: Start) => void;
  onRemove: () => void;
}

export interface Forms {
  Step: ComponentType<StepProps>;
  /** Below what every edge says: what can be set on this one. */
  Edge?: ComponentType<{ edge: GraphEdge }>;
  /** Shown while nothing is chosen. */
  Whole: ComponentType;
}

export const FORMS: Record<FormName, Forms> = {
  workflow: { Step: StepForm, Edge: WaitForm, Whole: WorkflowForm },
  inference: { Step: RouterForm, Edge: RouteForm, Whole: GraphForm },
  pipeline: { Step: TaskForm, Whole: PipelineForm },
};
