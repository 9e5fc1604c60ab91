/**
 * What is drawn survives a reload, however soon it comes; what is saved needs no draft. Windows of one browser share
 * a draft: one that rests follows the one that is worked in.
 */

import { type RefObject, useCallback, useEffect, useRef } from "react";
import { notify } from "../ui/toasts";
import { merged } from "./document/three";
import * as drafts from "./drafts";

const PAUSE = 300;

type Content = Omit<drafts.Draft, "id" | "at">;

/** `lost`: nobody else has it any more, so it is kept even if nothing was changed. */
export type State = "saved" | "open" | "lost";

export function useDraft(id: string, draft: Content, state: State, follow: (text: string) => void): void {
  const first = useRef(draft.text);
  const waiting = useRef<Content | null>(null);
  /** What all windows know. */
  const common = useRef(draft.text);
  const flush = useCallback(() => {
    if (waiting.current) {
      drafts.keep({ id, ...waiting.current, at: Date.now() });
      common.current = waiting.current.text;
    }
    waiting.current = null;
  }, [id]);
  useFollowing(id, draft.text, common, follow);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the draft is new at each render, its parts are named
  useEffect(() => {
    waiting.current = null;
    if (state === "saved") {
      drafts.discard(id);
      return;
    }
    const kept = drafts.load(id);
    if (kept?.text === draft.text && kept.name === draft.name) return;
    if (state === "open" && draft.text === first.current && kept === undefined) return;
    waiting.current = draft;
    const timer = setTimeout(flush, PAUSE);
    return () => clearTimeout(timer);
  }, [id, draft.text, draft.base, draft.name, state, flush]);
  useEffect(() => {
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [flush]);
}

/** Another window wrote the draft: shown here. What was just done here and not written yet is brought into it. */
function useFollowing(id: string, text: string, common: RefObject<string>, follow: (text: string) => void): void {
  const latest = useRef({ text, follow });
  latest.current = { text, follow };
  useEffect(() => {
    let told = false;
    return drafts.watched(id, (theirs) => {
      const { text: mine, follow: show } = latest.current;
      const both = mine === common.current ? theirs.text : together(mine, common.current, theirs.text);
      common.current = theirs.text;
      if (both === mine) return;
      show(both);
      if (!told) notify("This draft is open in another window, too: what is drawn there is shown here");
      told = true;
    });
  }, [id, common]);
}

function together(mine: string, base: string, theirs: string): string {
  try {
    return merged(mine, base, theirs).text;
  } catch {
    // Half a word of YAML cannot be merged: the last hand stands, and undo has the other.
    return theirs;
  }
}
