/** An InferenceGraph as a whole. Shown while nothing is chosen. */

import { DocumentName } from "./DocumentName";

export function GraphForm() {
  return (
    <div className="form">
      <DocumentName />
      <p className="dim">Routers send requests on to models in service. Choose one to change it.</p>
    </div>
  );
}
