import { defineConfig } from "vitest/config";

// One build at a time: they share the machine's Docker.
export default defineConfig({
  test: {
    include: ["src/images/**/*.images.ts"],
    globalSetup: ["src/images/build-once.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
