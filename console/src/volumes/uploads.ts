/** Files on their way into a folder: one after the other, each with how far it is. */

import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { KubeError } from "../api/kube";
import { fileUrl, folderKey, join, upload } from "./files";

export interface Upload {
  id: number;
  /** Below the folder: what was dropped with folders keeps them. */
  path: string;
  file: File;
  share: number;
  state: "waiting" | "going" | "done" | "taken" | "failed";
  says: string;
}

export interface Dropped {
  path: string;
  file: File;
}

let last = 0;

export function useUploads(namespace: string, claim: string, folder: string) {
  const [uploads, setUploads] = useState<Upload[]>([]);
  const queue = useRef<Promise<void>>(Promise.resolve());
  const control = useRef(new AbortController());
  const queries = useQueryClient();
  useEffect(() => {
    control.current = new AbortController();
    return () => control.current.abort();
  }, []);

  const change = useCallback((id: number, what: Partial<Upload>) => {
    setUploads((all) => all.map((each) => (each.id === id ? { ...each, ...what } : each)));
  }, []);

  const send = useCallback(
    async ({ id, path, file }: Upload, keep: boolean) => {
      change(id, { state: "going", share: 0, says: "" });
      try {
        const url = fileUrl(namespace, claim, join(folder, path));
        await upload(url, file, keep, (share) => change(id, { share }), control.current.signal);
        change(id, { state: "done", share: 1 });
        void queries.invalidateQueries({ queryKey: folderKey(namespace, claim, folder) });
        void queries.invalidateQueries({ queryKey: ["total", namespace, claim] });
      } catch (problem) {
        const error = KubeError.of(problem);
        change(id, error.code === 412 ? { state: "taken", says: "there is one of this name already" } : { state: "failed", says: error.message });
      }
    },
    [namespace, claim, folder, change, queries],
  );

  const line = useCallback(
    (wanted: Upload[], keep: boolean) => {
      for (const each of wanted) queue.current = queue.current.then(() => send(each, keep));
    },
    [send],
  );

  const add = useCallback(
    (dropped: Dropped[]) => {
      const fresh = dropped.map(({ path, file }): Upload => ({ id: ++last, path, file, share: 0, state: "waiting", says: "" }));
      setUploads((all) => [...all.filter((each) => each.state !== "done"), ...fresh]);
      line(fresh, true);
    },
    [line],
  );

  const overwrite = useCallback((each: Upload) => line([each], false), [line]);
  const forget = useCallback((id: number) => setUploads((all) => all.filter((each) => each.id !== id)), []);
  return { uploads, add, overwrite, forget };
}

/** What was dropped, with the folders that were dropped opened. */
export async function dropped(items: DataTransferItemList): Promise<Dropped[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  return (await Promise.all(entries.map((entry) => walked(entry, "")))).flat();
}

async function walked(entry: FileSystemEntry, above: string): Promise<Dropped[]> {
  const path = join(above, entry.name);
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Dropped[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map((each) => walked(each, path)))).flat());
  }
}
