/** Beside the drawing: the chosen step, the text, what is to be mended. */

import { Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { Code } from "../ui/Code";
import { Tabs } from "../ui/Tabs";
import type { Pane } from "./Desk";
import { pathAt, pointer, range } from "./document/yaml";
import { marked } from "./findings";
import type { Start } from "./fitting";
import { DocumentForm } from "./forms/DocumentForm";
import { EdgeForm } from "./forms/EdgeForm";
import { RouterForm } from "./forms/RouterForm";
import { StepForm } from "./forms/StepForm";
import { TaskFacts } from "./forms/TaskFacts";
import type { Finding } from "./model";
import { type Studio, useStudioHere } from "./studio";

interface Props {
  pane: Pane;
  onPane: (pane: Pane) => void;
  findings: Finding[];
  faulty: ReadonlyMap<string, Finding[]>;
  chosen: string | undefined;
  ran: (id: string) => ReactNode;
  running: boolean;
  onConnect: (start: Start) => void;
  onRemove: () => void;
}

export function SidePane(props: Props) {
  const { pane, onPane, findings } = props;
  const [reveal, setReveal] = useState<{ from: number; to: number } | undefined>();
  const studio = useStudioHere();
  const count = findings.length + (studio.trouble ? 1 : 0);
  return (
    <aside className="side-pane" aria-label="Details">
      <Tabs
        label="Details"
        value={pane}
        onChange={(value) => onPane(value as Pane)}
        tabs={[
          ...(props.running ? [{ value: "run", label: "Run", content: <Ran chosen={props.chosen} ran={props.ran} /> }] : []),
          { value: "step", label: "Properties", content: <Chosen {...props} /> },
          { value: "text", label: "YAML", content: <Text findings={findings} reveal={reveal} chosen={props.chosen} /> },
          {
            value: "findings",
            label: count ? `To mend (${count})` : "To mend",
            content: (
              <Findings
                findings={findings}
                onGo={(finding) => {
                  go(studio, finding);
                  const at = studio.source ? range(studio.source, pointer(finding.path)) : null;
                  if (at) setReveal({ ...at });
                }}
                onText={() => onPane("text")}
              />
            ),
          },
        ]}
      />
    </aside>
  );
}

/** The chosen step as it went in the run that is shown. */
function Ran({ chosen, ran }: Pick<Props, "chosen" | "ran">) {
  if (chosen === undefined) return <p className="dim">Choose a step to see its log, its inputs and what it made.</p>;
  return <>{ran(chosen) ?? <p className="dim">{chosen} has not started in this run.</p>}</>;
}

function Chosen({ chosen, faulty, onConnect, onRemove }: Props) {
  const { graph, selection, language } = useStudioHere();
  const edge = graph.edges.find((each) => each.id === selection.edge);
  if (edge) return <EdgeForm edge={edge} onRemove={onRemove} />;
  const step = graph.nodes.find((each) => each.id === chosen);
  if (!step) return selection.nodes.size > 1 ? <p className="dim">{selection.nodes.size} steps are chosen.</p> : <DocumentForm />;
  if (language?.form === "pipeline") return <TaskFacts step={step} />;
  if (!language?.shared) return <RouterForm step={step} onRemove={onRemove} />;
  return <StepForm key={step.id} step={step} findings={faulty.get(step.id) ?? []} onConnect={onConnect} onRemove={onRemove} />;
}

/** Shows the drawing in which a finding is, with its node chosen. */
function go({ graph, select, language, document, open, scope, source }: Studio, finding: Finding): void {
  const path = pointer(finding.path);
  const here = graph.nodes.find((each) => each.path.every((part, i) => part === path[i]));
  if (here) {
    select([here.id]);
    return;
  }
  const at = path.indexOf("templates");
  const name = at < 0 ? undefined : source?.getIn([...path.slice(0, at + 2), "name"]);
  if (typeof name === "string" && name !== scope && language?.scopes(document).some((each) => each.name === name)) open(name);
}

function Findings({ findings, onGo, onText }: { findings: Finding[]; onGo: (finding: Finding) => void; onText: () => void }) {
  const { trouble } = useStudioHere();
  if (trouble)
    return (
      <button type="button" className="finding" onClick={onText}>
        <strong>The text cannot be read</strong>
        <span>{trouble.message}</span>
      </button>
    );
  if (findings.length === 0) return <p className="dim">Nothing to mend: it can run.</p>;
  return (
    <ul className="findings">
      {findings.map((each) => (
        <li key={`${each.path} ${each.message}`}>
          <button type="button" className={`finding finding-${each.severity}`} onClick={() => onGo(each)}>
            <span>{each.message}</span>
            <code>{each.path || "/"}</code>
          </button>
        </li>
      ))}
    </ul>
  );
}

function done(what: () => void): true {
  what();
  return true;
}

/** The text: what is typed here is drawn at once, what is drawn is written here. */
function Text({ findings, reveal, chosen }: { findings: Finding[]; reveal: { from: number; to: number } | undefined; chosen: string | undefined }) {
  const studio = useStudioHere();
  const { text, source, trouble, type, graph, select } = studio;
  const marks = useMemo(() => marked({ source, trouble }, findings), [source, trouble, findings]);
  const hands = useRef(studio);
  hands.current = studio;
  const extensions = useMemo(
    () => [
      Prec.highest(
        keymap.of([
          { key: "Mod-z", run: () => done(hands.current.undo) },
          { key: "Mod-y", run: () => done(hands.current.redo) },
          { key: "Mod-Shift-z", run: () => done(hands.current.redo) },
        ]),
      ),
    ],
    [],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the choice brings its text into view, an edit does not
  const shown = useMemo(() => {
    const node = graph.nodes.find((each) => each.id === chosen);
    return reveal ?? (node && source ? (range(source, node.path) ?? undefined) : undefined);
  }, [chosen, reveal]);
  return (
    <div className="text-pane">
      {trouble ? (
        <p role="status" className="warning">
          The picture is the last one that could be read: {trouble.message.split("\n")[0]}
        </p>
      ) : null}
      <Code
        label="Document, YAML"
        language="yaml"
        value={text}
        onChange={type}
        findings={marks}
        reveal={shown}
        extensions={extensions}
        onCursor={(offset) => {
          if (!source || trouble) return;
          const path = pathAt(source, offset);
          const node = graph.nodes.find((each) => each.path.length <= path.length && each.path.every((part, i) => part === path[i]));
          if (node) select([node.id]);
        }}
      />
    </div>
  );
}
