// Serves OpenClaw's page for the test only, and passes its WebSocket on to our gateway.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** The file for an address. The page names its files relative to itself, and is shown at addresses of any depth. */
function find(folder, path) {
  const names = path.split("/").filter(Boolean);
  const paths = names.map((_, at) => join(folder, ...names.slice(at)));
  return paths.find((file) => existsSync(file) && statSync(file).isFile());
}

/** Gives a server of this folder and its address. The gateway may start later: its port is asked for then. */
export function serve(folder, gatewayPort) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const file = find(folder, path);
    // every address without an extension is a page of the one file
    if (!file && extname(path) !== "") {
      response.writeHead(404).end();
      return;
    }
    const shown = file ?? join(folder, "index.html");
    response.writeHead(200, { "content-type": TYPES[extname(shown)] ?? "application/octet-stream" });
    createReadStream(shown).pipe(response);
  });
  server.on("upgrade", (request, socket, head) => {
    const gateway = connect(gatewayPort(), "127.0.0.1", () => {
      const headers = request.rawHeaders.map((word, at) => (at % 2 === 0 ? `${word}: ` : `${word}\r\n`)).join("");
      gateway.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      gateway.write(head);
      gateway.pipe(socket).pipe(gateway);
    });
    gateway.on("error", () => socket.destroy());
    socket.on("error", () => gateway.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve({ server, url: `http://127.0.0.1:${server.address().port}` }));
  });
}
