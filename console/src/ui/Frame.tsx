/** The frame around every page: where am I (namespace), what is there (sections). */

import { Link, Outlet, useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { Boxes, Radio } from "lucide-react";
import * as paths from "../api/paths";
import type { KubeObject } from "../api/types";
import { useLive } from "../api/useLive";

const SECTIONS = [
  { to: "/$namespace/workflows", label: "Workflows", Icon: Boxes },
  { to: "/$namespace/endpoints", label: "Endpoints", Icon: Radio },
] as const;

export function Frame() {
  const { namespace = "default" } = useParams({ strict: false });
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="side">
        <Link to="/$namespace/workflows" params={{ namespace }} className="brand">
          <img src="/console/icon.svg" alt="" width={26} height={26} />
          Pinnace
        </Link>
        <NamespaceChoice current={namespace} />
        <nav aria-label="Sections">
          {SECTIONS.map(({ to, label, Icon }) => (
            <Link key={to} to={to} params={{ namespace }} className="section" activeProps={{ "aria-current": "page" }}>
              <Icon size={17} aria-hidden />
              {label}
            </Link>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function NamespaceChoice({ current }: { current: string }) {
  const live = useLive<KubeObject>(paths.namespaces);
  const navigate = useNavigate();
  const section = useRouterState({ select: (s) => (s.location.pathname.includes("/endpoints") ? 1 : 0) });
  const names = [...live.items.values()].map((n) => n.metadata.name).sort();
  if (!names.includes(current)) names.unshift(current);
  return (
    <label className="namespace">
      <span>Namespace</span>
      <select
        value={current}
        onChange={(e) => void navigate({ to: SECTIONS[section].to, params: { namespace: e.target.value } })}
      >
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
