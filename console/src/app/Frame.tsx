/** The frame around every page: where am I (namespace), what is there (sections), does the server answer. */

import { Outlet } from "@tanstack/react-router";
import { Suspense, lazy, useEffect, useState } from "react";
import { useConnected } from "../api/connection";
import { context, hint } from "../api/context";
import { Toasts } from "../ui/toasts";
import { tellWhole } from "../ui/whole";
import { Sidebar } from "./Sidebar";
import { remember, useNamespace } from "./namespace";
import { useShortcuts } from "./shortcuts";
import { useNarrow } from "./narrow";

const palette = () => import("./Palette");
const Palette = lazy(() => palette().then((m) => ({ default: m.Palette })));
const Help = lazy(() => import("./Help").then((m) => ({ default: m.Help })));

const SOON = 800;

export function Frame() {
  const namespace = useNamespace();
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  useEffect(() => remember(namespace), [namespace]);
  useEffect(tellWhole, []);
  useEffect(() => {
    // Once the page has come, so that what is typed after Ctrl-K meets the palette and nothing else.
    // A server that is away meanwhile is told of elsewhere; whoever opens the palette asks again.
    const timer = setTimeout(() => void palette().catch(() => undefined), SOON);
    return () => clearTimeout(timer);
  }, []);
  useShortcuts(namespace, setOpen);
  const narrow = useNarrow();
  return (
    <div className={narrow ? "frame frame-narrow" : "frame"}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Sidebar namespace={namespace} narrow={narrow} onOpen={setOpen} />
      <div className="middle">
        <Connection />
        <main id="main" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <Toasts />
      <Suspense>
        {open === "palette" ? <Palette namespace={namespace} onClose={() => setOpen(null)} /> : null}
        {open === "help" ? <Help onClose={() => setOpen(null)} /> : null}
      </Suspense>
    </div>
  );
}

function Connection() {
  const connected = useConnected();
  return (
    <div role="status">
      {connected ? null : (
        <p className="offline">
          <strong>The server does not answer.</strong> What you see may be old; this page goes on by itself when it is
          back. {context ? "If this console was ended, start it again:" : "More is told by:"} <code>{hint}</code>
        </p>
      )}
    </div>
  );
}
