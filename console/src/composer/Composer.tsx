/** The composer: one document, edited as a drawing and as text, saved, run, and watched while it runs. */

import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Play, Save } from "lucide-react";
import { KubeError, create, get } from "../api/kube";
import { WORKFLOW, collection, object } from "../api/resources";
import type { KubeObject, NodeStatus, Workflow } from "../api/types";
import { Button } from "../ui/Button";
import { Page } from "../ui/Page";
import { attempt, complain, notify } from "../ui/toasts";
import { NodePanel } from "../workflows/NodePanel";
import "../workflows/workflows.css";
import type { Opened } from "./ComposerPage";
import { Conflict, Difference, NameIt, RunIt } from "./Dialogs";
import { Desk, type Pane, type View } from "./Desk";
import { MoreMenu } from "./MoreMenu";
import { RunBar, useRunHere } from "./RunBar";
import { useCatalogue } from "./catalogue";
import * as drafts from "./drafts";
import { obj } from "./ports/read";
import { type Wanted, missing, statuses, workflowOf } from "./running";
import { type Base, resourceOf, save, shown } from "./saving";
import { StudioProvider, useStudio } from "./studio";
import { useBegin } from "./Start";

const FROM = "/$namespace/composer/$kind/$name";
const DRAFT_PAUSE = 300;
const UNREADABLE = new Error("The text cannot be read: mend it first");

type Asking = { what: "name" } | { what: "run"; wanted: Partial<Wanted> } | { what: "difference" } | { what: "conflict"; theirs: Base };

