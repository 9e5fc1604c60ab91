/** Opens what has a gate (a notebook, a TensorBoard) in a tab of its own, by a link that works once. */

import { create } from "../api/kube";
import { complain } from "../ui/toasts";

/** The tab is opened at the click, before the answer: browsers refuse later ones. */
export async function connect(namespace: string, plural: "notebooks" | "tensorboards", name: string): Promise<void> {
  const tab = window.open("about:blank", "_blank");
  try {
    const path = `/pinnace/v1/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}/link`;
    const { url } = await create<{ url: string }>(path, {});
    if (!tab) throw new Error("This browser does not let the console open a tab: allow pop-ups for it.");
    tab.opener = null;
    tab.location.replace(url);
  } catch (problem) {
    tab?.close();
    complain(problem);
  }
}
