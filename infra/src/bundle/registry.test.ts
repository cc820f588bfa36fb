import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

import { RegistryClient } from "./registry.ts";
import { Origin, sha256 } from "./testing.ts";

const web = { signal: new AbortController().signal };
const layout = () => mkdtempSync(join(tmpdir(), "wharf-layout-"));
const within = (folder: string) => (digest: string) => join(folder, "blobs/sha256", digest);
const blobs = (folder: string) => readdirSync(join(folder, "blobs/sha256"));

it("of an image for several architectures, one comes, whole", async () => {
  await using origin = await Origin.start();
  origin.image("group/one", "v1");
  const folder = layout();
  const client = new RegistryClient(web, { _default: origin.url }, "amd64");
  const { digest, mediaType } = await client.copy("registry.example/group/one:v1", within(folder));
  expect(mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  const text = readFileSync(join(folder, "blobs/sha256", digest.slice(7)), "utf8");
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] };
  const names = [digest, config.digest, ...layers.map((layer) => layer.digest)].map((one) => one.slice(7));
  expect(blobs(folder).toSorted()).toEqual(names.toSorted());
  for (const name of names) expect(sha256(readFileSync(join(folder, "blobs/sha256", name)))).toBe(name);
  expect(readFileSync(join(folder, "blobs/sha256", config.digest.slice(7)), "utf8")).toContain("amd64");
});

it("a registry that asks for a token is given the one that it names", async () => {
  await using origin = await Origin.start();
  origin.image("one", "v1");
  origin.token = "secret";
  const client = new RegistryClient(web, { _default: origin.url }, "arm64");
  await client.copy("registry.example/one:v1", within(layout()));
  expect(origin.asked.filter((path) => path === "/token")).toHaveLength(1);
});

it("what is there is not asked for again", async () => {
  await using origin = await Origin.start();
  origin.image("one", "v1");
  const folder = layout();
  await new RegistryClient(web, { _default: origin.url }, "amd64").copy(
    "registry.example/one:v1",
    within(folder),
  );
  origin.asked.length = 0;
  await new RegistryClient(web, { _default: origin.url }, "amd64").copy(
    "registry.example/one:v1",
    within(folder),
  );
  expect(origin.asked.filter((path) => path.includes("/blobs/"))).toEqual([]);
});

it("a blob that is not what its digest says is refused, and leaves no file", async () => {
  await using origin = await Origin.start();
  origin.image("one", "v1");
  for (const path of origin.served.keys()) if (path.includes("/blobs/")) origin.file(path, "something else");
  const folder = layout();
  const client = new RegistryClient(web, { _default: origin.url }, "amd64");
  await expect(client.copy("registry.example/one:v1", within(folder))).rejects.toMatchObject({
    code: "BUNDLE_FAILED",
  });
  expect(blobs(folder).filter((name) => !name.endsWith(".part"))).toEqual([]);
});

it("an image or an architecture that is not there is told by name", async () => {
  await using origin = await Origin.start();
  const client = new RegistryClient(web, { _default: origin.url }, "amd64");
  await expect(client.copy("registry.example/none:v1", within(layout()))).rejects.toThrow(
    "/v2/none/manifests/v1 is not there",
  );
  const mediaType = "application/vnd.oci.image.index.v1+json";
  origin.file("/v2/bare/manifests/v1", JSON.stringify({ mediaType, manifests: [] }), mediaType);
  await expect(client.copy("registry.example/bare:v1", within(layout()))).rejects.toThrow(
    "not there for linux/amd64",
  );
});

it("a blob whose connection breaks is asked for again", async () => {
  await using origin = await Origin.start();
  origin.image("one", "v1");
  const paths = [...origin.served.keys()].filter((path) => path.includes("/blobs/"));
  for (const path of paths) origin.breaking.add(path);
  const folder = layout();
  const client = new RegistryClient(web, { _default: origin.url }, "amd64");
  await client.copy("registry.example/one:v1", within(folder));
  expect(blobs(folder)).toHaveLength(3);
  expect(origin.asked.filter((path) => path.includes("/blobs/"))).toHaveLength(4);
});

it("a registry that asks for a password says so", async () => {
  await using origin = await Origin.start();
  origin.image("one", "v1");
  origin.authorization = "Basic secret";
  const client = new RegistryClient(web, { _default: origin.url }, "amd64");
  await expect(client.copy("registry.example/one:v1", within(layout()))).rejects.toMatchObject({
    message: expect.stringContaining("/v2/one/manifests/v1 answers 401") as string,
    hint: expect.stringContaining("sources.credentials") as string,
  });
});
