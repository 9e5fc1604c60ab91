/** Keys and what they do, for a help. */

export interface Shortcut {
  keys: string;
  does: string;
}

export function Keys({ shortcuts }: { shortcuts: Shortcut[] }) {
  return (
    <dl className="keys">
      {shortcuts.map(({ keys, does }) => (
        <div key={keys}>
          <dt>
            {keys.split(" ").map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{does}</dd>
        </div>
      ))}
    </dl>
  );
}
