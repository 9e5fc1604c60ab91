import { useState } from "react";
import { Copy } from "../ui/Copy";
import { Segments } from "../ui/Page";
import { type Order, body, curl, path, python } from "./call";

const LANGUAGES = ["Python", "curl", "JSON"] as const;

/** What the form says, as a program would say it. */
export function SameCall({ order, namespace }: { order: Order; namespace: string }) {
  const [language, setLanguage] = useState<(typeof LANGUAGES)[number]>("Python");
  const text = told(language, order, namespace);
  return (
    <aside className="same-call" aria-label="The same call">
      <header>
        <Segments label="The same call in" options={LANGUAGES} value={language} onChange={setLanguage} />
        <Copy text={text} label={`Copy as ${language}`} />
      </header>
      <pre tabIndex={0} role="region" aria-label={`The same call in ${language}`}>
        {text}
      </pre>
    </aside>
  );
}

function told(language: string, order: Order, namespace: string): string {
  if (language === "curl") return curl(order, namespace, window.location.origin);
  if (language === "JSON") return `POST /apis/v2beta1${path(order, namespace)}\n\n${JSON.stringify(body(order, undefined), null, 2)}`;
  return python(order);
}
