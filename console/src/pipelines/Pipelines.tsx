import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useNamespace } from "../app/namespace";
import { Page } from "../ui/Page";
import { Tabs } from "../ui/Tabs";
import { Experiments } from "./Experiments";
import { Library } from "./Library";
import { Artifacts, Executions } from "./Records";
import { RecurringRuns } from "./Recurring";
import { Runs } from "./Runs";
import { Upload } from "./Upload";
import { useLiveRuns } from "./kfp";
import "./pipelines.css";

const FROM = "/$namespace/pipelines";

export function Pipelines() {
  const { tab } = useSearch({ from: FROM });
  const namespace = useNamespace();
  const navigate = useNavigate({ from: FROM });
  useLiveRuns();
  return (
    <Page
      title="Pipelines"
      actions={
        <>
          <Upload />
          <Link to="/$namespace/pipelines/new" params={{ namespace }} className="button button-primary">
            <Plus size={15} aria-hidden /> Create run
          </Link>
        </>
      }
    >
      <Tabs
        label="Kubeflow Pipelines"
        value={tab}
        onChange={(value) => void navigate({ search: { tab: value }, replace: true })}
        tabs={[
          { value: "runs", label: "Runs", content: <Runs /> },
          { value: "pipelines", label: "Pipelines", content: <Library /> },
          { value: "recurring", label: "Recurring runs", content: <RecurringRuns /> },
          { value: "experiments", label: "Experiments", content: <Experiments /> },
          { value: "artifacts", label: "Artifacts", content: <Artifacts /> },
          { value: "executions", label: "Executions", content: <Executions /> },
        ]}
      />
    </Page>
  );
}
