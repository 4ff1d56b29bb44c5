// How the page is built: relative addresses, because the operator says below which path it is served; hashed names,
// because the gateway lets browsers keep them for ever.
import { readdirSync, rmSync } from "node:fs";
import { defineConfig } from "vite";

const out = new URL("./dist/", import.meta.url);

export default defineConfig({
  base: "./",
  plugins: [
    {
      name: "empty-dist",
      // all but .gitignore, which keeps the folder in the tree
      buildStart() {
        for (const name of readdirSync(out)) {
          if (name !== ".gitignore") rmSync(new URL(name, out), { recursive: true });
        }
      },
    },
  ],
  build: {
    target: "es2022",
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
