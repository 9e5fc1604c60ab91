import { useNamespace } from "../app/namespace";
import { Page } from "../ui/Page";

export function Home() {
  return <Page title={useNamespace()}>{null}</Page>;
}
