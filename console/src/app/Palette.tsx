/** Ctrl-K: every section, every object of this namespace that has a page, every namespace. */

import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Box, FolderOpen } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";
import { NAMESPACE, useMany } from "../api/resources";
import { type Thing, matching, useThings } from "./finding";
import { SECTIONS, type Section, inside } from "./sections";

/** Of things, while nothing is typed, and when something is. */
const NEWEST = 6;
const MOST = 40;

export function Palette({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const [q, setQ] = useState("");
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
          <Command label="Go to" shouldFilter={false} loop>
            <Command.Input placeholder="A page, a run, an endpoint, a namespace …" value={q} onValueChange={setQ} />
            <Found key={q} q={q.trim()} namespace={namespace} go={go} />
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function Found({ q, namespace, go }: { q: string; namespace: string; go: (to: string) => void }) {
  const namespaces = useMany(NAMESPACE).items.map((each) => each.metadata.name);
  const things = matching(useThings(namespace), q, ({ name, word }: Thing) => `${name} ${word}`, q ? MOST : NEWEST);
  const pages = matching(SECTIONS, q, ({ label, words }: Section) => `${label} ${words ?? ""}`, SECTIONS.length);
  const others = matching(namespaces, q, (name) => `${name} namespace`, MOST);
  return (
    <Command.List label="What is found">
      {pages.length + things.length + others.length ? null : <p className="palette-none">Nothing of that name in {namespace}.</p>}
      <Part heading="Pages">
        {pages.map(({ to, label, Icon, letter }) => (
          <Command.Item key={to} value={to} onSelect={() => go(inside(to, namespace))}>
            <Icon size={16} aria-hidden /> {label} <kbd>g {letter}</kbd>
          </Command.Item>
        ))}
      </Part>
      <Part heading={`${q ? "In" : "Newest in"} ${namespace}`}>
        {things.map(({ id, word, name, to }) => (
          <Command.Item key={id} value={id} onSelect={() => go(to)}>
            <Box size={16} aria-hidden /> <span className="palette-name">{name}</span> <span className="palette-kind">{word}</span>
          </Command.Item>
        ))}
      </Part>
      <Part heading="Namespaces">
        {others.map((name) => (
          <Command.Item key={name} value={`namespace ${name}`} onSelect={() => go(inside("/$namespace", name))}>
            <FolderOpen size={16} aria-hidden /> {name}
          </Command.Item>
        ))}
      </Part>
    </Command.List>
  );
}

function Part({ heading, children }: { heading: string; children: ReactNode[] }) {
  return children.length ? <Command.Group heading={heading}>{children}</Command.Group> : null;
}
