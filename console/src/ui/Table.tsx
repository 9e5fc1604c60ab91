/** Rows of alike things: sorted by a click on a heading, drawn only where they are seen. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useMemo, useRef, useState } from "react";

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** By what the column sorts; without it, it does not. */
  by?: (row: T) => string | number;
  /** Numbers stand to the right. */
  number?: boolean;
  /** The title is only read out: columns of buttons and boxes. */
  quiet?: boolean;
  /** Stands in the heading instead of the title: a box that chooses all. */
  heading?: ReactNode;
  /** Takes the room that the others leave, and is cut off at its end: messages, descriptions. */
  rest?: boolean;
  width?: string;
}

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  /** A row that means "this one" now. */
  selected?: (row: T) => boolean;
}

/** As high as a row of text is; a row that is seen is measured. */
const ROW = 39;
const DRAWN_WHOLE = 150;

interface Order {
  column: number;
  down: boolean;
}

export function Table<T>({ label, columns, rows, id, selected }: Props<T>) {
  const [order, setOrder] = useState<Order | null>(null);
  const sorted = useMemo(() => (order ? inOrder(rows, columns, order) : rows), [rows, columns, order]);
  const Body = sorted.length > DRAWN_WHOLE ? WindowedBody : WholeBody;
  return (
    <Body
      head={
        <thead>
          <tr>
            {columns.map((column, i) => (
              <Heading key={column.title} column={column} index={i} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
      }
      label={label}
      rows={sorted}
      columns={columns}
      id={id}
      selected={selected ?? (() => false)}
    />
  );
}

function inOrder<T>(rows: T[], columns: Column<T>[], { column, down }: Order): T[] {
  const by = columns[column]?.by;
  if (!by) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(by(a), by(b)));
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

function Heading<T>(props: { column: Column<T>; index: number; order: Order | null; onOrder: (order: Order) => void }) {
  const { column, index, order, onOrder } = props;
  const here = order?.column === index ? order : null;
  const style = column.width ? { width: column.width } : undefined;
  if (!column.by)
    return (
      <th style={style} className={kind(column)}>
        {column.heading ?? (column.quiet ? <span className="hidden">{column.title}</span> : column.title)}
      </th>
    );
  return (
    <th style={style} className={kind(column)} aria-sort={here ? (here.down ? "descending" : "ascending") : "none"}>
      <button type="button" className="sort" onClick={() => onOrder({ column: index, down: here ? !here.down : false })}>
        {column.title}
        {here ? here.down ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden /> : null}
      </button>
    </th>
  );
}

function kind<T>({ number, rest }: Column<T>): string {
  return [number ? "number" : "", rest ? "cell-rest" : ""].filter(Boolean).join(" ");
}

interface BodyProps<T> extends Required<Props<T>> {
  head: ReactNode;
}

interface RowProps<T> {
  row: T;
  columns: Column<T>[];
  selected: boolean;
  /** Of a row whose height is measured. */
  index?: number;
  measure?: (row: HTMLTableRowElement | null) => void;
}

function Row<T>({ row, columns, selected, index, measure }: RowProps<T>) {
  return (
    <tr aria-selected={selected || undefined} ref={measure} data-index={index}>
      {columns.map((column) => (
        <td key={column.title} className={kind(column)}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Whether there is more of it than its frame shows: then the keys must reach it. */
function useOverflow(frame: RefObject<HTMLDivElement | null>): boolean {
  const [wide, setWide] = useState(false);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watcher = new ResizeObserver(() => setWide(element.scrollWidth > element.clientWidth));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [frame]);
  return wide;
}

function WholeBody<T>({ head, label, rows, columns, id, selected }: BodyProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const wide = useOverflow(frame);
  return (
    <div className="table-frame" ref={frame} {...(wide ? { tabIndex: 0, role: "region", "aria-label": label } : {})}>
      <table aria-label={label}>
        {head}
        <tbody>
          {rows.map((row) => (
            <Row key={id(row)} row={row} columns={columns} selected={selected(row)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Thousands of rows: a window of them, between two rows as high as what is not drawn. */
function WindowedBody<T>({ head, label, rows, columns, id, selected }: BodyProps<T>) {
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => ROW, overscan: 12 });
  const seen = virtual.getVirtualItems();
  const above = seen[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <div className="table-frame table-window" ref={frame} tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label} aria-rowcount={rows.length}>
        {head}
        <tbody>
          <Gap height={above} columns={columns.length} />
          {seen.map(({ index }) => {
            const row = rows[index];
            return row === undefined ? null : <Row key={id(row)} row={row} columns={columns} selected={selected(row)} index={index} measure={virtual.measureElement} />;
          })}
          <Gap height={below} columns={columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function Gap({ height, columns }: { height: number; columns: number }) {
  return height > 0 ? (
    <tr aria-hidden className="gap">
      <td colSpan={columns} style={{ height }} />
    </tr>
  ) : null;
}
