import { defineConfig } from "vitest/config";

// One configuration for every package: `vitest run --config ../../vitest.config.ts` from its folder.
// The `source` condition makes workspace packages resolve to their TypeScript, as `node --conditions=source` does.
export default defineConfig({
  resolve: { conditions: ["source", "node"] },
  ssr: { resolve: { conditions: ["source", "node"] } },
  test: {
    include: ["src/**/*.test.ts"],
    execArgv: ["--conditions=source"],
    // Most of them wait for a process or a clock; one fewer than there are cores would leave half a small machine idle.
    maxWorkers: "100%",
    testTimeout: 60_000,
  },
});
