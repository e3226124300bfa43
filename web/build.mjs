// Builds the player: kernels to WebAssembly, all modules to one script, page and style. They go into
// unigs/web/player, or into the folder that is named on the command line.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "../unigs/web/player");

async function kernels() {
  const folder = mkdtempSync(join(tmpdir(), "kernels-"));
  try {
    const file = join(folder, "kernels.wasm");
    const { error, stderr } = await asc.main([
      join(here, "src/kernels/whisper.ts"), "--outFile", file, "--optimizeLevel", "3",
      "--noAssert", "--enable", "simd", "--runtime", "stub",
    ]);
    if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
    return readFileSync(file).toString("base64");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await build({
  entryPoints: [join(here, "src/main.ts")],
  outfile: join(out, "player.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  define: { KERNELS: JSON.stringify(await kernels()) },
});

const page = readFileSync(join(here, "page.html"), "utf8");
const style = readFileSync(join(here, "style.css"), "utf8").trim();
writeFileSync(join(out, "page.html"), page.replace("%%STYLE%%", () => style));
