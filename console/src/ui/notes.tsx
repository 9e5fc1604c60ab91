import type { ReactNode } from "react";
import type { KubeError } from "../api/kube";

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <div>{children}</div>
    </div>
  );
}

/** What was refused, in the server's own words; without a session, how to get one. */
export function Problem({ error }: { error: KubeError }) {
  if (error.code === 401)
    return (
      <Empty title="You are not signed in">
        Run <code>pinnace console</code> in a terminal and open the link that it prints. It signs this browser in once.
      </Empty>
    );
  return (
    <div role="alert" className="problem">
      <strong>{error.reason || `Error ${error.code}`}</strong> {error.message}
    </div>
  );
}
