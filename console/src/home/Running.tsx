/** What is at work in the namespace: workflows with the steps they are at, jobs, experiments, notebooks. */

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { inside } from "../app/sections";
import { Mark } from "../ui/Mark";
import { Duration } from "../ui/time";
import { Panel } from "./Panel";
import { Progress } from "./Progress";
import { type WorkflowWithNodes, doing } from "./causes";
import type { Worker } from "./news";
import { page } from "./places";

interface Props {
  namespace: string;
  workflows: WorkflowWithNodes[];
  workers: Worker[];
  loaded: boolean;
}

/** So few that what failed stands on the first screen, too. */
const MOST = 5;

export function Running({ namespace, workflows, workers, loaded }: Props) {
  const live = workers.filter(({ work }) => work.state === "running" || work.state === "waiting");
  const rows = [
    ...workflows.map((workflow) => <WorkflowRow key={workflow.metadata.uid} workflow={workflow} />),
    ...live.map((worker) => <WorkerRow key={worker.item.metadata.uid} namespace={namespace} worker={worker} />),
  ];
  const more = { to: inside("/$namespace/workflows", namespace), words: "All workflows" };
  return (
    <Panel title="Running now" more={more}>
      {rows.length ? <ul className="news">{rows.slice(0, MOST)}</ul> : null}
      {rows.length > MOST ? <p className="news-none dim">and {rows.length - MOST} more</p> : null}
      {loaded && rows.length === 0 ? <p className="news-none dim">Nothing is at work in this namespace.</p> : null}
    </Panel>
  );
}

function WorkflowRow({ workflow }: { workflow: WorkflowWithNodes }) {
  const { name, namespace = "" } = workflow.metadata;
  const { steps, stuck } = doing(workflow);
  const phase = workflow.spec.suspend ? "Suspended" : stuck ? "Pending" : (workflow.status?.phase ?? "Pending");
  return (
    <Row
      phase={phase}
      link={
        <Link to="/$namespace/workflows/$name" params={{ namespace, name }}>
          {name}
        </Link>
      }
      kind="Workflow"
      says={workflow.spec.suspend ? "suspended" : stuck || some(steps)}
      progress={<Progress text={workflow.status?.progress} label={name} />}
      from={workflow.status?.startedAt}
    />
  );
}

function WorkerRow({ namespace, worker: { shown, item, work } }: { namespace: string; worker: Worker }) {
  return (
    <Row
      phase={work.state === "running" ? "Running" : "Pending"}
      link={<Link to={page(shown, namespace, item.metadata.name)}>{item.metadata.name}</Link>}
      kind={shown.word}
      says={work.says}
      from={work.at}
    />
  );
}

function some(steps: string[]): string {
  return steps.length > 3 ? `${steps.slice(0, 3).join(", ")} and ${steps.length - 3} more` : steps.join(", ");
}

interface RowProps {
  phase: string;
  link: ReactNode;
  kind: string;
  says: string;
  progress?: ReactNode;
  from?: string | undefined;
}

function Row({ phase, link, kind, says, progress, from }: RowProps) {
  return (
    <li className="news-row">
      <Mark phase={phase} label={false} />
      <div className="news-body">
        <div className="news-head">
          {link}
          <span className="dim">{kind}</span>
          <span className="news-when dim">
            <Duration from={from} />
          </span>
        </div>
        {says || progress ? (
          <div className="news-words">
            {progress}
            <span className="dim news-says">{says}</span>
          </div>
        ) : null}
      </div>
    </li>
  );
}
