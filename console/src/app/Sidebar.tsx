/** Where everything is: the namespace, the sections, the theme. Narrow, it shows pictures only, for canvases. */

import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { Cable, Keyboard, PanelLeftClose, PanelLeftOpen, Search } from "lucide-react";
import { useEffect, useRef } from "react";
import { context } from "../api/context";
import { NAMESPACE, useMany } from "../api/resources";
import { IconButton } from "../ui/Button";
import { ThemeChoice } from "./ThemeChoice";
import { GROUPS, inside, sectionOf } from "./sections";
import { setNarrow } from "./narrow";

interface Props {
  namespace: string;
  narrow: boolean;
  onOpen: (what: "palette" | "help") => void;
}

export function Sidebar({ namespace, narrow, onOpen }: Props) {
  const sections = useHereInSight();
  return (
    <header className="side">
      <Link to="/$namespace" params={{ namespace }} className="brand">
        <img src="/console/icon.svg" alt="" width={26} height={26} />
        <span className="label">Pinnace</span>
      </Link>
      {context ? (
        <p className="elsewhere" title={`Another cluster: the context ${context}`}>
          <Cable size={14} aria-hidden /> <span className="label">{context}</span>
        </p>
      ) : null}
      <NamespaceChoice current={namespace} />
      <button type="button" className="find" title="Go to …" onClick={() => onOpen("palette")}>
        <Search size={15} aria-hidden /> <span className="label">Go to …</span> <kbd>Ctrl K</kbd>
      </button>
      <nav aria-label="Sections" ref={sections}>
        {GROUPS.map((group) => (
          <SectionGroup key={group.title} group={group} namespace={namespace} />
        ))}
      </nav>
      <div className="side-foot">
        <ThemeChoice />
        <IconButton label="Keyboard shortcuts" Icon={Keyboard} onClick={() => onOpen("help")} />
        <IconButton
          label={narrow ? "Widen the sidebar" : "Narrow the sidebar"}
          Icon={narrow ? PanelLeftOpen : PanelLeftClose}
          onClick={() => setNarrow(!narrow)}
        />
      </div>
    </header>
  );
}

/** In a low window the sections scroll: the one that is open is never outside. */
function useHereInSight() {
  const frame = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (s) => s.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path is another section
  useEffect(() => {
    // With the frame's own layout: at once it would be one more, and the first page waits for it.
    const next = requestAnimationFrame(() =>
      frame.current?.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "nearest" }),
    );
    return () => cancelAnimationFrame(next);
  }, [path]);
  return frame;
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
          title={section.label}
          activeOptions={{ exact: section.to === "/$namespace", includeSearch: false }}
        >
          <section.Icon size={16} aria-hidden />
          <span className="label">{section.label}</span>
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
