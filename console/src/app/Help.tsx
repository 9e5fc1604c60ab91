import { Dialog } from "../ui/Dialog";
import { Keys } from "../ui/Keys";
import { SHORTCUTS } from "./shortcuts";

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <Keys shortcuts={SHORTCUTS} />
    </Dialog>
  );
}
