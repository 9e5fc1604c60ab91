import { Dialog } from "../ui/Dialog";
import { Keys } from "../ui/Keys";
import { SHORTCUTS, pageKeys } from "./shortcuts";

export function Help({ onClose }: { onClose: () => void }) {
  const page = pageKeys();
  return (
    <Dialog title="Keyboard shortcuts" wide={page !== null} onClose={onClose}>
      {page ? (
        <>
          <h3>{page.title}</h3>
          <Keys shortcuts={page.keys} />
          <h3>Everywhere</h3>
        </>
      ) : null}
      <Keys shortcuts={SHORTCUTS} />
    </Dialog>
  );
}
