/** The kinds that Home tells of, where their pages are, and how each says what it does. */

import { INFERENCE_SERVICE, type Resource, resource } from "../api/resources";
import { type WithConditions, type Work, endpoint, job, notebook } from "./work";

export interface Shown {
  of: Resource<WithConditions>;
  /** What people call it. */
  word: string;
  /** The page of one, with `$namespace` and `$name`. */
  page: string;
  work: (item: WithConditions) => Work;
}

const KUBEFLOW = "kubeflow.org/v1";
const JOBS = [
  ["pytorchjobs", "PyTorchJob"], ["tfjobs", "TFJob"], ["xgboostjobs", "XGBoostJob"],
  ["jaxjobs", "JAXJob"], ["paddlejobs", "PaddleJob"], ["mpijobs", "MPIJob"],
] as const;

function training(apiVersion: string, plural: string, kind: string): Shown {
  return { of: resource(apiVersion, plural, kind), word: kind, page: `/$namespace/training/${kind.toLowerCase()}/$name`, work: job };
}

export const SHOWN: Shown[] = [
  ...JOBS.map(([plural, kind]) => training(KUBEFLOW, plural, kind)),
  training("trainer.kubeflow.org/v1alpha1", "trainjobs", "TrainJob"),
  { of: resource("kubeflow.org/v1beta1", "experiments", "Experiment"), word: "Experiment", page: "/$namespace/experiments/$name", work: job },
  { of: resource(KUBEFLOW, "notebooks", "Notebook"), word: "Notebook", page: "/$namespace/notebooks/$name", work: notebook },
  { of: INFERENCE_SERVICE as Resource<WithConditions>, word: "Endpoint", page: "/$namespace/endpoints/$name", work: endpoint },
];

export function page(shown: Shown, namespace: string, name: string): string {
  return shown.page.replace("$namespace", encodeURIComponent(namespace)).replace("$name", encodeURIComponent(name));
}
