/** A part of a table in which things stand side by side, a column each: its title, and a row for each of what they have. */

interface Row {
  name: string;
  values: string[];
  differs: boolean;
}

interface Props {
  title: string;
  rows: readonly Row[];
  /** A key for each column. */
  columns: readonly string[];
  /** Values are numbers, most of them. */
  numbers?: boolean;
}

export function SideRows({ title, rows, columns, numbers = false }: Props) {
  if (!rows.length) return null;
  return (
    <tbody>
      <tr className="side-title">
        <th colSpan={columns.length + 1} scope="rowgroup">
          {title}
        </th>
      </tr>
      {rows.map(({ name, values, differs }) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {values.map((value, i) => (
            <td key={columns[i]} className={`${numbers ? "number" : ""} ${differs ? "side-differs" : ""}`}>
              {value || <span className="dim">–</span>}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
