/** The models that were registered last. A server without a registry shows nothing. */

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useGroups } from "../api/groups";
import { get } from "../api/kube";
import { inside } from "../app/sections";
import { Ago } from "../ui/time";
import { Panel } from "./Panel";

interface Model {
  id: string;
  name: string;
  description?: string;
  lastUpdateTimeSinceEpoch?: string;
}

const NEWEST = "/api/model_registry/v1alpha3/registered_models?orderBy=LAST_UPDATE_TIME&sortOrder=DESC&pageSize=5";

export function Models({ namespace }: { namespace: string }) {
  const ours = useGroups()?.has("pinnace.dev/v1") ?? false;
  const { data } = useQuery({
    queryKey: ["newest-models"],
    queryFn: ({ signal }) => get<{ items: Model[] }>(NEWEST, signal),
    enabled: ours,
  });
  if (!data?.items.length) return null;
  return (
    <Panel title="Newest models" more={{ to: inside("/$namespace/models", namespace), words: "All models" }}>
      <ul className="news">
        {data.items.map((model) => (
          <li key={model.id} className="news-row">
            <div className="news-body">
              <div className="news-head">
                <Link to={`${inside("/$namespace/models", namespace)}/${encodeURIComponent(model.name)}` as string}>{model.name}</Link>
                <span className="news-when dim">{model.lastUpdateTimeSinceEpoch ? <Ago at={time(model.lastUpdateTimeSinceEpoch)} /> : null}</span>
              </div>
              {model.description ? <p className="news-why dim">{model.description}</p> : null}
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function time(epoch: string): string {
  return new Date(Number(epoch)).toISOString();
}
