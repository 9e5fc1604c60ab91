/** Nothing is here yet: four ways to begin, each one click or one command. */

import { Link } from "@tanstack/react-router";
import { FileCode2, type LucideIcon, NotebookText, Radio, Spline } from "lucide-react";
import type { ReactNode } from "react";
import { runs } from "../api/context";
import { inside } from "../app/sections";

export function FirstVisit({ namespace, onYaml }: { namespace: string; onYaml: () => void }) {
  const to = (path: string) => inside(`/$namespace/${path}`, namespace);
  return (
    <section className="first" aria-label="First steps">
      <h2>This namespace is empty. Begin with one of these.</h2>
      <div className="first-ways">
        <Way Icon={Spline} title={<Link to={to("composer")}>Draw a workflow</Link>}>
          Put components from the catalogue on a canvas, join them, run them. The drawing is an Argo Workflow.
        </Way>
        <Way
          Icon={FileCode2}
          title={
            <button type="button" className="link" onClick={onYaml}>
              Run a document
            </button>
          }
        >
          Any manifest of Argo, Kubeflow or KServe, pasted here or with <code>{runs}</code>.
        </Way>
        <Way Icon={NotebookText} title={<Link to={to("notebooks/new")}>Open a notebook</Link>}>
          A JupyterLab of your own, with a workspace volume that stays.
        </Way>
        <Way Icon={Radio} title={<Link to={to("endpoints")}>Put a model in service</Link>}>
          An InferenceService answers in the protocols that your clients speak, with canaries and live statistics.
        </Way>
      </div>
    </section>
  );
}

function Way({ Icon, title, children }: { Icon: LucideIcon; title: ReactNode; children: ReactNode }) {
  return (
    <div className="first-way">
      <Icon size={20} aria-hidden />
      <h3>{title}</h3>
      <p>{children}</p>
    </div>
  );
}
