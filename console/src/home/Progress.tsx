export function Progress({ text, label }: { text: string | undefined; label: string }) {
  const [done = 0, all = 0] = (text ?? "").split("/").map(Number);
  if (!all) return null;
  return (
    <span className="progress">
      <progress max={all} value={done} aria-label={`${label}: progress`} />
      <span className="number dim">
        {done} of {all}
      </span>
    </span>
  );
}
