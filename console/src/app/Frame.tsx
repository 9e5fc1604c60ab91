/** The frame around every page: where am I (namespace), what is there (sections), does the server answer. */

import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Keyboard, Search } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import { useConnected } from "../api/connection";
import { NAMESPACE, useMany } from "../api/resources";
import { Toasts } from "../ui/toasts";
import { ThemeChoice } from "./ThemeChoice";
import { remember, useNamespace } from "./namespace";
import { GROUPS, inside, sectionOf } from "./sections";
import { useShortcuts } from "./shortcuts";

const Palette = lazy(() => import("./Palette").then((m) => ({ default: m.Palette })));
const Help = lazy(() => import("./Help").then((m) => ({ default: m.Help })));

export function Frame() {
  const namespace = useNamespace();
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  useEffect(() => remember(namespace), [namespace]);
  useShortcuts(namespace, setOpen);
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="side">
        <Link to="/$namespace" params={{ namespace }} className="brand">
          <img src="/console/icon.svg" alt="" width={26} height={26} />
          Pinnace
        </Link>
        <NamespaceChoice current={namespace} />
        <button type="button" className="find" onClick={() => setOpen("palette")}>
          <Search size={15} aria-hidden /> Go to … <kbd>Ctrl K</kbd>
        </button>
        <nav aria-label="Sections">
          {GROUPS.map((group) => (
            <SectionGroup key={group.title} group={group} namespace={namespace} />
          ))}
        </nav>
        <div className="side-foot">
          <ThemeChoice />
          <button type="button" className="icon-button" aria-label="Keyboard shortcuts" onClick={() => setOpen("help")}>
            <Keyboard size={16} aria-hidden />
          </button>
        </div>
      </header>
      <div className="middle">
        <Connection />
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Toasts />
      <Suspense>
        {open === "palette" ? <Palette namespace={namespace} onClose={() => setOpen(null)} /> : null}
        {open === "help" ? <Help onClose={() => setOpen(null)} /> : null}
      </Suspense>
    </div>
  );
}

function SectionGroup({ group, namespace }: { group: (typeof GROUPS)[number]; namespace: string }) {
  return (
    <div className="section-group">
      {group.title ? <h2 className="section-title">{group.title}</h2> : null}
      {group.sections.map((section) => (
        <Link
          key={section.to}
          to={inside(section.to, namespace)}
          className="section"
          activeOptions={{ exact: section.to === "/$namespace", includeSearch: false }}
        >
          <section.Icon size={16} aria-hidden />
          {section.label}
        </Link>
      ))}
    </div>
  );
}

/** The same section in another namespace. */
function NamespaceChoice({ current }: { current: string }) {
  const { items } = useMany(NAMESPACE);
  const navigate = useNavigate();
  const path = useRouterState({ select: (s) => s.location.pathname });
  const names = items.map((n) => n.metadata.name).sort();
  if (!names.includes(current)) names.unshift(current);
  return (
    <label className="namespace">
      <span>Namespace</span>
      <select
        value={current}
        onChange={(e) => {
          const section = sectionOf(path, current)?.to ?? "/$namespace";
          void navigate({ to: inside(section, e.target.value) });
        }}
      >
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Connection() {
  const connected = useConnected();
  return (
    <div role="status">
      {connected ? null : (
        <p className="offline">
          <strong>The server does not answer.</strong> What you see may be old; this page goes on by itself when it is
          back. <code>pinnace status</code> tells more.
        </p>
      )}
    </div>
  );
}
