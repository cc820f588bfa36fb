import { execFile } from "node:child_process";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, inject, it } from "vitest";

import { makeFolder, removeFolder } from "../harness/folder.ts";
import { describeWith } from "../harness/needs.ts";
import { buildImages, nodeVersion, read } from "./build-once.ts";
import { docker, inspectImage } from "./docker.ts";

const run = promisify(execFile);
const APPS = ["fileserver", "downloader"] as const;

describeWith("what is in an image", [inject("missing")], () => {
  const { base, tag, clone, secret } = inject("built");

  /** The files of an image beyond those of its base, one a line, as tar lists them. */
  const files = async (app: string): Promise<string[]> => {
    const container = await docker("create", `wharf/${app}:${tag}`);
    try {
      const list = "docker export \"$0\" | tar -t | grep -E '^(app|data)(/|$)'";
      const { stdout } = await run("sh", ["-c", list, container], { maxBuffer: 1 << 26 });
      return stdout.trim().split("\n");
    } finally {
      await docker("rm", container);
    }
  };

  it.each(APPS)("%s is less than 60 MB above its base", async (app) => {
    const [image, below] = await Promise.all([inspectImage(`wharf/${app}:${tag}`), inspectImage(base)]);
    const megabytes = (image.Size - below.Size) / 1e6;
    console.log(`${app}: ${megabytes.toFixed(1)} MB above a base of ${(below.Size / 1e6).toFixed(0)} MB`);
    expect(megabytes).toBeLessThan(60);
    expect(image.RootFS.Layers.slice(0, below.RootFS.Layers.length)).toEqual(below.RootFS.Layers);
  });

  it.each(APPS)("%s says what it is, and where from", async (app) => {
    const { stdout: commit } = await run("git", ["rev-parse", "HEAD"], { cwd: clone });
    const { stdout: date } = await run("git", ["show", "-s", "--format=%ct"], { cwd: clone });
    const { Labels } = (await inspectImage(`wharf/${app}:${tag}`)).Config;
    expect(Labels).toMatchObject({
      "org.opencontainers.image.title": `Wharf ${app}`,
      "org.opencontainers.image.description": expect.stringMatching(/\w+ /),
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.version": "0.1.0",
      "org.opencontainers.image.revision": commit.trim(),
      "org.opencontainers.image.created": new Date(Number(date) * 1000).toISOString(),
    });
  });

  it.each(APPS)("%s is run by nobody in particular, with no shell in between", async (app) => {
    const { Config } = await inspectImage(`wharf/${app}:${tag}`);
    expect(Config).toMatchObject({
      User: "65532:65532",
      Entrypoint: ["node", "dist/main.js"],
    });
    const settings = ["NODE_OPTIONS=--enable-source-maps --max-semi-space-size=4", "MALLOC_ARENA_MAX=1"];
    expect(Config.Env).toEqual(expect.arrayContaining(["HOST=0.0.0.0", "VOLUME_DIR=/data", ...settings]));
    expect(Config.Volumes ?? {}).toEqual({});
  });

  it.each(APPS)(
    "%s has what it runs, with source maps, and nothing that only builds or tests it",
    async (app) => {
      const names = await files(app);
      expect(names).toEqual(expect.arrayContaining(["app/dist/main.js", "app/dist/main.js.map", "data/"]));
      const ours = names.filter((name) => /^app\/dist\/|@wharf\/\w+\/dist\//.test(name));
      expect(ours.filter((name) => !/(?:\/|\.js|\.js\.map)$/.test(name))).toEqual([]);
      expect(ours.filter((name) => /\.test\.|\/testing\//.test(name))).toEqual([]);
      const packages = new Set(names.map((name) => /^app\/node_modules\/\.pnpm\/([^/]+)@/.exec(name)?.[1]));
      expect(packages).toContain("fastify");
      for (const name of ["node", "typescript", "vitest", "turbo", "oxlint", "@types+node"])
        expect(packages).not.toContain(name);
      expect(names.filter((name) => /npmrc|\.env$|pnpm-lock|\.node$|tsbuildinfo/.test(name))).toEqual([]);
    },
  );

  it.each(APPS)("no secret that %s was built with is in its layers or its history", async (app) => {
    const search = 'docker save "$0" | grep --count --text --fixed-strings "$1" || true';
    const found = (text: string) => run("sh", ["-c", search, `wharf/${app}:${tag}`, text]);
    expect((await found(secret)).stdout.trim()).toBe("0");
    expect((await found("registry.invalid")).stdout.trim()).toBe("0");
    expect((await found(`Wharf ${app}`)).stdout.trim()).not.toBe("0");
    const { Env } = (await inspectImage(`wharf/${app}:${tag}`)).Config;
    expect(Env.filter((variable) => /^(?:NPM_|NODE_EXTRA)/.test(variable))).toEqual([]);
  });
});

describeWith("building", [inject("missing")], () => {
  const { base, tag, clone } = inject("built");
  const again = `${tag}-again`;
  afterAll(() => docker("image", "rm", "--force", ...APPS.map((app) => `wharf/${app}:${again}`)));
  const layers = async (app: string) => (await inspectImage(`wharf/${app}:${again}`)).RootFS.Layers;

  /** Names, kinds, modes, owners, dates, links and hashes of what an image adds to its base. */
  const contents = async (image: string): Promise<string> => {
    const folder = await makeFolder();
    const container = await docker("create", image);
    const script = `docker export "$0" | tar -x -C "$1" app data && cd "$1" &&
      find app data -printf '%p %y %m %U:%G %T@ %l\\n' | sort && find app data -type f -print0 | sort -z | xargs -0 sha256sum`;
    try {
      return (await run("sh", ["-c", script, container, folder], { maxBuffer: 1 << 26 })).stdout;
    } finally {
      await docker("rm", container);
      await removeFolder(folder);
    }
  };

  // Not the layers' digests: in which order Docker 20.10 packs a layer's files depends on how it came to them.
  it("twice from one commit gives the same files, with the same names, owners, modes and dates", async () => {
    const other = `${clone}-again`;
    await run("git", ["clone", "--quiet", clone, other]);
    const npmrc = join(clone, "../npmrc");
    const env = { ...process.env, TAG: again, NODE_IMAGE: base, NPM_CONFIG_USERCONFIG: npmrc };
    await run("docker", ["buildx", "bake", "--no-cache", "--load"], { cwd: other, env, maxBuffer: 1 << 26 });
    for (const app of APPS) {
      const [first, second] = [
        await contents(`wharf/${app}:${tag}`),
        await contents(`wharf/${app}:${again}`),
      ];
      expect(first.split("\n").length).toBeGreaterThan(1_000);
      expect(second === first, `${app} differs:\n${difference(first, second)}`).toBe(true);
    }
  });

  it("after a change in one app's source installs nothing again", async () => {
    const args = ["--load", "--tag", again, "--node-image", base];
    buildImages(clone, args);
    const [fileserver, downloader] = [await layers("fileserver"), await layers("downloader")];
    await appendFile(join(clone, "apps/fileserver/src/main.ts"), `// changed ${Date.now()}\n`);
    const steps = cached(buildImages(clone, args));
    console.log(steps.map(({ isCached, text }) => `${isCached ? "cached " : "run    "} ${text}`).join("\n"));
    const installing = steps.filter(({ text }) => /npm install|pnpm (?:fetch|install|--filter)/.test(text));
    expect(installing.length).toBeGreaterThanOrEqual(4);
    expect(installing.filter(({ isCached }) => !isCached)).toEqual([]);
    expect(steps.filter(({ isCached, text }) => !isCached && text.includes("tsc -b"))).toHaveLength(1);
    expect((await layers("fileserver")).filter((layer) => !fileserver.includes(layer))).toHaveLength(1);
    expect(await layers("downloader")).toEqual(downloader);
  });

  it("is the same for both but for names, ports and a sentence", () => {
    const [fileserver, downloader] = APPS.map((app) =>
      read(`Dockerfile.${app}`)
        .replaceAll(/fileserver|downloader/g, "app")
        .replace(/description="[^"]*"/, "")
        .replace(/EXPOSE .*/, ""),
    );
    expect(downloader).toBe(fileserver);
  });

  it("begins with the Node that everything is developed with", () => {
    expect(read("Dockerfile.fileserver")).toContain(`ARG NODE_IMAGE=node:${nodeVersion()}-`);
  });
});

/** The lines that only one of two texts has. */
function difference(one: string, other: string): string {
  const [lines, others] = [new Set(one.split("\n")), new Set(other.split("\n"))];
  const missing = [...lines].filter((line) => !others.has(line));
  const added = [...others].filter((line) => !lines.has(line));
  return [...missing.slice(0, 20), "but", ...added.slice(0, 20)].join("\n");
}

/** The RUN steps in BuildKit's plain log, and whether each came from the cache. */
function cached(log: string): { text: string; isCached: boolean }[] {
  const steps = log.matchAll(/^(#\d+) \[[^\]]*\] (RUN .*)$/gm);
  const texts = new Map([...steps].map(([, id = "", text = ""]) => [id, text]));
  return [...texts].map(([id, text]) => ({ text, isCached: new RegExp(`^${id} CACHED$`, "m").test(log) }));
}
