/** Kubernetes' quantities (`500m`, `1.5Gi`, `12e3`, `250n`) as numbers, and numbers as people read them. */

const FACTORS: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
};
const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?$/;

/** undefined: that is no quantity. */
export function quantity(text: string | number | undefined): number | undefined {
  if (typeof text === "number") return text;
  const found = QUANTITY.exec(text?.trim() ?? "");
  if (!found) return undefined;
  const [, digits = "0", exponent, suffix = ""] = found;
  return Number(digits) * (exponent ? 10 ** Number(exponent) : (FACTORS[suffix] ?? 1));
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value: number): string {
  const step = value > 0 ? Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(value) / 10))) : 0;
  const shown = value / 2 ** (10 * step);
  return `${short(shown)} ${UNITS[step]}`;
}

/** Three digits that matter: 0.05, 1.9, 23.5, 410. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.1) return value.toFixed(2);
  return Math.abs(value) < 100 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value).toLocaleString();
}
