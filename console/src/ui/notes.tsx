import type { ReactNode } from "react";
import { signsIn } from "../api/context";
import type { KubeError } from "../api/kube";
import { useTitle } from "./Page";

/** Nothing is here: what that means and the next step. */
export function Empty({ title, level = 2, children }: { title: string; level?: 1 | 2; children: ReactNode }) {
  const Heading = level === 1 ? "h1" : "h2";
  useTitle(level === 1 ? title : undefined);
  return (
    <div className="empty">
      <Heading>{title}</Heading>
      <div>{children}</div>
    </div>
  );
}

/** What was refused, in the server's own words; without a session, how to get one. */
export function Problem({ error }: { error: KubeError }) {
  if (error.code === 401)
    return (
      <Empty title="You are not signed in">
        Run <code>{signsIn}</code> in a terminal and open the link that it prints. It signs this browser in once.
      </Empty>
    );
  const causes = error.causes.filter((cause) => cause.field);
  return (
    <div role="alert" className="problem">
      <strong>{error.reason || (error.code ? `Error ${error.code}` : "Not done")}</strong> {causes.length ? "" : error.message}
      {causes.length ? (
        <ul>
          {causes.map((cause) => (
            <li key={`${cause.field} ${cause.message}`}>
              <code>{cause.field}</code> {cause.message}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
