import type { Port } from "../model";

/** What is wrong with a parameter's value that stands there as it is. */
export function fault(port: Port, value: string): string | undefined {
  if (value === "" || value.includes("{{")) return undefined;
  if (port.enum && !port.enum.includes(value)) return `One of ${port.enum.join(", ")}`;
  const type = port.types[0] ?? "text";
  if (type !== "integer" && type !== "number") return undefined;
  const number = Number(value);
  if (!Number.isFinite(number)) return "This is no number";
  if (type === "integer" && !Number.isInteger(number)) return "This is no whole number";
  if (port.minimum !== undefined && number < port.minimum) return `At least ${port.minimum}`;
  return port.maximum !== undefined && number > port.maximum ? `At most ${port.maximum}` : undefined;
}
