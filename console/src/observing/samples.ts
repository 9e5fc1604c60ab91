/** What is measured while the page is open: pods by the metrics API, endpoints by the gateway, the platform by itself. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useGroups } from "../api/groups";
import { type Listed, get, request } from "../api/kube";
import { POD_METRICS, type PodMetrics } from "../api/machine";
import * as paths from "../api/paths";
import { collection } from "../api/resources";
import type { Endpoint } from "../api/types";
import { type Sample, parse, quantile, sum } from "./prometheus";
import { type Series, grown, perSecond, usage } from "./series";

const EVERY = 3000;
const NOTHING: Series = new Map();

export interface PodSeries {
  cpu: Series;
  memory: Series;
}

export function usePodSeries(namespace: string): PodSeries & { missing: boolean } {
  const { data, dataUpdatedAt, error } = useQuery({
    queryKey: ["pod-metrics", namespace],
    queryFn: ({ signal }) => get<Listed<PodMetrics>>(collection(POD_METRICS, namespace), signal),
    refetchInterval: (query) => (query.state.error ? false : EVERY),
    gcTime: 0,
  });
  const [series, setSeries] = useState<PodSeries>({ cpu: NOTHING, memory: NOTHING });
  useEffect(() => {
    if (!data) return;
    setSeries(({ cpu, memory }) => ({
      cpu: grown(cpu, dataUpdatedAt, usage(data.items, "cpu")),
      memory: grown(memory, dataUpdatedAt, usage(data.items, "memory")),
    }));
  }, [data, dataUpdatedAt]);
  return { ...series, missing: error !== null };
}

export interface Traffic {
  requests: Series;
  errors: Series;
  /** Milliseconds. */
  p95: Series;
}

interface Counters {
  at: number;
  requests: Map<string, number>;
  errors: Map<string, number>;
}

/** By `endpoint revision`. */
export function useTraffic(namespace: string): { traffic: Traffic; endpoints: Endpoint[] } {
  const ours = useGroups()?.has("pinnace.dev/v1") ?? false;
  const { data, dataUpdatedAt } = useQuery({
    queryKey: ["traffic-samples", namespace],
    queryFn: ({ signal }) => get<{ items: Endpoint[] }>(paths.endpoints(namespace), signal),
    refetchInterval: EVERY,
    enabled: ours,
    gcTime: 0,
  });
  const [state, setState] = useState<{ traffic: Traffic; before: Counters | null }>({
    traffic: { requests: NOTHING, errors: NOTHING, p95: NOTHING },
    before: null,
  });
  useEffect(() => {
    if (data) setState(({ traffic, before }) => next(traffic, before, counters(data.items, dataUpdatedAt), data.items));
  }, [data, dataUpdatedAt]);
  return { traffic: state.traffic, endpoints: data?.items ?? [] };
}

function next(traffic: Traffic, before: Counters | null, now: Counters, items: Endpoint[]) {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  return {
    before: now,
    traffic: {
      requests: grown(traffic.requests, now.at, before ? perSecond(before.requests, now.requests, seconds) : new Map()),
      errors: grown(traffic.errors, now.at, before ? perSecond(before.errors, now.errors, seconds) : new Map()),
      p95: grown(traffic.p95, now.at, lines(items, (revision) => revision.p95 ?? undefined)),
    },
  };
}

function counters(items: Endpoint[], at: number): Counters {
  return { at, requests: lines(items, (r) => r.requests), errors: lines(items, (r) => r.errors) };
}

function lines(items: Endpoint[], of: (revision: Endpoint["revisions"][number]) => number | undefined): Map<string, number> {
  const all = items.flatMap((item) => item.revisions.map((revision) => [`${item.name} ${revision.name}`, of(revision)] as const));
  return new Map(all.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}

export interface PlatformSeries {
  requests: Series;
  latency: Series;
  waiting: Series;
}

/** The API server's own `/metrics`: any cluster has the first of them. */
export function usePlatformSeries(): PlatformSeries & { missing: boolean } {
  const { data, dataUpdatedAt, error } = useQuery({
    queryKey: ["platform-metrics"],
    queryFn: async ({ signal }) => parse(await (await request("/metrics", { signal })).text()),
    refetchInterval: (query) => (query.state.error ? false : EVERY),
    gcTime: 0,
  });
  const [state, setState] = useState<{ series: PlatformSeries; before: { at: number; samples: Sample[] } | null }>({
    series: { requests: NOTHING, latency: NOTHING, waiting: NOTHING },
    before: null,
  });
  useEffect(() => {
    if (data) setState(({ series, before }) => ({ before: { at: dataUpdatedAt, samples: data }, series: platform(series, before, dataUpdatedAt, data) }));
  }, [data, dataUpdatedAt]);
  return { ...state.series, missing: error !== null };
}

const DURATION = "apiserver_request_duration_seconds";
const LAG = "pinnace_loop_lag_seconds";

function platform(series: PlatformSeries, before: { at: number; samples: Sample[] } | null, at: number, now: Sample[]): PlatformSeries {
  const seconds = before ? (at - before.at) / 1000 : 0;
  const count = (samples: Sample[]) => new Map([["requests", sum(samples, "apiserver_request_total")]]);
  const delays = before
    ? [["API, p95", quantile(0.95, DURATION, before.samples, now)] as const, ["loop, p99", quantile(0.99, LAG, before.samples, now)] as const]
    : [];
  return {
    requests: grown(series.requests, at, before ? perSecond(count(before.samples), count(now), seconds) : new Map()),
    latency: grown(series.latency, at, new Map(delays.flatMap(([name, value]) => (value === undefined ? [] : [[name, value * 1000] as const])))),
    waiting: grown(series.waiting, at, new Map([["waiting", sum(now, "workqueue_depth")]])),
  };
}
