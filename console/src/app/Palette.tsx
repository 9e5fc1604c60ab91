/** Ctrl-K: every section, every object of this namespace that has a page, every namespace. */

import { useNavigate } from "@tanstack/react-router";
import { Box, FolderOpen, type LucideIcon } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { NAMESPACE, useMany } from "../api/resources";
import { type Thing, matching, useThings } from "./finding";
import { SECTIONS, type Section, inside } from "./sections";

/** Of things, while nothing is typed, and when something is. */
const NEWEST = 6;
const MOST = 40;

interface Choice {
  id: string;
  name: string;
  Icon: LucideIcon;
  /** What it is, or the keys that go there. */
  kind?: string;
  keys?: string;
  to: string;
}

interface Part {
  heading: string;
  choices: Choice[];
}

export function Palette({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const navigate = useNavigate();
  const go = (to: string) => {
    onClose();
    void navigate({ to });
  };
  return (
    <Radix.Root open onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className="palette" aria-describedby={undefined}>
          <Radix.Title className="hidden">Go to</Radix.Title>
          <Finder namespace={namespace} go={go} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function useParts(namespace: string, q: string): Part[] {
  const namespaces = useMany(NAMESPACE).items.map((each) => each.metadata.name);
  const things = matching(useThings(namespace), q, ({ name, word }: Thing) => `${name} ${word}`, q ? MOST : NEWEST);
  const pages = matching(SECTIONS, q, ({ label, words }: Section) => `${label} ${words ?? ""}`, SECTIONS.length);
  const others = matching(namespaces, q, (name) => `${name} namespace`, MOST);
  const parts: Part[] = [
    { heading: "Pages", choices: pages.map(({ to, label, Icon, letter }) => ({ id: to, name: label, Icon, keys: `g ${letter}`, to: inside(to, namespace) })) },
    { heading: `${q ? "In" : "Newest in"} ${namespace}`, choices: things.map(({ id, word, name, to }) => ({ id, name, Icon: Box, kind: word, to })) },
    { heading: "Namespaces", choices: others.map((name) => ({ id: `namespace ${name}`, name, Icon: FolderOpen, to: inside("/$namespace", name) })) },
  ];
  return parts.filter(({ choices }) => choices.length);
}

/** A combobox: the words are typed in one place, the arrows go through what is found. */
function Finder({ namespace, go }: { namespace: string; go: (to: string) => void }) {
  const [q, setQ] = useState("");
  const [chosen, choose] = useState("");
  const parts = useParts(namespace, q.trim());
  const all = parts.flatMap(({ choices }) => choices);
  const at = Math.max(0, all.findIndex(({ id }) => id === chosen));
  const press = (event: KeyboardEvent) => {
    const next = stepped(event.key, at, all.length);
    if (next !== undefined) choose(all[next]?.id ?? "");
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) go(all[at]?.to ?? "");
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        role="combobox"
        aria-label="Go to"
        aria-expanded
        aria-controls="palette-found"
        aria-activedescendant={all.length ? `palette-${at}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="A page, a run, an endpoint, a namespace …"
        value={q}
        onChange={(event) => {
          setQ(event.target.value);
          choose("");
        }}
        onKeyDown={press}
      />
      <div id="palette-found" className="palette-found" role="listbox" aria-label="What is found">
        {parts.map((part) => (
          <Group key={part.heading} part={part} from={all.indexOf(part.choices[0] as Choice)} at={at} choose={choose} go={go} />
        ))}
      </div>
      {all.length ? null : <p className="palette-none">Nothing of that name in {namespace}.</p>}
    </>
  );
}

function stepped(key: string, at: number, count: number): number | undefined {
  if (!count) return undefined;
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return (at + count - 1) % count;
  return undefined;
}

interface GroupProps {
  part: Part;
  /** The place of its first choice among all. */
  from: number;
  at: number;
  choose: (id: string) => void;
  go: (to: string) => void;
}

function Group({ part: { heading, choices }, from, at, choose, go }: GroupProps) {
  return (
    <div role="group" aria-label={heading}>
      <div className="palette-heading" aria-hidden>
        {heading}
      </div>
      {choices.map((choice, i) => (
        <Option key={choice.id} choice={choice} place={from + i} selected={from + i === at} choose={choose} go={go} />
      ))}
    </div>
  );
}

interface OptionProps extends Pick<GroupProps, "choose" | "go"> {
  choice: Choice;
  place: number;
  selected: boolean;
}

function Option({ choice: { id, name, Icon, kind, keys, to }, place, selected, choose, go }: OptionProps) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (selected) row.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the combobox's, which has the focus
    <div ref={row} id={`palette-${place}`} role="option" tabIndex={-1} aria-selected={selected} className="palette-option" onMouseMove={() => choose(id)} onClick={() => go(to)}>
      <Icon size={16} aria-hidden /> <span className="palette-name">{name}</span>
      {keys ? <kbd>{keys}</kbd> : null}
      {kind ? <span className="palette-kind">{kind}</span> : null}
    </div>
  );
}
