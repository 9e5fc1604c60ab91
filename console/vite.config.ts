import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const control = process.env.PINNACE_URL ?? "http://127.0.0.1:7443";

/** What the server answers beside the console itself. */
const FACES = ["/api", "/apis", "/pinnace", "/signin", "/signout", "/artifact"];

/** The first that know `light-dark()`: lowered, it would ask the system and not the reader. */
const BROWSERS = ["chrome123", "firefox120", "safari17.5"];

/** Large, and only for some pages: these stay in chunks of their own. */
const HEAVY = /node_modules[\\/](yaml|codemirror|@codemirror|@lezer|@xyflow|elkjs|echarts|zrender|cmdk|croner|d3-[a-z]+)[\\/]/;

/**
 * Few files: a browser asks for six at a time, and each costs more than its bytes. What the first page needs is one
 * file, what several pages share another.
 */
const groups = [
  { name: "frame", tags: ["$initial" as const], priority: 2 },
  { name: "kit", minShareCount: 3, test: (id: string) => !HEAVY.test(id), priority: 1 },
];

/** Packed once, here, and served as it is (`api/console.py`); below a kilobyte packing saves nothing. */
function packed(): Plugin {
  const pack = promisify(brotliCompress);
  // The last twentieth of the bytes would take ten times as long.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  return {
    name: "packed",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const names = Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name));
      await Promise.all(
        names.map(async (name) => {
          const plain = await readFile(join(dir, name));
          if (plain.length >= 1024) await writeFile(join(dir, `${name}.br`), await pack(plain, { params }));
        }),
      );
    },
  };
}

export default defineConfig({
  base: "/console/",
  plugins: [react(), packed()],
  build: {
    outDir: "../src/pinnace/console_dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssTarget: BROWSERS,
    rolldownOptions: { output: { codeSplitting: { groups } } },
  },
  server: { proxy: Object.fromEntries(FACES.map((path) => [path, { target: control, ws: true }])) },
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"] },
});
