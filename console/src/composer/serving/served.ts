/** Which languages write what answers requests once it is kept; the desk shows how that goes. */

import type { FormName } from "../document/language";

const SERVED: ReadonlySet<FormName> = new Set<FormName>(["inference"]);

export function isServed(form: FormName | undefined): boolean {
  return form !== undefined && SERVED.has(form);
}
