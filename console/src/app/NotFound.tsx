import { Link } from "@tanstack/react-router";
import { useTitle } from "../ui/Page";
import { Empty } from "../ui/notes";

export function NotFound() {
  useTitle("No such page");
  return (
    <Empty title="There is no such page" level={1}>
      <Link to="/">Back to the start</Link>
    </Empty>
  );
}
