import { defineConfig } from "vitest/config";

// One configuration for every package: `vitest run --config ../../vitest.config.ts` from its folder.
// The `source` condition makes workspace packages resolve to their TypeScript, as `node --conditions=source` does.
export default defineConfig({
  resolve: { conditions: ["source", "node"] },
  ssr: { resolve: { conditions: ["source", "node"] } },
  test: {
    include: ["src/**/*.test.ts"],
    execArgv: ["--conditions=source"],
    testTimeout: 20_000,
  },
});
