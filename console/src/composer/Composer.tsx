/** The composer: one document, edited as a drawing and as text, saved, run, and watched while it runs. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Rocket, Save } from "lucide-react";
import { useCallback, useState } from "react";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { NodePanel } from "../workflows/NodePanel";
import "../workflows/workflows.css";
import { Answers, type Question } from "./Answers";
import type { Opened } from "./ComposerPage";
import { Desk, type Live, type Pane, type View } from "./Desk";
import { ElsewhereBar } from "./ElsewhereBar";
import { MoreMenu } from "./MoreMenu";
import { RunBar } from "./RunBar";
import { useBegin } from "./Start";
import { AcumosImport } from "./acumos/AcumosImport";
import { useCatalogue } from "./catalogue";
import { type State, useDraft } from "./drafting";
import { type Elsewhere, useElsewhere } from "./elsewhere";
import { type Keeping, useKeeping } from "./keeping";
import { usePipelineKeeping } from "./pipelines/keeping";
import { LivePane } from "./serving/LivePane";
import { ServingBar } from "./serving/ServingBar";
import { isServed } from "./serving/served";
import { type Serving, useServing } from "./serving/serving";
import { type Run, useRun } from "./starting";
import { StudioProvider, useStudio, useStudioHere } from "./studio";

const FROM = "/$namespace/composer/$kind/$name";

export function Composer({ namespace, opened }: { namespace: string; opened: Opened }) {
  const studio = useStudio(opened.text, useCatalogue(namespace));
  const [question, ask] = useState<Question | null>(null);
  const askRun = useCallback((wanted: object | null) => ask(wanted && { what: "run", wanted }), []);
  const objects = useKeeping(studio, namespace, opened, ask);
  const versions = usePipelineKeeping(studio, namespace, opened, ask);
  const keeping = studio.language?.kept === "pipeline" ? versions : objects;
  const elsewhere = useElsewhere(studio, namespace, keeping);
  const run = useRun(studio, namespace, askRun);
  const serving = useServing(studio, namespace, keeping);
  const { kind, name } = studio.language?.told(studio.document) ?? { kind: String(studio.document.kind ?? ""), name: "" };
  useDraft(opened.id, { namespace, kind, name, text: studio.text, base: keeping.base }, draftState(keeping, elsewhere), (text) => studio.replace(text, "Changed in another window"));
  return (
    <StudioProvider value={studio}>
      <Page
        full
        title={name || "Untitled"}
        crumbs={
          <Link to="/$namespace/composer" params={{ namespace }}>
            Composer
          </Link>
        }
        facts={<Facts kind={kind} keeping={keeping} />}
        actions={<Actions namespace={namespace} name={name} keeping={keeping} run={run} onDifference={() => ask({ what: "difference" })} />}
      >
        {elsewhere ? <ElsewhereBar elsewhere={elsewhere} keeping={keeping} onDifference={(theirs) => ask({ what: "difference", theirs })} /> : null}
        {run.name ? <RunBar namespace={namespace} name={run.name} run={run.here} onClose={run.leave} /> : null}
        {serving ? <ServingBar namespace={namespace} serving={serving} /> : null}
        <Whole namespace={namespace} keeping={keeping} run={run} serving={serving} />
      </Page>
      <AcumosImport />
      {question ? <Answers question={question} keeping={keeping} run={run} onClose={() => ask(null)} /> : null}
    </StudioProvider>
  );
}

function draftState({ changed }: Keeping, elsewhere: Elsewhere | null): State {
  if (elsewhere?.what === "gone") return "lost";
  return changed ? "open" : "saved";
}

function Facts({ kind, keeping: { base, changed } }: { kind: string; keeping: Keeping }) {
  return (
    <>
      <span>{kind}</span>
      <span className={changed ? "unsaved" : "dim"}>{base === null ? "draft" : changed ? "not saved" : "saved"}</span>
    </>
  );
}

interface ActionsProps {
  namespace: string;
  name: string;
  keeping: Keeping;
  run: Run;
  onDifference: () => void;
}

function Actions({ namespace, name, keeping, run, onDifference }: ActionsProps) {
  const { language } = useStudioHere();
  const begin = useBegin(namespace);
  return (
    <>
      <MoreMenu namespace={namespace} name={name} changed={keeping.base !== null && keeping.changed} onDifference={onDifference} onText={begin} />
      {language?.kept === null ? null : (
        <Keep onKeep={keeping.save} served={isServed(language?.form)} />
      )}
      {language?.running ? (
        <Button look="primary" Icon={Play} onClick={() => run.ask({})}>
          Run
        </Button>
      ) : null}
    </>
  );
}

/** What is served answers as soon as it is saved. */
function Keep({ onKeep, served }: { onKeep: () => void; served: boolean }) {
  return (
    <Button Icon={served ? Rocket : Save} look={served ? "primary" : "plain"} onClick={onKeep} title="Ctrl S">
      {served ? "Deploy" : "Save"}
    </Button>
  );
}

/** The desk, with what the address says of it: which view, which pane. */
function Whole({ namespace, keeping, run, serving }: { namespace: string; keeping: Keeping; run: Run; serving: Serving | null }) {
  const search = useSearch({ from: FROM });
  const { language } = useStudioHere();
  const navigate = useNavigate({ from: FROM });
  const begin = useBegin(namespace);
  const usual: Pane = run.name || serving?.object ? "run" : "step";
  const setView = (next: View) => void navigate({ search: ({ view: _, ...old }) => (next === "list" ? { ...old, view: next } : old), replace: true });
  const setPane = (next: Pane) => void navigate({ search: ({ pane: _, ...old }) => (next === usual ? old : { ...old, pane: next }), replace: true });
  return (
    <Desk
      namespace={namespace}
      view={search.view ?? "canvas"}
      onView={setView}
      pane={search.pane ?? usual}
      onPane={setPane}
      statuses={serving?.states ?? run.states}
      taken={serving?.taken ?? NONE}
      live={liveOf(namespace, run, serving)}
      onSave={keeping.save}
      onRun={() => (language?.running ? run.ask({}) : undefined)}
      onRunTo={(id, how) => run.ask({ [how]: id })}
      onFile={begin}
    />
  );
}

const NONE: ReadonlySet<string> = new Set();

function liveOf(namespace: string, run: Run, serving: Serving | null): Live | null {
  if (serving) return { label: "Live", content: (id) => <LivePane namespace={namespace} serving={serving} chosen={id} /> };
  return run.name === undefined ? null : { label: "Run", content: (id) => <Ran id={id} run={run} /> };
}

/** The chosen step as it went in the run that is shown. */
function Ran({ id, run }: { id: string | undefined; run: Run }) {
  if (id === undefined) return <p className="dim">Choose a step to see its log, its inputs and what it made.</p>;
  const node = run.states.get(id);
  if (!node || !run.here.workflow) return <p className="dim">{id} has not started in this run.</p>;
  return <NodePanel workflow={run.here.workflow} node={node} />;
}
