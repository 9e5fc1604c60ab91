/** Ctrl-K: every section, every namespace, the newest objects of this one. */

import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Box, FolderOpen } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { NAMESPACE, WORKFLOW, useMany } from "../api/resources";
import { SECTIONS, inside } from "./sections";

const NEWEST = 50;

export function Palette({ namespace, onClose }: { namespace: string; onClose: () => void }) {
  const navigate = useNavigate();
  const namespaces = useMany(NAMESPACE);
  const workflows = useMany(WORKFLOW, namespace);
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
          <Command label="Go to">
            <Command.Input placeholder="A page, a namespace, a run …" />
            <Command.List>
              <Command.Empty>Nothing of that name here.</Command.Empty>
              <Command.Group heading="Pages">
                {SECTIONS.map(({ to, label, Icon, letter, words }) => (
                  <Command.Item key={to} value={`${label} ${words ?? ""}`} onSelect={() => go(inside(to, namespace))}>
                    <Icon size={16} aria-hidden /> {label} <kbd>g {letter}</kbd>
                  </Command.Item>
                ))}
              </Command.Group>
              <Command.Group heading={`Workflows in ${namespace}`}>
                {workflows.items.slice(0, NEWEST).map(({ metadata: { name, uid } }) => (
                  <Command.Item key={uid} value={`workflow ${name}`} onSelect={() => go(inside(`/$namespace/workflows/${name}`, namespace))}>
                    <Box size={16} aria-hidden /> {name}
                  </Command.Item>
                ))}
              </Command.Group>
              <Command.Group heading="Namespaces">
                {namespaces.items.map(({ metadata: { name } }) => (
                  <Command.Item key={name} value={`namespace ${name}`} onSelect={() => go(inside("/$namespace", name))}>
                    <FolderOpen size={16} aria-hidden /> {name}
                  </Command.Item>
                ))}
              </Command.Group>
            </Command.List>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
