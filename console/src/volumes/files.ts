/** The files of a claim over `/pinnace/v1`: looked at, fetched, brought, removed. */

import { useQuery } from "@tanstack/react-query";
import { useGroups } from "../api/groups";
import { KubeError, UNREACHABLE, get, request } from "../api/kube";

export interface Entry {
  name: string;
  kind: "file" | "folder" | "link" | "other";
  modified: string;
  size?: number;
}

export interface Folder {
  path: string;
  entries: Entry[];
  truncated: boolean;
}

export interface Total {
  used: number;
  names: number;
  truncated: boolean;
}

/** Each part of a path is encoded by itself. */
export function fileUrl(namespace: string, claim: string, path: string): string {
  const parts = path.split("/").filter(Boolean).map(encodeURIComponent);
  return `/pinnace/v1/namespaces/${encodeURIComponent(namespace)}/volumes/${encodeURIComponent(claim)}/files/${parts.join("/")}`;
}

export function join(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

/** The folder of a path and every one above it, the outermost first. */
export function trail(path: string): { name: string; path: string }[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((name, i) => ({ name, path: parts.slice(0, i + 1).join("/") }));
}

export function folderKey(namespace: string, claim: string, path: string): readonly string[] {
  return ["files", namespace, claim, path];
}

export function useFolder(namespace: string, claim: string, path: string) {
  return useQuery<Folder, KubeError>({
    queryKey: folderKey(namespace, claim, path),
    queryFn: ({ signal }) => get<Folder>(fileUrl(namespace, claim, path), signal),
    refetchOnWindowFocus: true,
  });
}

/** undefined while it is counted, and where nobody can count it. */
export function useTotal(namespace: string, claim: string): Total | undefined {
  const ours = useGroups()?.has("pinnace.dev/v1") ?? false;
  const { data } = useQuery({
    queryKey: ["total", namespace, claim],
    queryFn: ({ signal }) => get<Total>(`${fileUrl(namespace, claim, "")}?total=true`, signal),
    enabled: ours && claim !== "",
    staleTime: 15_000,
  });
  return data;
}

export function removeFile(namespace: string, claim: string, path: string): Promise<Response> {
  return request(`${fileUrl(namespace, claim, path)}?recursive=true`, { method: "DELETE" });
}

export function makeFolder(namespace: string, claim: string, path: string): Promise<Response> {
  return request(`${fileUrl(namespace, claim, path)}?folder=true`, { method: "PUT" });
}

/** fetch does not tell how much of a body has gone: this does. `keep`: a file that is there is not overwritten. */
export function upload(url: string, file: Blob, keep: boolean, told: (share: number) => void, signal: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const sender = new XMLHttpRequest();
    sender.open("PUT", url);
    sender.setRequestHeader("Content-Type", "application/octet-stream");
    if (keep) sender.setRequestHeader("If-None-Match", "*");
    sender.upload.onprogress = (event) => told(event.total ? event.loaded / event.total : 0);
    sender.onload = () => (sender.status < 300 ? done() : fail(refusal(sender)));
    sender.onerror = () => fail(new KubeError(0, "Unreachable", UNREACHABLE));
    sender.onabort = () => fail(new KubeError(0, "Cancelled", "the upload was cancelled"));
    signal.addEventListener("abort", () => sender.abort());
    sender.send(file);
  });
}

function refusal(sender: XMLHttpRequest): KubeError {
  try {
    const said = JSON.parse(sender.responseText) as { reason?: string; message?: string };
    return new KubeError(sender.status, said.reason ?? "", said.message ?? sender.statusText);
  } catch {
    return new KubeError(sender.status, "", sender.statusText);
  }
}
