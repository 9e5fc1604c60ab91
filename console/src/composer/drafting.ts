/** What is drawn survives a reload, however soon it comes; what is saved needs no draft. */

import { useCallback, useEffect, useRef } from "react";
import * as drafts from "./drafts";

const PAUSE = 300;

type Content = Omit<drafts.Draft, "id" | "at">;

export function useDraft(id: string, draft: Content, saved: boolean): void {
  const first = useRef(draft.text);
  const waiting = useRef<Content | null>(null);
  const flush = useCallback(() => {
    if (waiting.current) drafts.keep({ id, ...waiting.current, at: Date.now() });
    waiting.current = null;
  }, [id]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the draft is new at each render, its parts are named
  useEffect(() => {
    waiting.current = null;
    if (saved) {
      drafts.discard(id);
      return;
    }
    if (draft.text === first.current && drafts.load(id) === undefined) return;
    waiting.current = draft;
    const timer = setTimeout(flush, PAUSE);
    return () => clearTimeout(timer);
  }, [id, draft.text, draft.base, draft.name, saved, flush]);
  useEffect(() => {
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [flush]);
}
