import { X } from "lucide-react";
import { AlertDialog, Dialog as Radix } from "radix-ui";
import { type ReactNode, useState } from "react";
import { KubeError } from "../api/kube";
import { Button } from "./Button";
import { Problem } from "./notes";

interface Props {
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** A dialog that a key has opened has no button to go back to: it goes back to where one was. */
function useGivenBack(): (event: Event) => void {
  const [before] = useState(() => document.activeElement);
  return (event) => {
    event.preventDefault();
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  };
}

export function Dialog({ title, onClose, wide = false, children }: Props) {
  const giveBack = useGivenBack();
  return (
    <Radix.Root open onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay" />
        <Radix.Content className={wide ? "dialog dialog-wide" : "dialog"} aria-describedby={undefined} onCloseAutoFocus={giveBack}>
          <header className="dialog-head">
            <Radix.Title>{title}</Radix.Title>
            <Radix.Close className="icon-button" aria-label="Close">
              <X size={16} aria-hidden />
            </Radix.Close>
          </header>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmProps {
  title: string;
  /** What will happen, in one sentence. */
  children: ReactNode;
  /** The word on the button: what is done, never "OK". */
  verb: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Before something that cannot be taken back. */
export function Confirm({ title, children, verb, onConfirm, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  async function go() {
    setBusy(true);
    try {
      await onConfirm();
      onClose();
    } catch (problem) {
      setError(KubeError.of(problem));
      setBusy(false);
    }
  }
  return (
    <AlertDialog.Root open onOpenChange={(open) => open || onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description asChild>
            <div>{children}</div>
          </AlertDialog.Description>
          {error ? <Problem error={error} /> : null}
          <footer className="dialog-foot">
            <AlertDialog.Cancel className="button button-plain">Cancel</AlertDialog.Cancel>
            <Button look="danger" disabled={busy} onClick={() => void go()}>
              {verb}
            </Button>
          </footer>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
