import { SearchBox, Segments, Toolbar } from "../ui/Page";
import { type Query, STATES, TIMES, type Time, readQuery } from "./search";

interface Props {
  query: Query;
  templates: string[];
  onChange: (query: Query) => void;
}

export function Filters({ query, templates, onChange }: Props) {
  const set = (part: Record<string, unknown>) => onChange(readQuery({ ...query, ...part }));
  return (
    <Toolbar>
      <SearchBox
        value={query.q ?? ""}
        label={query.archive ? "Search by name" : "Name, label or parameter"}
        onChange={(q) => set({ q })}
      />
      <Segments label="Filter by state" options={STATES} value={query.state ?? "All"} onChange={(state) => set({ state })} />
      <select aria-label="Started" value={query.time ?? ""} onChange={(e) => set({ time: e.target.value })}>
        {(Object.keys(TIMES) as Time[]).map((time) => (
          <option key={time} value={time}>
            {TIMES[time]}
          </option>
        ))}
      </select>
      {templates.length ? (
        <select aria-label="Template" value={query.template ?? ""} onChange={(e) => set({ template: e.target.value })}>
          <option value="">any template</option>
          {templates.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      ) : null}
      <label className="tool-check">
        <input type="checkbox" checked={Boolean(query.archive)} onChange={(e) => set({ archive: e.target.checked })} />
        Archive
      </label>
    </Toolbar>
  );
}
