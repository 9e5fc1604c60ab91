/** Endpoints with how much they answer now: the gateway's counters, read twice. */

import { Link } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { useGroups } from "../api/groups";
import { get } from "../api/kube";
import * as paths from "../api/paths";
import type { Endpoint } from "../api/types";
import { inside } from "../app/sections";
import { short } from "../objects/quantity";
import { Mark } from "../ui/Mark";
import { Panel } from "./Panel";
import type { Worker } from "./news";
import { page } from "./places";
import { type Rates, type Reading, rates } from "./rates";
import { sharesOf } from "./work";

const EVERY = 3000;
const MOST = 6;

export function InService({ namespace, services }: { namespace: string; services: Worker[] }) {
  const traffic = useTraffic(namespace, services.length > 0);
  if (services.length === 0) return null;
  return (
    <Panel title="In service" more={{ to: inside("/$namespace/endpoints", namespace), words: "All endpoints" }}>
      <ul className="news">
        {services.slice(0, MOST).map((each) => (
          <Row key={each.item.metadata.uid} namespace={namespace} service={each} rate={traffic.get(each.item.metadata.name)} />
        ))}
      </ul>
    </Panel>
  );
}

/** Requests a second by the endpoint's name; empty where the gateway is not ours. */
function useTraffic(namespace: string, wanted: boolean): Rates {
  const ours = useGroups()?.has("pinnace.dev/v1") ?? false;
  const before = useRef<Reading>(undefined);
  const { data } = useQuery({
    queryKey: ["traffic", namespace],
    queryFn: async ({ signal }) => {
      const { items } = await get<{ items: Endpoint[] }>(paths.endpoints(namespace), signal);
      const now: Reading = { at: Date.now(), items };
      const found = rates(before.current, now);
      before.current = now;
      return found;
    },
    enabled: ours && wanted,
    refetchInterval: EVERY,
  });
  return data ?? new Map();
}

function Row({ namespace, service, rate }: { namespace: string; service: Worker; rate: number | undefined }) {
  const { shown, item, work } = service;
  const shares = sharesOf(item.status?.components);
  return (
    <li className="news-row">
      <Mark phase={work.state === "running" ? "Ready" : work.state === "failed" ? "Failed" : "Pending"} label={false} />
      <div className="news-body">
        <div className="news-head">
          <Link to={page(shown, namespace, item.metadata.name)}>{item.metadata.name}</Link>
          <span className="news-when dim number">{rate === undefined ? "" : `${short(rate)} req/s`}</span>
        </div>
        {work.state === "waiting" || work.state === "failed" ? <p className="news-why dim">{work.says}</p> : null}
        {shares.length > 1 ? <p className="news-why dim number">{shares.map((s) => `${s.percent} % ${s.revision.replace(`${item.metadata.name}-predictor-`, "")}`).join(", ")}</p> : null}
      </div>
    </li>
  );
}
