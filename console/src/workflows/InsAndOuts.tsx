/** What went into a step and what came out of it. */

import type { InOut, NodeStatus, Parameter } from "../api/types";

export function InsAndOuts({ node }: { node: NodeStatus }) {
  return (
    <>
      <Side title="Inputs" data={node.inputs} />
      <Side title="Outputs" data={node.outputs} />
    </>
  );
}

export function Side({ title, data, level = 3 }: { title: string; data: InOut | undefined; level?: 2 | 3 }) {
  const Heading = level === 2 ? "h2" : "h3";
  const rows: [string, string][] = [
    ...(data?.parameters ?? []).map((p): [string, string] => [p.name, text(p)]),
    ...(data?.artifacts ?? []).map((a): [string, string] => [a.name, a.s3?.key ?? a.path ?? "artifact"]),
  ];
  if (data?.result !== undefined) rows.push(["result", data.result]);
  if (data?.exitCode !== undefined) rows.push(["exit code", data.exitCode]);
  return (
    <>
      <Heading className="io-title">{title}</Heading>
      {rows.length === 0 ? <p className="dim">none</p> : null}
      <dl className="io">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value === "" ? <span className="dim">empty</span> : value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

export function text(parameter: Parameter): string {
  if (parameter.value === undefined) return parameter.valueFrom?.supplied ? "to be supplied" : "";
  return typeof parameter.value === "string" ? parameter.value : JSON.stringify(parameter.value);
}
