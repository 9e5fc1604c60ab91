import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const control = process.env.PINNACE_URL ?? "http://127.0.0.1:7443";

/** What the server answers beside the console itself. */
const FACES = ["/api", "/apis", "/pinnace", "/signin", "/signout", "/artifact"];

/** The first that know `light-dark()`: lowered, it would ask the system and not the reader. */
const BROWSERS = ["chrome123", "firefox120", "safari17.5"];

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: { outDir: "../src/pinnace/console_dist", emptyOutDir: true, assetsInlineLimit: 0, cssTarget: BROWSERS },
  server: { proxy: Object.fromEntries(FACES.map((path) => [path, { target: control, ws: true }])) },
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"] },
});
