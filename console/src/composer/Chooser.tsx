/** A list to search and choose from, where the pointer is or in the middle: what fits, what can be added, where to connect. */

import { Command } from "cmdk";
import { Dialog as Radix } from "radix-ui";
import { Picture } from "./icons";

export interface Choice {
  key: string;
  label: string;
  detail?: string;
  icon?: string;
  group?: string;
  words?: string;
  onChoose: () => void;
}

interface Props {
  title: string;
  choices: Choice[];
  /** Of the screen. */
  at?: { x: number; y: number } | undefined;
  none: string;
  onClose: () => void;
}

const WIDTH = 320;
const HEIGHT = 340;

export function Chooser({ title, choices, at, none, onClose }: Props) {
  const groups = [...new Set(choices.map((each) => each.group ?? ""))];
  return (
    <Radix.Root open onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="chooser-ground" />
        <Radix.Content className="palette chooser" style={at ? placed(at) : {}} aria-describedby={undefined}>
          <Radix.Title className="hidden">{title}</Radix.Title>
          <Command label={title} filter={matches}>
            <Command.Input placeholder={title} />
            <Command.List>
              <Command.Empty>{none}</Command.Empty>
              {groups.map((group) => (
                <Command.Group key={group} heading={group || undefined}>
                  {choices.filter((each) => (each.group ?? "") === group).map((each) => (
                    <Command.Item
                      key={each.key}
                      value={each.key}
                      keywords={[each.label, each.detail ?? "", each.words ?? ""]}
                      onSelect={() => {
                        onClose();
                        each.onChoose();
                      }}
                    >
                      {each.icon === undefined ? null : <Picture name={each.icon} size={15} />}
                      <span>{each.label}</span>
                      {each.detail ? <span className="chooser-detail">{each.detail}</span> : null}
                    </Command.Item>
                  ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Every word must be there; what begins as one types comes first, then what has it in its name. */
function matches(key: string, search: string, [label = "", ...more]: string[] = []): number {
  const [name, typed] = [label.toLowerCase(), search.toLowerCase().trim()];
  const text = `${name} ${more.join(" ")} ${key}`.toLowerCase();
  if (!typed.split(/\s+/).every((word) => text.includes(word))) return 0;
  if (name.startsWith(typed)) return 1;
  return name.includes(typed) ? 0.8 : 0.5;
}

function placed({ x, y }: { x: number; y: number }) {
  return {
    left: Math.max(8, Math.min(x, window.innerWidth - WIDTH - 8)),
    top: Math.max(8, Math.min(y, window.innerHeight - HEIGHT - 8)),
    translate: "none",
    width: WIDTH,
  };
}
