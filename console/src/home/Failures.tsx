/** What failed lately, and why: the program's or the controller's own words; a click goes to the step. */

import { Link } from "@tanstack/react-router";
import { Mark } from "../ui/Mark";
import { Ago } from "../ui/time";
import { Panel } from "./Panel";
import type { Failure } from "./news";

export function Failures({ failures }: { failures: Failure[] }) {
  if (failures.length === 0) return null;
  return (
    <Panel title="Failed lately">
      <ul className="news">
        {failures.map((failure) => (
          <Row key={failure.id} failure={failure} />
        ))}
      </ul>
    </Panel>
  );
}

function Row({ failure: { name, where, message, said, at, to, search } }: { failure: Failure }) {
  return (
    <li className="news-row">
      <Mark phase="Failed" label={false} />
      <div className="news-body">
        <div className="news-head">
          <Link to={to} search={search as never}>
            {name}
          </Link>
          <span className="dim">{where}</span>
          <span className="news-when dim">
            <Ago at={at} />
          </span>
        </div>
        <p className={said ? "news-why mono" : "news-why"}>{message}</p>
      </div>
    </li>
  );
}
