// How the page is built: relative addresses, because the operator says below which path it is served; hashed names,
// because the gateway lets browsers keep them for ever.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const out = new URL("./dist/", import.meta.url);

export default defineConfig({
  base: "./",
  plugins: [emptyDist(), licences()],
  build: {
    target: "es2022",
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});

/** All but .gitignore, which keeps the folder in the tree. */
function emptyDist(): Plugin {
  return {
    name: "empty-dist",
    apply: "build",
    buildStart() {
      for (const name of readdirSync(out)) {
        if (name !== ".gitignore") rmSync(new URL(name, out), { recursive: true });
      }
    },
  };
}

/** The licences of everything that goes into the page, as they ask for. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const folders = new Set<string>(["@fontsource-variable/geist", "@fontsource-variable/geist-mono"]);
      for (const id of this.getModuleIds()) {
        const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
        if (name) folders.add(name);
      }
      const texts = [...folders].sort().map((name) => {
        const folder = new URL(`./node_modules/${name}/`, import.meta.url);
        const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8")) as { version: string; license: string };
        const file = existsSync(folder) && readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
        const text = file ? readFileSync(new URL(file, folder), "utf8").trim() : "";
        return `${name} ${version} (${license})\n\n${text}`;
      });
      this.emitFile({ type: "asset", fileName: "licenses.txt", source: `What this page is made of.\n\n${texts.join(`\n\n${"-".repeat(80)}\n\n`)}\n` });
    },
  };
}
