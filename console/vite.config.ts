import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const control = process.env.PINNACE_URL ?? "http://127.0.0.1:7443";

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: { outDir: "../src/pinnace/console_dist", emptyOutDir: true, assetsInlineLimit: 0 },
  server: { proxy: { "/api": control, "/apis": control, "/pinnace": control, "/signin": control } },
  test: { environment: "jsdom", include: ["test/**/*.test.{ts,tsx}"] },
});
