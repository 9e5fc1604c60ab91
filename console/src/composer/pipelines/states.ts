/** The state of each task of a drawing, by the nodes of the run's Workflow. Pure. */
import { statuses as common } from "../running";

export const statuses: typeof common = common;