export function Composer({ namespace, opened }: { namespace: string; opened: Opened }) {
  const catalogue = useCatalogue(namespace);
  const studio = useStudio(opened.text, catalogue.library, catalogue.services);
  const [base, setBase] = useState<Base | null>(opened.base);
  const [asking, setAsking] = useState<Asking | null>(null);
  const search = useSearch({ from: FROM });
  const navigate = useNavigate({ from: FROM });
  const begin = useBegin(namespace);
  const { document } = studio;
  const meta = obj(document.metadata);
  const pipeline = studio.language?.form === "pipeline";
  const kind = pipeline ? "Pipeline (IR)" : String(document.kind ?? "");
  const name = String(meta.name ?? meta.generateName ?? obj(document.pipelineInfo).name ?? "");
  const changed = base === null ? true : studio.text !== base.text;
  useDraft(opened.id, { namespace, kind, name, text: studio.text, base }, base !== null && !changed);

  const run = useRunHere(namespace, search.run);
  const states = useMemo(() => (search.run ? statuses(run.nodes, search.run, studio.trail) : new Map<string, NodeStatus>()), [run.nodes, search.run, studio.trail]);

  const store = useCallback(
    async (whole: Record<string, unknown>, over: Base | null): Promise<void> => {
      try {
        const item = await save(whole, namespace, over);
        const of = resourceOf(whole.kind);
        if (!of) return;
        const now = { ...shown(of, item), text: studio.text };
        drafts.discard(opened.id);
        setBase(now);
        setAsking(null);
        notify(`${of.kind} ${item.metadata.name} saved`);
        if (over === null) {
          void navigate({ to: FROM, params: { namespace, kind: of.kind, name: item.metadata.name }, search: (old) => old, replace: true });
        }
      } catch (problem) {
        const error = KubeError.of(problem);
        if (error.code !== 409 || over === null) throw error;
        const of = resourceOf(whole.kind);
        if (!of) throw error;
        const theirs = await get<KubeObject>(object(of, namespace, String(obj(whole.metadata).name)));
        setAsking({ what: "conflict", theirs: shown(of, theirs) });
      }
    },
    [namespace, navigate, opened.id, studio.text],
  );

  function saveNow(): void {
    if (pipeline) return;
    if (studio.trouble) complain(UNREADABLE);
    else if (kind === "Workflow" || (!meta.name && base === null)) setAsking({ what: "name" });
    else void attempt(store(document, base));
  }

  function ask(wanted: Partial<Wanted>): void {
    if (studio.trouble) complain(UNREADABLE);
    else if (missing(document).length) setAsking({ what: "run", wanted });
    else void start(wanted);
  }

  async function start(wanted: Partial<Wanted>): Promise<boolean> {
    const body = workflowOf(document, namespace, { trail: studio.trail, reuse: true, parameters: {}, ...wanted }, studio.library);
    return attempt(
      create<Workflow>(collection(WORKFLOW, namespace), body).then((made) => {
        setAsking(null);
        studio.select([...studio.selection.nodes]);
        void navigate({ search: (old) => ({ ...old, run: made.metadata.name }), replace: true });
      }),
    );
  }

  const view: View = search.view ?? "canvas";
  const usual: Pane = search.run ? "run" : "step";
  const pane: Pane = search.pane ?? usual;
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
        facts={
          <>
            <span>{kind}</span>
            <span className={changed ? "unsaved" : "dim"}>{base === null ? "draft" : changed ? "not saved" : "saved"}</span>
          </>
        }
        actions={
          <>
            <MoreMenu namespace={namespace} name={name} changed={base !== null && changed} onDifference={() => setAsking({ what: "difference" })} onText={begin} />
            {pipeline ? null : (
              <Button Icon={Save} onClick={saveNow} title="Ctrl S">
                Save
              </Button>
            )}
            {studio.language?.shared ? (
              <Button look="primary" Icon={Play} onClick={() => ask({})}>
                Run
              </Button>
            ) : null}
          </>
        }
      >
        {search.run ? <RunBar namespace={namespace} name={search.run} run={run} onClose={() => void navigate({ search: ({ run: _, ...old }) => old, replace: true })} /> : null}
        <Desk
          namespace={namespace}
          view={view}
          onView={(next) => void navigate({ search: ({ view: _, ...old }) => (next === "list" ? { ...old, view: next } : old), replace: true })}
          pane={pane}
          onPane={(next) => void navigate({ search: ({ pane: _, ...old }) => (next === usual ? old : { ...old, pane: next }), replace: true })}
          statuses={states}
          running={search.run !== undefined}
          ran={(id) => {
            const node = states.get(id);
            return run.workflow && node ? <NodePanel workflow={run.workflow} node={node} /> : null;
          }}
          onSave={saveNow}
          onRunTo={(id, how) => ask({ [how]: id })}
          onFile={begin}
        />
      </Page>
      {asking?.what === "name" ? (
        <NameIt
          document={document}
          onClose={() => setAsking(null)}
          onName={async (template, called) => {
            const whole = structuredClone(document) as Record<string, unknown>;
            const { generateName: _, ...rest } = obj(whole.metadata);
            await store({ ...whole, kind: template, metadata: { ...rest, name: called } }, null);
          }}
        />
      ) : null}
      {asking?.what === "run" ? <RunIt document={document} onClose={() => setAsking(null)} onRun={(parameters) => start({ ...asking.wanted, parameters })} /> : null}
      {asking?.what === "difference" ? <Difference saved={base?.text ?? ""} mine={studio.text} onClose={() => setAsking(null)} /> : null}
      {asking?.what === "conflict" ? (
        <Conflict
          theirs={asking.theirs}
          mine={studio.text}
          onClose={() => setAsking(null)}
          onTheirs={() => {
            studio.replace(asking.theirs.text, "Take the other version");
            setBase(asking.theirs);
            setAsking(null);
          }}
          onMine={() => store(document, asking.theirs)}
        />
      ) : null}
    </StudioProvider>
  );
}

/** What is drawn survives a reload, however soon it comes; what is saved needs no draft. */
function useDraft(id: string, draft: Omit<drafts.Draft, "id" | "at">, saved: boolean): void {
  const first = useRef(draft.text);
  const waiting = useRef<Omit<drafts.Draft, "id" | "at"> | null>(null);
  const flush = useCallback(() => {
    if (waiting.current) drafts.keep({ id, ...waiting.current, at: Date.now() });
    waiting.current = null;
  }, [id]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the draft is new at each render, its parts are named
  useEffect(() => {
    waiting.current = null;
    if (saved) {
      drafts.discard(id);
      return;
    }
    if (draft.text === first.current && drafts.load(id) === undefined) return;
    waiting.current = draft;
    const timer = setTimeout(flush, DRAFT_PAUSE);
    return () => clearTimeout(timer);
  }, [id, draft.text, draft.base, draft.name, saved, flush]);
  useEffect(() => {
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [flush]);
}
