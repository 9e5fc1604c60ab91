/** Keys and values of Secrets and ConfigMaps, and the documents that their forms make. Pure. */

import { resource } from "../api/resources";
import type { KubeObject } from "../api/types";

export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  immutable?: boolean;
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

export const SECRET = resource<Secret>("v1", "secrets", "Secret");
export const CONFIG_MAP = resource<ConfigMap>("v1", "configmaps", "ConfigMap");

const TYPES: Record<string, string> = {
  Opaque: "opaque",
  "kubernetes.io/dockerconfigjson": "registry",
  "kubernetes.io/dockercfg": "registry",
  "kubernetes.io/basic-auth": "user and password",
  "kubernetes.io/ssh-auth": "SSH key",
  "kubernetes.io/tls": "TLS certificate",
  "kubernetes.io/service-account-token": "account token",
};
const S3_PREFIX = "serving.kserve.io/s3-";

export function typeOf(secret: Secret): string {
  if (isS3(secret)) return "S3 credentials";
  const type = secret.type ?? "Opaque";
  return TYPES[type] ?? type;
}

function isS3(secret: Secret): boolean {
  return "AWS_ACCESS_KEY_ID" in (secret.data ?? {}) || Object.keys(secret.metadata.annotations ?? {}).some((key) => key.startsWith(S3_PREFIX));
}

/** A Secret's value as text; undefined: it is no text. */
export function decoded(value: string): string | undefined {
  const bytes = Uint8Array.from(atob(value), (each) => each.codePointAt(0) ?? 0);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function encoded(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCodePoint(byte)).join(""));
}

export function sizeOf(value: string): number {
  return Math.floor((value.replace(/=+$/, "").length * 3) / 4);
}

export interface Pair {
  key: string;
  value: string;
}

export type SecretForm =
  | { kind: "opaque"; name: string; pairs: Pair[] }
  | { kind: "registry"; name: string; server: string; user: string; password: string; email: string }
  | { kind: "s3"; name: string; id: string; key: string; endpoint: string; region: string; https: boolean; account: boolean };

export const BLANK: Record<SecretForm["kind"], SecretForm> = {
  opaque: { kind: "opaque", name: "", pairs: [{ key: "", value: "" }] },
  registry: { kind: "registry", name: "", server: "", user: "", password: "", email: "" },
  s3: { kind: "s3", name: "", id: "", key: "", endpoint: "", region: "us-east-1", https: true, account: true },
};

export function secretDocument(form: SecretForm, namespace: string): Secret & { stringData?: Record<string, string> } {
  const metadata = { name: form.name, namespace } as Secret["metadata"];
  const base = { apiVersion: "v1", kind: "Secret" };
  if (form.kind === "opaque") return { ...base, metadata, type: "Opaque", stringData: data(form.pairs) };
  if (form.kind === "registry")
    return { ...base, metadata, type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": registry(form) } };
  return {
    ...base,
    metadata: { ...metadata, annotations: s3Annotations(form) },
    type: "Opaque",
    stringData: { AWS_ACCESS_KEY_ID: form.id, AWS_SECRET_ACCESS_KEY: form.key },
  };
}

export function data(pairs: Pair[]): Record<string, string> {
  return Object.fromEntries(pairs.filter((pair) => pair.key).map((pair) => [pair.key, pair.value]));
}

type Registry = Extract<SecretForm, { kind: "registry" }>;
type S3 = Extract<SecretForm, { kind: "s3" }>;

/** As `kubectl create secret docker-registry` writes it. */
function registry({ server, user, password, email }: Registry): string {
  const entry = { username: user, password, ...(email ? { email } : {}), auth: encoded(`${user}:${password}`) };
  return JSON.stringify({ auths: { [server]: entry } });
}

/** KServe reads where the storage is from annotations (kserve.github.io, storage S3). */
function s3Annotations({ endpoint, region, https }: S3): Record<string, string> {
  return {
    ...(endpoint ? { [`${S3_PREFIX}endpoint`]: endpoint.replace(/^https?:\/\//, "") } : {}),
    [`${S3_PREFIX}usehttps`]: https ? "1" : "0",
    ...(region ? { [`${S3_PREFIX}region`]: region } : {}),
  };
}

/** Why a key cannot be; Kubernetes' rule of keys. */
export function keyProblem(key: string, all: Pair[]): string | undefined {
  if (!/^[-._a-zA-Z0-9]{1,253}$/.test(key)) return "letters, digits, '-', '_' and '.'";
  return all.filter((pair) => pair.key === key).length > 1 ? "this key is there twice" : undefined;
}

/** What a merge patch must say so that the object has exactly these. */
export function changed(before: Record<string, string>, after: Record<string, string>): Record<string, string | null> {
  const gone = Object.keys(before).filter((key) => !(key in after));
  const fresh = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return Object.fromEntries([...gone.map((key) => [key, null] as const), ...fresh]);
}
