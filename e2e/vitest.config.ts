import { defineConfig } from "vitest/config";

// One file after the other: the suites measure memory and time, fill disks and kill processes.
export default defineConfig({
  test: {
    include: ["src/**/*.e2e.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
  },
});
