/** Whose console this is: a platform's own, or one over a context of a kubeconfig (`pinnace console --context`). */

function told(name: string): string {
  return globalThis.document?.querySelector<HTMLMetaElement>(`meta[name="pinnace-${name}"]`)?.content ?? "";
}

/** The context's name; "" at a platform of its own. */
export const context = told("context");
/** Where the context begins. */
export const contextNamespace = told("namespace");

/** A document is run from a terminal by this: `pinnace run` speaks to a platform of its own. */
export const runs = context ? `kubectl --context ${context} create -f FILE` : "pinnace run FILE";
/** What signs a browser in. */
export const signsIn = context ? `pinnace console --context ${context}` : "pinnace console";

/** What to do when nobody answers. */
export const hint = context ? `pinnace console --context ${context}` : "pinnace status";
