/** What every page has: a title (in the browser's too), what may be done with it, its content. */

import { type ReactNode, useEffect } from "react";

/** Without a part nothing is said: another one on the page has the title. */
export function useTitle(...parts: (string | undefined)[]): void {
  const said = parts.filter(Boolean);
  const title = said.length ? [...said, "Pinnace"].join(" · ") : "";
  useEffect(() => {
    if (title) document.title = title;
  }, [title]);
}

interface Props {
  title: string;
  /** Beside the title: a count, a state, a duration. */
  facts?: ReactNode;
  /** Where this page hangs: links, outermost first. */
  crumbs?: ReactNode;
  /** Buttons. */
  actions?: ReactNode;
  /** The whole height and width, without margins: canvases. */
  full?: boolean;
  children: ReactNode;
}

export function Page({ title, facts, crumbs, actions, full = false, children }: Props) {
  useTitle(title);
  return (
    <section className={full ? "page-full" : "page"}>
      <header className="heading">
        {crumbs ? (
          <nav aria-label="Breadcrumb" className="crumbs">
            {crumbs}
            <span aria-hidden>/</span>
          </nav>
        ) : null}
        <h1>{title}</h1>
        {facts ? <div className="facts">{facts}</div> : null}
        {actions ? <div className="actions">{actions}</div> : null}
      </header>
      {children}
    </section>
  );
}

export function Toolbar({ children }: { children: ReactNode }) {
  return <div className="tools">{children}</div>;
}

/** `/` focuses it. */
export function SearchBox(props: { value: string; onChange: (value: string) => void; label?: string }) {
  const { value, onChange, label = "Search by name" } = props;
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(e) => onChange(e.target.value)}
      onKeyDown={(e) => {
        if (e.key === "Escape") e.currentTarget.blur();
      }}
    />
  );
}

/** One of a few, all seen at once. */
export function Segments<T extends string>(props: {
  label: string;
  options: readonly T[];
  value: T;
  onChange: (value: T) => void;
}) {
  const { label, options, value, onChange } = props;
  return (
    <div className="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option} type="button" aria-pressed={option === value} onClick={() => onChange(option)}>
          {option}
        </button>
      ))}
    </div>
  );
}
