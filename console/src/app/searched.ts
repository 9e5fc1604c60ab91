/** What the reader searches for on a list, kept in the address as `q`: a link shows the same rows to somebody else. */

import { useNavigate, useSearch } from "@tanstack/react-router";

export function useSearched(): [q: string, search: (q: string) => void] {
  const { q = "" }: { q?: unknown } = useSearch({ strict: false });
  const navigate = useNavigate();
  const search = (next: string) =>
    void navigate({ to: ".", search: ({ q: _, ...others }: Record<string, unknown>) => (next ? { ...others, q: next } : others), replace: true });
  return [String(q), search]; // an address written by hand has `q=7`, which the router takes for a number
}
