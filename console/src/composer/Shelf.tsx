/** The palette: every component that a document may use, grouped as the figure does; dragged on to the canvas, or added by Enter. */

import { useMemo, useState } from "react";
import { context } from "../api/context";
import { handOver } from "./canvas/dropping";
import { Picture } from "./icons";
import { OWN_GROUP, grouped, matching } from "./library";
import type { Component } from "./model";
import { Loader } from "./pipelines/Loader";
import { useStudioHere } from "./studio";

export function Shelf({ onAdd }: { onAdd: (component: Component) => void }) {
  const { components, language } = useStudioHere();
  const [search, setSearch] = useState("");
  const groups = useMemo(() => grouped(matching(components, search)), [components, search]);
  return (
    <aside className="shelf" aria-label="Components">
      <input type="search" aria-label="Search components" placeholder="Search components" value={search} onChange={(e) => setSearch(e.target.value)} />
      <div className="shelf-list">
        {groups.map(([name, found]) => (
          <section key={name} aria-label={name}>
            <h2>{name}</h2>
            <ul>
              {found.map((component) => (
                <Item key={component.key} component={component} onAdd={onAdd} />
              ))}
            </ul>
          </section>
        ))}
        {groups.length === 0 && components.length > 0 ? <p className="dim">No component of that name.</p> : null}
        {components.length === 0 && language?.loads ? <p className="dim">Bring components here: Python with @dsl.component, component YAML, or what a stored pipeline is made of.</p> : null}
        {components.every((each) => each.fresh || each.group === OWN_GROUP) && !language?.loads ? <Bare /> : null}
      </div>
      {language?.loads ? <Loader /> : null}
    </aside>
  );
}

/** A cluster has what somebody brought there. */
function Bare() {
  return (
    <p className="dim">
      The catalogue is not here. <code>pinnace catalog install{context ? ` --context ${context}` : ""}</code> brings those
      that Pinnace ships.
    </p>
  );
}

function Item({ component, onAdd }: { component: Component; onAdd: (component: Component) => void }) {
  return (
    <li>
      <button type="button" className="shelf-item" draggable onDragStart={(event) => handOver(event, component)} onClick={() => onAdd(component)} title={component.description}>
        <Picture name={component.icon} size={15} />
        <span>{component.title}</span>
      </button>
    </li>
  );
}
