import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** Where all of them are. */
  more?: { to: string; words: string };
  tone?: "ask" | "bad";
  children: ReactNode;
}

/** A quiet list with a name. */
export function Panel({ title, more, tone, children }: Props) {
  return (
    <section className={tone ? `news-panel news-panel-${tone}` : "news-panel"} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {more ? <Link to={more.to}>{more.words}</Link> : null}
      </header>
      {children}
    </section>
  );
}
