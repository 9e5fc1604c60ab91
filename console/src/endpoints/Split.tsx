import type { Share } from "./rollout";

/** Who gets how much, as lengths and in words: the newest on the left, so that the slider below it grows as its share does. */
export function Split({ shares, small = false }: { shares: Share[]; small?: boolean }) {
  const words = shares.map((s) => `${s.revision} ${s.percent} %`).join(", ");
  return (
    <div className={small ? "split split-small" : "split"} role="img" aria-label={`Traffic split: ${words}`} title={words}>
      {shares.map((s, i) =>
        s.percent > 0 ? (
          <span key={s.revision} className={`share share-${i % 4}`} style={{ flexGrow: s.percent }}>
            {s.percent} %
          </span>
        ) : null,
      )}
    </div>
  );
}
