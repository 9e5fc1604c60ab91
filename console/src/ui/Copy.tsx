import { Check, Copy as Sheets } from "lucide-react";
import { useEffect, useState } from "react";
import { complain } from "./toasts";

/** A line for somewhere else: a terminal, a notebook. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const Icon = done ? Check : Sheets;
  return (
    <button type="button" className="icon-button" aria-label={done ? "Copied" : label} title={label} onClick={() => void take(text).then(setDone)}>
      <Icon size={15} aria-hidden />
    </button>
  );
}

async function take(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (problem) {
    complain(problem);
    return false;
  }
}

export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className="command">
      <pre role="region" tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <Copy text={text} label={`Copy ${label}`} />
    </div>
  );
}
