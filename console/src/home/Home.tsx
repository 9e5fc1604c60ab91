/** The first thing that everybody sees: what runs, what waits for a person, what failed and why, what is in service. */

import { Link } from "@tanstack/react-router";
import { FileCode2, NotebookText, Spline } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import { useNamespace } from "../app/namespace";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { Problem } from "../ui/notes";
import { Failures } from "./Failures";
import { FirstVisit } from "./FirstVisit";
import { MachineUse } from "./MachineUse";
import { Models } from "./Models";
import { Running } from "./Running";
import { InService } from "./InService";
import { Waiting, type Asked } from "./Waiting";
import { waiting } from "./causes";
import "./home.css";
import { failed, recent, useActive, useFailures, useWorkers } from "./news";

const RunYaml = lazy(() => import("./RunYaml").then((m) => ({ default: m.RunYaml })));

export function Home() {
  const namespace = useNamespace();
  const active = useActive(namespace);
  const { workers, loaded: known } = useWorkers(namespace);
  const { failures, loaded: looked } = useFailures(namespace, active.items);
  const [running, setRunning] = useState(false);
  const asked: Asked[] = active.items.flatMap((workflow) => waiting(workflow).map((node) => ({ workflow, node })));
  const troubles = [...failures, ...workers.filter((each) => each.work.state === "failed" && recent(each.work.at)).map(failed)];
  const busy = active.items.filter((workflow) => !asked.some((each) => each.workflow === workflow));
  const loaded = active.loaded && known && looked;
  const first = loaded && !active.error && active.items.length + workers.length + failures.length === 0;
  const serving = workers.filter((each) => each.shown.word === "Endpoint");
  const others = workers.filter((each) => each.shown.word !== "Endpoint");
  return (
    <Page title={namespace} actions={<QuickActions namespace={namespace} onYaml={() => setRunning(true)} />}>
      {active.error ? <Problem error={active.error} /> : null}
      <div className="home" aria-busy={!loaded}>
        <div className="home-main">
          <Waiting asked={asked} />
          {first ? (
            <FirstVisit namespace={namespace} onYaml={() => setRunning(true)} />
          ) : (
            <Running namespace={namespace} workflows={busy} workers={others} loaded={loaded} />
          )}
          <Failures failures={troubles} />
        </div>
        <aside className="home-side" aria-label="Machine, endpoints and models">
          <MachineUse />
          <InService namespace={namespace} services={serving} />
          <Models namespace={namespace} />
        </aside>
      </div>
      <Suspense>{running ? <RunYaml namespace={namespace} onClose={() => setRunning(false)} /> : null}</Suspense>
    </Page>
  );
}

function QuickActions({ namespace, onYaml }: { namespace: string; onYaml: () => void }) {
  const at = `/${encodeURIComponent(namespace)}`;
  return (
    <>
      <Button Icon={FileCode2} onClick={onYaml}>
        Run YAML
      </Button>
      <Link to={`${at}/notebooks/new` as string} className="button button-plain">
        <NotebookText size={15} aria-hidden /> New notebook
      </Link>
      <Link to={`${at}/composer` as string} className="button button-primary">
        <Spline size={15} aria-hidden /> Draw a workflow
      </Link>
    </>
  );
}
