import { defineConfig } from "vitest/config";

// On a real cluster: one namespace after the other, minutes each.
export default defineConfig({
  test: {
    include: ["src/cluster/**/*.cluster.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
