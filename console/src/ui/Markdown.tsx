import { type Span, blocks } from "./prose";

/** Somebody's Markdown as elements of ours: no HTML of theirs, no images, links that say where they lead. */
export function Markdown({ text, label }: { text: string; label: string }) {
  return (
    <article className="markdown" aria-label={label}>
      {blocks(text).map((block, i) => {
        switch (block.kind) {
          case "heading":
            return (
              <p key={i} role="heading" aria-level={Math.min(6, block.level + 2)} className={`markdown-${block.level}`}>
                <Spans of={block.spans} />
              </p>
            );
          case "code":
            return <pre key={i}>{block.text}</pre>;
          case "rule":
            return <hr key={i} />;
          case "quote":
            return (
              <blockquote key={i}>
                <Spans of={block.spans} />
              </blockquote>
            );
          case "list": {
            const List = block.ordered ? "ol" : "ul";
            return (
              <List key={i}>
                {block.items.map((item, j) => (
                  <li key={j}>
                    <Spans of={item} />
                  </li>
                ))}
              </List>
            );
          }
          case "table":
            return <Rows key={i} head={block.head} rows={block.rows} />;
          default:
            return (
              <p key={i}>
                <Spans of={block.spans} />
              </p>
            );
        }
      })}
    </article>
  );
}

function Rows({ head, rows }: { head: Span[][]; rows: Span[][][] }) {
  return (
    <table>
      <thead>
        <tr>
          {head.map((cell, i) => (
            <th key={i}>
              <Spans of={cell} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr key={i}>
            {row.map((cell, j) => (
              <td key={j}>
                <Spans of={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Spans({ of }: { of: Span[] }) {
  return of.map((span, i) => {
    if (span.kind === "code") return <code key={i}>{span.text}</code>;
    if (span.kind === "strong") return <strong key={i}>{span.text}</strong>;
    if (span.kind === "em") return <em key={i}>{span.text}</em>;
    if (span.kind === "link")
      return (
        <a key={i} href={span.to} target="_blank" rel="noreferrer noopener">
          {span.text}
        </a>
      );
    return <span key={i}>{span.text}</span>;
  });
}
