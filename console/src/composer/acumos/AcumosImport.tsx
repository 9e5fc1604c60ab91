/** A blueprint or CDUMP of Acumos comes in: what is known of it, where its containers run, and what it is to become. */

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Download, FileUp, PenLine, Rocket } from "lucide-react";
import { type RefObject, useDeferredValue, useRef, useState } from "react";
import { KubeError } from "../../api/kube";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { downloadText } from "../../ui/download";
import { SelectField } from "../../ui/Fields";
import { Problem } from "../../ui/notes";
import { complain } from "../../ui/toasts";
import * as drafts from "../drafts";
import { FilesInput } from "../FileInput";
import { Containers } from "./Containers";
import { deploy, front } from "./deployment";
import { type Pending, ask, usePending } from "./pending";
import { type Given, NOTHING, type Obj, type Translated, addressesOf, deployable, drawings, entries, reasons, translate } from "./translation";

export function AcumosImport() {
  const pending = usePending();
  return pending ? <Import key={pending.text} {...pending} /> : null;
}

function Import({ text, namespace }: Pending) {
  const [given, setGiven] = useState<Given>(NOTHING);
  const asked = useDeferredValue(given);
  const { data, error } = useQuery<Translated, KubeError>({
    queryKey: ["acumos", text, namespace, asked],
    queryFn: () => translate(text, namespace, complete(asked)),
    retry: false,
    placeholderData: (old) => old,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Dialog title={data?.name ? `Import ${data.name}` : "Import from Acumos"} wide onClose={() => ask(null)}>
      {data ? <Known made={data} given={given} setGiven={setGiven} namespace={namespace} wrong={error} /> : error ? <Problem error={error} /> : null}
    </Dialog>
  );
}

/** What is typed, and not finished, is not sent. */
function complete({ addresses, images, protos }: Given): Given {
  const typed = (all: Record<string, string>, whole: RegExp) => Object.fromEntries(Object.entries(all).filter(([, text]) => whole.test(text)));
  return { addresses: typed(addresses, /^\S+:\d+$/), images: typed(images, /^\S+$/), protos };
}

interface KnownProps {
  made: Translated;
  given: Given;
  setGiven: (given: Given) => void;
  namespace: string;
  wrong: KubeError | null;
}

function Known({ made, given, setGiven, namespace, wrong }: KnownProps) {
  const [deployed, setDeployed] = useState<Front | null>(null);
  if (deployed) return <Deployed front={deployed} namespace={namespace} made={made} />;
  return (
    <>
      <p className="dim">
        {made.format === "cdump" ? "A drawing of Acumos' Design Studio" : "A blueprint of Acumos"} with {made.containers.length} containers. Say where they run already, or which image is to be
        run; what is left empty is taken from the document.
      </p>
      <Containers containers={made.containers} given={given} onGiven={setGiven} />
      <Files made={made} given={given} setGiven={setGiven} />
      {wrong ? <Problem error={wrong} /> : null}
      <Findings made={made} />
      <Choices made={made} namespace={namespace} onDeployed={setDeployed} />
    </>
  );
}

function Files({ made, given, setGiven }: Pick<KnownProps, "made" | "given" | "setGiven">) {
  const addresses = useRef<HTMLInputElement>(null);
  const protos = useRef<HTMLInputElement>(null);
  const names = made.containers.map((each) => each.name);
  const read = async (files: readonly File[]) => Object.fromEntries(await Promise.all(files.map(async (file) => [file.name, await file.text()] as const)));
  return (
    <div className="import-files">
      <Chooser
        label="Addresses from a dockerinfo.json"
        accept=".json"
        ref={addresses}
        onFiles={(files) =>
          void read(files)
            .then((texts) => setGiven({ ...given, addresses: { ...given.addresses, ...addressesOf(Object.values(texts)[0] ?? "", names) } }))
            .catch(complain)
        }
      />
      <Chooser label="Proto files of the models" accept=".proto" multiple ref={protos} onFiles={(files) => void read(files).then((texts) => setGiven({ ...given, protos: { ...given.protos, ...texts } }))} />
      {made.dockerinfo ? (
        <Button Icon={Download} onClick={() => downloadText("dockerinfo.json", JSON.stringify(made.dockerinfo, null, 2), "application/json")}>
          dockerinfo.json
        </Button>
      ) : null}
    </div>
  );
}

interface ChooserProps {
  label: string;
  accept: string;
  multiple?: boolean;
  ref: RefObject<HTMLInputElement | null>;
  onFiles: (files: readonly File[]) => void;
}

function Chooser({ label, accept, multiple = false, ref, onFiles }: ChooserProps) {
  return (
    <>
      <FilesInput label={label} accept={accept} multiple={multiple} ref={ref} onFiles={onFiles} />
      <Button Icon={FileUp} onClick={() => ref.current?.click()}>
        {label}
      </Button>
    </>
  );
}

function Findings({ made }: { made: Translated }) {
  const found = [...made.findings.map(({ message }): [string, string] => ["", message]), ...reasons(made)];
  if (!found.length) return null;
  return (
    <section aria-label="What is to be known">
      <h3>What is to be known</h3>
      <ul className="import-findings">
        {found.map(([what, why]) => (
          <li key={what + why}>
            {what ? <strong>{what}: </strong> : null}
            {why}
          </li>
        ))}
      </ul>
    </section>
  );
}

type Front = ReturnType<typeof front>;

function Choices({ made, namespace, onDeployed }: Pick<KnownProps, "made" | "namespace"> & { onDeployed: (front: Front) => void }) {
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KubeError | null>(null);
  const ways = deployable(made);
  const [chosen, choose] = useState("");
  const way = ways.find((each) => each.value === chosen) ?? ways[0];
  async function deployAll(documents: readonly Obj[]): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      await deploy(documents, namespace);
      onDeployed(front(documents));
    } catch (problem) {
      setError(KubeError.of(problem));
    } finally {
      setBusy(false);
    }
  }
  function open(): void {
    const id = drafts.fresh();
    drafts.keep({ id, namespace, kind: "Workflow", name: "", text: drawings(made), at: Date.now(), base: null });
    ask(null);
    void navigate({ to: "/$namespace/composer/$kind/$name", params: { namespace, kind: "draft", name: id } });
  }
  return (
    <>
      {error ? <Problem error={error} /> : null}
      {way ? <SelectField label="Deploy it as" value={way.value} options={ways} onChange={choose} /> : null}
      <footer className="dialog-foot">
        <Button onClick={() => ask(null)}>Cancel</Button>
        <Button Icon={PenLine} disabled={!made.graph && !made.workflow} onClick={open}>
          Open as a drawing
        </Button>
        <Button Icon={Rocket} look="primary" disabled={busy || !way} onClick={() => way && void deployAll(way.documents)}>
          Deploy in {namespace}
        </Button>
      </footer>
    </>
  );
}

function Deployed({ front: { name, graph }, namespace, made }: { front: Front; namespace: string; made: Translated }) {
  const operation = graph ? "" : (entries(made)[0] ?? "operation");
  const leave = () => ask(null);
  return (
    <>
      <p>
        {name} is being deployed: it answers <code>POST /{operation}</code> as soon as its containers do. Protobuf comes and goes as <code>application/vnd.google.protobuf</code>, JSON as{" "}
        <code>application/json</code>.
      </p>
      <footer className="dialog-foot">
        <Button onClick={leave}>Close</Button>
        {graph ? (
          <Link className="button button-primary" to="/$namespace/endpoints/graphs/$name" params={{ namespace, name }} onClick={leave}>
            To its endpoint
          </Link>
        ) : (
          <Link className="button button-primary" to="/$namespace/endpoints/$name" params={{ namespace, name }} onClick={leave}>
            To its endpoint
          </Link>
        )}
      </footer>
    </>
  );
}
